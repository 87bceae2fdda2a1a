/** Keys that an issuer publishes: when it is asked, what is believed, and what holds while it does not answer. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IssuerKey, keysInSet, type NoKey, publicKeysIn } from '../../server/src/auth/issuer-keys.ts';
import { RemoteKeys, type RemoteKeysOptions } from '../../server/src/auth/remote-keys.ts';
import { ED, ES, RS, type TestIssuer } from '../server/support/made-tokens.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

const jwkOf = ({ publicKey, kid }: TestIssuer, more: object = {}) => ({
  ...publicKey!.export({ format: 'jwk' }),
  kid,
  ...more,
});

const kidOf = (found: IssuerKey | NoKey): string | undefined => ('key' in found ? found.kid : undefined);

describe('published keys', () => {
  let server: Server;
  let url: string;
  let asked: number;
  let answer: RequestListener;
  let clock: ManualClock;
  let troubles: string[];

  beforeEach(async () => {
    asked = 0;
    troubles = [];
    clock = new ManualClock();
    answer = publish(jwkOf(RS), jwkOf(ES));
    server = createServer((request, response) => {
      asked++;
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });

  afterEach(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );

  const publish =
    (...keys: unknown[]): RequestListener =>
    (_, response) =>
      response.end(JSON.stringify({ keys }));

  const source = (options: Partial<RemoteKeysOptions> = {}) =>
    new RemoteKeys({ url, clock, onTrouble: (trouble) => troubles.push(trouble), ...options });

  it('are asked for once, by however many', async () => {
    const keys = source();
    const found = await Promise.all([
      keys.find('RS256', 'rsa-1'),
      keys.find('ES256', 'ec-1'),
      keys.find('RS256', undefined),
      ...Array.from({ length: 50 }, () => keys.find('RS256', 'rsa-1')),
    ]);
    expect(found.map(kidOf).slice(0, 3)).toEqual(['rsa-1', 'ec-1', 'rsa-1']);
    clock.advance(599_999);
    expect(kidOf(await keys.find('ES256', 'ec-1'))).toBe('ec-1');
    expect(asked).toBe(1);
  });

  it('are asked for by names that nobody knows no more often than the cooldown allows', async () => {
    const keys = source();
    for (let i = 0; i < 100; i++) expect(kidOf(await keys.find('RS256', `made-up-${i}`))).toBeUndefined();
    expect(asked).toBe(1);
    clock.advance(30_000);
    for (let i = 0; i < 100; i++) await keys.find('RS256', `made-up-${i}`);
    expect(asked).toBe(2);
  });

  it('change: a new one is found at once, a withdrawn one is forgotten', async () => {
    const keys = source();
    await keys.find('RS256', 'rsa-1');
    answer = publish(jwkOf(ES, { kid: 'ec-2' }));
    clock.advance(30_000);
    expect(kidOf(await keys.find('ES256', 'ec-2'))).toBe('ec-2');
    expect(kidOf(await keys.find('RS256', 'rsa-1'))).toBeUndefined();
    expect(asked).toBe(2);
  });

  it('that are withdrawn are found out when the answer is no longer fresh', async () => {
    const keys = source();
    await keys.find('RS256', 'rsa-1');
    answer = publish(jwkOf(ES));
    clock.advance(600_000);
    expect(kidOf(await keys.find('RS256', 'rsa-1'))).toBeUndefined();
  });

  it.each<[string, RequestListener]>([
    ['fails', (_, response) => response.writeHead(500).end('{}')],
    ['hangs up', (request) => request.socket.destroy()],
    ['answers with no JSON', (_, response) => response.end('<html>')],
    ['answers with no keys', (_, response) => response.end('{"keys":[]}')],
    ['answers with something else', (_, response) => response.end('{"keys":{"length":1e9}}')],
    ['leads elsewhere', (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['answers without end', endless],
  ])('hold while the issuer %s', async (_, trouble) => {
    const keys = source();
    await keys.find('RS256', 'rsa-1');
    answer = trouble;
    clock.advance(3_600_000);
    expect(kidOf(await keys.find('RS256', 'rsa-1'))).toBe('rsa-1');
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain(url);
    // It is not asked again for every token.
    for (let i = 0; i < 10; i++) expect(kidOf(await keys.find('RS256', 'rsa-1'))).toBe('rsa-1');
    expect(asked).toBe(2);
    answer = publish(jwkOf(RS, { kid: 'rsa-2' }));
    clock.advance(30_000);
    expect(kidOf(await keys.find('RS256', 'rsa-2'))).toBe('rsa-2');
  });

  it('are read no further than an answer may be long', async () => {
    answer = endless;
    await source().find('RS256', 'rsa-1');
    expect(troubles[0]).toContain('more than 262144 bytes');
  });

  it('hold while the issuer is silent, and nobody waits longer than the timeout', async () => {
    const keys = source({ timeoutMs: 1_000 });
    await keys.find('RS256', 'rsa-1');
    answer = () => {};
    clock.advance(3_600_000);
    expect(kidOf(await keys.find('RS256', 'rsa-1'))).toBe('rsa-1');
    expect(troubles).toHaveLength(1);
  });

  it('are none at first where the issuer does not answer, and nothing throws', async () => {
    answer = (request) => request.socket.destroy();
    expect(await source().find('RS256', 'rsa-1')).toHaveProperty('reason');
  });
});

/** Writes until the reader has enough; ends after 4 MiB, or the reader has not stopped. */
const endless: RequestListener = (_, response) => {
  response.write('{"keys":["');
  const piece = 'x'.repeat(64 * 1024);
  let written = 0;
  const more = (): void => {
    while (written < 4 * 1024 * 1024 && !response.destroyed) {
      written += piece.length;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
    response.end('"]}');
  };
  more();
};

describe('a set of keys', () => {
  const kids = (...keys: unknown[]) => keysInSet({ keys }).map(({ kid, algorithm }) => `${kid} ${algorithm}`);

  it('has those that check signatures by an algorithm that is known', () => {
    expect(kids(jwkOf(RS), jwkOf(ES, { use: 'sig', alg: 'ES256' }), jwkOf(ED, { alg: 'Ed25519' }))).toEqual([
      'rsa-1 RS256',
      'ec-1 ES256',
      'ed-1 EdDSA',
    ]);
  });

  it.each<[string, unknown]>([
    ['for encryption', jwkOf(RS, { use: 'enc' })],
    ['for another algorithm', jwkOf(RS, { alg: 'PS256' })],
    ['for an algorithm of another kind', jwkOf(RS, { alg: 'HS256' })],
    ['a shared secret', { kty: 'oct', kid: 's', k: 'AAAA', alg: 'HS256' }],
    ['a private key', jwkOf(ES, { d: 'AAAA' })],
    ['on another curve', { kty: 'EC', crv: 'P-384', kid: 'c', x: 'AAAA', y: 'AAAA' }],
    ['with a name that is none', jwkOf(RS, { kid: 7 })],
    ['too small', { kty: 'RSA', kid: 'r', e: 'AQAB', n: Buffer.alloc(128, 255).toString('base64url') }],
    ['nothing', null],
    ['a list', []],
  ])('leaves out what is %s', (_, key) => {
    expect(kids(key, jwkOf(ES))).toEqual(['ec-1 ES256']);
  });

  it('takes the first of two with one name, and no more than 64', () => {
    const [key, ...more] = keysInSet({ keys: [jwkOf(RS), jwkOf(RS, { n: 'AAAA' })] });
    expect(key?.kid).toBe('rsa-1');
    expect(more).toEqual([]);
    const many = Array.from({ length: 100 }, (_, i) => jwkOf(ES, { kid: `k${i}` }));
    expect(keysInSet({ keys: many })).toHaveLength(64);
  });

  it.each([undefined, null, 7, 'keys', [], {}, { keys: 7 }])('is empty where it is %j', (document) => {
    expect(keysInSet(document)).toEqual([]);
  });
});

describe('a key file', () => {
  const pem = RS.publicKey!.export({ type: 'spki', format: 'pem' }) as string;

  it('holds PEM, a JWK or a JWKS', () => {
    for (const text of [pem, JSON.stringify(jwkOf(RS)), JSON.stringify({ keys: [jwkOf(RS)] })]) {
      expect(publicKeysIn(text)).toMatchObject([{ algorithm: 'RS256' }]);
    }
  });

  it.each([
    ['a private key', '-----BEGIN PRIVATE KEY-----', /public one only/],
    ['nothing', '', /neither/],
    ['damaged PEM', pem.slice(0, 200), /neither/],
    ['damaged JSON', '{', /no JSON/],
    ['JSON without a key', '{"keys":[]}', /no public key/],
  ])('with %s is refused', (_, text, reason) => {
    expect((publicKeysIn(text) as NoKey).reason).toMatch(reason);
  });
});
