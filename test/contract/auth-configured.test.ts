/** Section `auth` of the configuration: what is taken, and what keeps a hub from starting. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAuth } from '../../server/src/auth/configured-auth.ts';
import { hashOf } from '../../server/src/auth/configured-tokens.ts';
import { JwtAuth } from '../../server/src/auth/jwt-auth.ts';
import { secretFault } from '../../server/src/auth/secret-faults.ts';
import { TokenAuth } from '../../server/src/auth/token-auth.ts';
import { readConfig } from '../../server/src/config/read-config.ts';
import { ES, goodToken, HS, RS, SECRET } from '../server/support/made-tokens.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const clock = new ManualClock();
const nowS = Math.floor(clock.wallMs() / 1000);

/** Reads a configuration as `ringhub serve` does. */
function read(auth: object, roles: object = {}) {
  const result = readConfig({ file: { name: 'ringhub.yaml', text: JSON.stringify({ auth, roles }) } });
  if (result.kind === 'faults') return { faults: result.faults, warnings: [] };
  return readAuth(result.config.auth, Object.keys(result.config.roles), clock, () => {});
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringhub-auth-'));
  const pem = RS.publicKey!.export({ type: 'spki', format: 'pem' }) as string;
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(at('rsa.pem'), pem);
  writeFileSync(at('ec.jwk'), JSON.stringify(ES.publicKey!.export({ format: 'jwk' })));
  writeFileSync(at('private.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  writeFileSync(at('secret'), `${SECRET}\n`, { mode: 0o600 });
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a secret', () => {
  it('made at random is taken', () => {
    for (let i = 0; i < 200; i++) {
      expect(secretFault(randomBytes(32).toString('base64url'))).toBeUndefined();
      expect(secretFault(randomBytes(16).toString('hex'))).toBeUndefined();
    }
  });

  it.each([
    ['', 'at least 32'],
    ['x', 'at least 32'],
    ['a'.repeat(31), 'at least 32'],
    ['a'.repeat(64), 'different characters'],
    ['abcabcabcabcabcabcabcabcabcabcabcabc', 'different characters'],
    ['your-256-bit-secret', 'documentation'],
    ['Your-256-Bit-Secret-Your-256-Bit-Secret', 'documentation'],
    ['a-string-secret-at-least-256-bits-long', 'documentation'],
    ['super-secret-jwt-token-with-at-least-32-characters-long', 'documentation'],
    ['!ChangeThisMercureHubJWTSecretKey!', 'documentation'],
    ['cc7e0d44fd473002f1c42167459001140ec6389b7353f8088f4d9a95f2f596f2', 'documentation'],
    ['bbe7d157-a253-4094-9759-06a8236543f9', 'documentation'],
    ['please-CHANGE-ME-before-production-ok', 'documentation'],
    ['01234567890123456789012345678901', 'documentation'],
    ['0123456789abcdef0123456789abcdef', 'documentation'],
  ])('%j is refused, with what to do about it, and without being told', (secret, why) => {
    const fault = secretFault(secret)!;
    expect(fault).toContain(why);
    expect(fault).toContain('ringhub token generate');
    if (secret.length > 1) expect(fault).not.toContain(secret);
    const jwt = { issuer: 'https://i.test', audience: 'a', algorithms: ['HS256'], secret };
    expect(read({ jwt: [jwt] }).faults[0]).toContain(why);
    if (secret !== '') {
      expect(read({ tokens: [{ token: secret, subject: 's', role: 'server' }] }).faults[0]).toContain(why);
    }
  });
});

describe('an API key by its hash', () => {
  const token = 'Key-of-the-application-server-1234';

  it('is the same as by itself, and the configuration holds no secret', () => {
    const { tokens, faults } = read({
      tokens: [{ tokenHash: hashOf(token), subject: 'app', role: 'server' }],
    }) as ReturnType<typeof readAuth>;
    expect(faults).toEqual([]);
    expect(JSON.stringify(tokens)).not.toContain(token);
    const auth = new TokenAuth('tokens', tokens);
    expect(auth.authenticate(token)).toMatchObject({ subject: 'app', role: 'server' });
    expect(auth.authenticate(hashOf(token))).toMatchObject({ denied: 'unauthorized' });
    expect(auth.authenticate(hashOf(token).slice(7))).toMatchObject({ denied: 'unauthorized' });
  });

  it.each(['sha256:', 'sha256:abc', `sha1:${'a'.repeat(40)}`, 'a'.repeat(64), `sha256:${'g'.repeat(64)}`])(
    '%s is refused',
    (tokenHash) => {
      const { faults } = read({ tokens: [{ tokenHash, subject: 'app', role: 'server' }] });
      expect(faults[0]).toContain('ringhub token hash');
    },
  );

  it('is refused beside the key itself in another entry', () => {
    const { faults } = read({
      tokens: [
        { token, subject: 'a', role: 'server' },
        { tokenHash: hashOf(token).toUpperCase().replace('SHA256', 'sha256'), subject: 'b', role: 'server' },
      ],
    });
    expect(faults).toEqual(['auth.tokens[1] (b): another entry has the same token']);
  });
});

describe('issuers', () => {
  const hs = { issuer: HS.issuer, audience: 'ringhub.test', algorithms: ['HS256'] };
  const rs = { issuer: RS.issuer, audience: ['x', 'ringhub.test'], algorithms: ['RS256'] };

  it('have a secret, a file with one, or a file with a key', async () => {
    const { issuers, faults } = read({
      jwt: [
        { ...hs, secretFile: at('secret') },
        { ...rs, keyFile: at('rsa.pem') },
        { issuer: ES.issuer, audience: 'ringhub.test', algorithms: ['ES256'], keyFile: at('ec.jwk') },
      ],
    }) as ReturnType<typeof readAuth>;
    expect(faults).toEqual([]);
    const auth = new JwtAuth(issuers, clock);
    for (const issuer of [HS, RS, ES]) {
      expect(await auth.authenticate(goodToken(issuer, nowS))).toMatchObject({ subject: 'alice' });
    }
  });

  it.each<[string, object, RegExp]>([
    ['without a key', rs, /needs one of secret, secretFile, keyFile and jwksUrl/],
    ['with two', { ...hs, secret: SECRET, secretFile: 'x' }, /needs one of/],
    ['without an audience', { ...rs, audience: undefined, keyFile: 'x' }, /audience/],
    ['without an algorithm', { ...rs, algorithms: [], keyFile: 'x' }, /algorithms/],
    ['with the algorithm none', { ...rs, algorithms: ['none'], keyFile: 'x' }, /algorithms/],
    ['with HS256 and a public key', { ...rs, algorithms: ['HS256'], keyFile: 'x' }, /HS256 needs secret/],
    ['with HS256 and a URL', { ...rs, algorithms: ['HS256'], jwksUrl: 'https://a.test' }, /HS256 needs/],
    ['with RS256 and a secret', { ...rs, secret: SECRET }, /the other algorithms keyFile or jwksUrl/],
    ['with both kinds', { ...rs, algorithms: ['RS256', 'HS256'], secret: SECRET }, /make two entries/],
    ['that may give the role dev', { ...hs, secret: SECRET, roles: ['dev'] }, /dev is the role of a dev hub/],
    [
      'that may give a role nobody knows',
      { ...hs, secret: SECRET, roles: ['chief'] },
      /no role chief: name it in roles/,
    ],
    ['with a URL that is not safe', { ...rs, jwksUrl: 'http://id.example/jwks' }, /must be an https URL/],
    ['with a password in its URL', { ...rs, jwksUrl: 'https://a:b@id.example/jwks' }, /must be an https URL/],
    ['with a URL that is a file', { ...rs, jwksUrl: 'file:///etc/passwd' }, /must be an https URL/],
  ])('%s are refused', (_, issuer, reason) => {
    expect(read({ jwt: [issuer] }).faults.join('\n')).toMatch(reason);
  });

  it.each<[string, object, RegExp]>([
    ['cannot be read', { ...rs, keyFile: '/nowhere/key.pem' }, /cannot read/],
    ['is of another kind', { ...rs, algorithms: ['ES256'] }, /no key for ES256: what is there is for RS256/],
    ['is a private one', { ...rs, algorithms: ['EdDSA'], keyFile: 'private.pem' }, /public one only/],
  ])('are refused where the key %s', (_, issuer, reason) => {
    const keyFile = (issuer as { keyFile?: string }).keyFile ?? 'rsa.pem';
    const entry = { ...issuer, keyFile: keyFile.startsWith('/') ? keyFile : at(keyFile) };
    expect(read({ jwt: [entry] }).faults[0]).toMatch(reason);
  });

  it('are refused where two have one name, and warned about where they may mean one subject', () => {
    const twice = read({
      jwt: [
        { ...hs, secret: SECRET },
        { ...hs, secret: `${SECRET}2` },
      ],
    });
    expect(twice.faults).toEqual([`auth.jwt[1] (${HS.issuer}): another entry has the same issuer`]);
    const two = read({
      jwt: [
        { ...hs, secret: SECRET },
        { ...rs, keyFile: at('rsa.pem') },
      ],
    });
    expect(two.faults).toEqual([]);
    expect(two.warnings[0]).toContain('subjectPrefix');
    const apart = read({
      jwt: [
        { ...hs, secret: SECRET },
        { ...rs, keyFile: at('rsa.pem'), subjectPrefix: 'rs:' },
      ],
    });
    expect(apart.warnings).toEqual([]);
  });
});

describe('roles', () => {
  const token = 'a-token-of-thirty-two-characters';

  it('are those that are always there, and those of the configuration', () => {
    const tokens = [{ token, subject: 'a', role: 'moderator' }];
    expect(read({ tokens }).faults[0]).toMatch(/auth.tokens\[0\] \(a\): there is no role moderator/);
    expect(read({ tokens }, { moderator: {} }).faults).toEqual([]);
    expect(read({ anonymous: { role: 'guest' } }).faults[0]).toMatch(
      /auth.anonymous: there is no role guest/,
    );
  });

  it('of anonymous callers are there only where they are named', () => {
    expect(read({}) as ReturnType<typeof readAuth>).toMatchObject({ anonymous: undefined });
    const { anonymous } = read({ anonymous: { role: 'anonymous' } }) as ReturnType<typeof readAuth>;
    expect(anonymous).toEqual({ role: 'anonymous', subject: 'anonymous' });
  });

  it('lockout is on unless it is switched off', () => {
    expect(read({}) as ReturnType<typeof readAuth>).toMatchObject({
      lockout: { failures: 10, windowMs: 60_000 },
    });
    expect(read({ lockout: { failures: 0 } }) as ReturnType<typeof readAuth>).toMatchObject({
      lockout: undefined,
    });
  });
});
