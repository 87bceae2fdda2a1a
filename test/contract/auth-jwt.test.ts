/** Auth by JSON Web Tokens: who is let in, and, of the hostile ones (A1), nobody. */
import { describe, expect, it } from 'vitest';
import { FixedKeys, keysInSet } from '../../server/src/auth/issuer-keys.ts';
import { type Issuer, JwtAuth } from '../../server/src/auth/jwt-auth.ts';
import { isDenial, type Principal } from '../../server/src/ports/auth.ts';
import { badTokens } from '../server/support/bad-tokens.ts';
import {
  AUDIENCE,
  claimsOf,
  ED,
  ES,
  goodToken,
  HS,
  headerOf,
  issuerOf,
  type Json,
  madeToken,
  RS,
} from '../server/support/made-tokens.ts';
import { ManualClock } from '../server/support/manual-clock.ts';
import { authSuite } from './auth-suite.ts';

const ISSUERS = [HS, RS, ES, ED];

function setup(more: Partial<Issuer> = {}) {
  const clock = new ManualClock();
  const nowS = Math.floor(clock.wallMs() / 1000);
  const auth = new JwtAuth(
    ISSUERS.map((issuer) => issuerOf(issuer, more)),
    clock,
    { taken: new Set(['of-an-api-key']) },
  );
  return { clock, nowS, auth };
}

authSuite('jwt', () => {
  const { auth, nowS } = setup();
  return {
    auth,
    known: ISSUERS.map((issuer) => ({ token: goodToken(issuer, nowS), subject: 'alice', role: 'browser' })),
  };
});

describe('a good token', () => {
  it.each(ISSUERS)('of $issuer names subject and role, and says when it ends', async (issuer) => {
    const { auth, nowS } = setup();
    const admission = await auth.authenticate(goodToken(issuer, nowS));
    expect(admission).toMatchObject({
      subject: 'alice',
      role: 'browser',
      expiresAtMs: (nowS + 600) * 1000,
    });
  });

  const ways: (readonly [string, Json, Json])[] = [
    ['without iat', { iat: undefined }, {}],
    ['with several audiences', { aud: ['another', AUDIENCE] }, {}],
    ['of the type of access tokens', {}, { typ: 'at+jwt' }],
    ['without a type', {}, { typ: undefined }],
    ['whose issuer’s clock is ahead', { iat: 20, nbf: 20 }, {}],
    ['with a long life', { exp: 86_400 }, {}],
    [
      'whose claims repeat a name in another object',
      { a: { sub: 1 }, b: [{ sub: 2 }, 'sub', { sub: 'sub' }] },
      {},
    ],
  ];
  it.each(ways)('may be %s', async (_, changes, header) => {
    const { auth, nowS } = setup();
    const dates = Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [
        name,
        ['iat', 'nbf', 'exp'].includes(name) && typeof value === 'number' ? nowS + value : value,
      ]),
    );
    for (const issuer of ISSUERS) {
      const admission = await auth.authenticate(goodToken(issuer, nowS, dates, header));
      expect(admission).toMatchObject({ subject: 'alice' });
    }
  });

  it('is good until the second it ends, then it has expired, which is told', async () => {
    const { auth, clock, nowS } = setup();
    const token = goodToken(HS, nowS, { exp: nowS + 10 });
    clock.advance(9_999);
    expect(isDenial(await auth.authenticate(token))).toBe(false);
    clock.advance(1);
    expect(await auth.authenticate(token)).toMatchObject({ denied: 'token-expired' });
    clock.advance(1_000_000);
    expect(await auth.authenticate(token)).toMatchObject({ denied: 'token-expired' });
  });

  it('may come from a clock that is ahead, by 30 s and no more', async () => {
    const { auth, nowS } = setup();
    const isIn = async (claims: Json) => !isDenial(await auth.authenticate(goodToken(HS, nowS, claims)));
    expect(await isIn({ iat: nowS + 30 })).toBe(true);
    expect(await isIn({ iat: nowS + 31 })).toBe(false);
    expect(await isIn({ nbf: nowS + 30 })).toBe(true);
    expect(await isIn({ nbf: nowS + 31 })).toBe(false);
    const day = 86_400;
    expect(await isIn({ iat: undefined, exp: nowS + day + 30 })).toBe(true);
    expect(await isIn({ iat: undefined, exp: nowS + day + 31 })).toBe(false);
  });

  it('has only the roles that its issuer may give, the first if it claims none', async () => {
    const { auth, nowS } = setup({ roles: ['player', 'server'] });
    const roleOf = async (claims: Json) =>
      ((await auth.authenticate(goodToken(RS, nowS, claims))) as Principal).role;
    expect(await roleOf({})).toBe('player');
    expect(await roleOf({ ringhub: { role: 'server' } })).toBe('server');
    expect(await roleOf({ 'ringhub.role': 'server' })).toBe('server');
    expect(await roleOf({ ringhub: { role: 'browser' } })).toBeUndefined();
  });

  it('names its role in the claim that is configured', async () => {
    const roleClaim = 'https://example.com/role';
    const { auth, nowS } = setup({ roles: ['browser', 'server'], roleClaim });
    const token = goodToken(ES, nowS, { [roleClaim]: 'server', ringhub: { role: 'browser' } });
    expect(await auth.authenticate(token)).toMatchObject({ role: 'server' });
  });

  it('has a subject with the prefix of its issuer', async () => {
    const { auth, nowS } = setup({ subjectPrefix: 'shop:' });
    expect(await auth.authenticate(goodToken(ED, nowS))).toMatchObject({ subject: 'shop:alice' });
    const long = goodToken(ED, nowS, { sub: 'x'.repeat(124) });
    expect(await auth.authenticate(long)).toMatchObject({ denied: 'unauthorized' });
  });

  it('may be without a kid where there is one key of its kind only', async () => {
    const clock = new ManualClock();
    const nowS = Math.floor(clock.wallMs() / 1000);
    const two = keysInSet({
      keys: [
        { ...RS.publicKey!.export({ format: 'jwk' }), kid: 'a' },
        { ...RS.publicKey!.export({ format: 'jwk' }), kid: 'b' },
      ],
    });
    const token = madeToken({ alg: 'RS256' }, claimsOf(RS, nowS), RS.signer);
    const one = new JwtAuth([issuerOf(RS)], clock);
    expect(await one.authenticate(token)).toMatchObject({ subject: 'alice' });
    const ambiguous = new JwtAuth([issuerOf(RS, { keys: new FixedKeys(two) })], clock);
    expect(await ambiguous.authenticate(token)).toMatchObject({ denied: 'unauthorized' });
    const named = madeToken(headerOf(RS, { kid: 'b' }), claimsOf(RS, nowS), RS.signer);
    expect(await ambiguous.authenticate(named)).toMatchObject({ subject: 'alice' });
  });
});

describe('A1: a bad token', () => {
  const { nowS } = setup();
  it.each(ISSUERS)('of $issuer lets nobody in, whatever is wrong with it', async (issuer) => {
    const { auth } = setup();
    const bad = badTokens(issuer, ISSUERS, nowS);
    expect(bad.length).toBeGreaterThan(120);
    const accepted: string[] = [];
    for (const [what, token] of bad) {
      const admission = await auth.authenticate(token);
      if (!isDenial(admission)) accepted.push(what);
      else expect(admission.reason.length).toBeGreaterThan(5);
    }
    expect(accepted).toEqual([]);
    expect(await auth.authenticate(goodToken(issuer, nowS))).toMatchObject({ subject: 'alice' });
  });

  it('is one by an algorithm that is not pinned, though its issuer has a key for it', async () => {
    const clock = new ManualClock();
    const both = keysInSet({
      keys: [RS, ES].map(({ publicKey, kid }) => ({ ...publicKey!.export({ format: 'jwk' }), kid })),
    });
    const auth = new JwtAuth([issuerOf(RS, { keys: new FixedKeys(both) })], clock);
    expect(await auth.authenticate(goodToken(RS, nowS))).toMatchObject({ subject: 'alice' });
    const other = madeToken(headerOf(ES), claimsOf(RS, nowS), ES.signer);
    expect(await auth.authenticate(other)).toMatchObject({ denied: 'unauthorized' });
  });

  it('finds no key for an algorithm of another kind', () => {
    const keys = new FixedKeys(keysInSet({ keys: [RS.publicKey!.export({ format: 'jwk' })] }));
    expect(keys.find('RS256', undefined)).toHaveProperty('key');
    for (const other of ['HS256', 'ES256', 'EdDSA'] as const)
      expect(keys.find(other, undefined)).toHaveProperty('reason');
  });

  it('is judged in a time that its length bounds', async () => {
    const { auth } = setup();
    const hostile = `${'eyJ'.repeat(2_700)}.a.b`;
    const before = process.cpuUsage();
    for (let i = 0; i < 200; i++) await auth.authenticate(hostile);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / 200).toBeLessThan(10);
  });
});
