/** Tokens that a back end makes: a hub takes them, whatever they were signed with. */
import { generateKeyPairSync } from 'node:crypto';
import { createToken, type TokenRequest } from '@ringhub/client/token';
import { describe, expect, it } from 'vitest';
import { FixedKeys, type IssuerKey, publicKeysIn, secretKey } from '../../server/src/auth/issuer-keys.ts';
import { JwtAuth } from '../../server/src/auth/jwt-auth.ts';
import { nodeClock } from '../../server/src/node-clock.ts';

const SECRET = 'a-long-Secret/of_this-test.0123456';
const BASE = { issuer: 'https://shop.example', audience: 'ringhub', subject: 'alice' };

const pair = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const pemOf = (name: keyof typeof pair): string =>
  pair[name].privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const publicOf = (name: keyof typeof pair): readonly IssuerKey[] =>
  publicKeysIn(
    pair[name].publicKey.export({ type: 'spki', format: 'pem' }) as string,
  ) as readonly IssuerKey[];

const authOf = (keys: readonly IssuerKey[], roles = ['browser', 'server']) =>
  new JwtAuth(
    [
      {
        issuer: BASE.issuer,
        audience: ['ringhub'],
        algorithms: keys.map(({ algorithm }) => algorithm),
        keys: new FixedKeys(keys),
        roles,
        roleClaim: 'ringhub.role',
        subjectPrefix: '',
        maxLifetimeMs: 86_400_000,
      },
    ],
    nodeClock,
  );

const headerOf = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString());

describe('a token of a back end', () => {
  it('signed by a secret is taken', async () => {
    const token = await createToken({ ...BASE, secret: SECRET });
    expect(headerOf(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const admission = await authOf([secretKey(SECRET)]).authenticate(token);
    expect(admission).toMatchObject({ subject: 'alice', role: 'browser' });
    const leftMs = (admission as { expiresAtMs: number }).expiresAtMs - Date.now();
    expect(leftMs).toBeGreaterThan(800_000);
    expect(leftMs).toBeLessThanOrEqual(900_000);
  });

  it.each(['ES256', 'EdDSA', 'RS256'] as const)('signed by a private key for %s is taken', async (name) => {
    const token = await createToken({
      ...BASE,
      subject: 'älïce 🦊',
      privateKey: pemOf(name),
      keyId: 'k1',
      role: 'server',
    });
    expect(headerOf(token)).toEqual({ alg: name, typ: 'JWT', kid: 'k1' });
    expect(await authOf(publicOf(name)).authenticate(token)).toMatchObject({
      subject: 'älïce 🦊',
      role: 'server',
    });
  });

  it('ends when it was said to', async () => {
    const token = await createToken({ ...BASE, secret: SECRET, expiresInSec: 1 });
    const auth = authOf([secretKey(SECRET)]);
    await expect.poll(async () => auth.authenticate(token)).toMatchObject({ denied: 'token-expired' });
  });

  const wrong: (readonly [string, Partial<TokenRequest>, RegExp])[] = [
    ['a secret that is short', { secret: 'short' }, /at least 32 bytes/],
    ['no key', {}, /needs secret, or privateKey/],
    [
      'a key in another form',
      { privateKey: pair.ES256.privateKey.export({ type: 'sec1', format: 'pem' }) as string },
      /openssl pkcs8 -topk8/,
    ],
    [
      'a key of another curve',
      {
        privateKey: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export({
          type: 'pkcs8',
          format: 'pem',
        }) as string,
      },
      /neither EC on P-256/,
    ],
    ['no subject', { secret: SECRET, subject: '' }, /subject/],
    ['a long subject', { secret: SECRET, subject: 'x'.repeat(129) }, /subject/],
    ['no issuer', { secret: SECRET, issuer: '' }, /issuer and audience/],
    ['a life of nothing', { secret: SECRET, expiresInSec: 0 }, /expiresInSec/],
    ['half a second', { secret: SECRET, expiresInSec: 0.5 }, /expiresInSec/],
  ];
  it.each(wrong)('is not made with %s', async (_, request, reason) => {
    await expect(createToken({ ...BASE, ...request })).rejects.toThrow(reason);
  });
});
