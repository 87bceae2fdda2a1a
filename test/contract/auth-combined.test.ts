/** The auth of a hub as a whole: keys, tokens, nobody in particular, and addresses that try too often. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CombinedAuth, type CombinedAuthOptions } from '../../server/src/auth/combined-auth.ts';
import { LOCKOUT, Lockout } from '../../server/src/auth/lockout.ts';
import { digestOf } from '../../server/src/auth/token-auth.ts';
import { isDenial } from '../../server/src/ports/auth.ts';
import { goodToken, HS, issuerOf } from '../server/support/made-tokens.ts';
import { ManualClock } from '../server/support/manual-clock.ts';
import { authSuite } from './auth-suite.ts';

const compared = { pairs: [] as (readonly [Uint8Array, Uint8Array])[] };
// Other files of this process may have loaded what compares: the function itself is replaced for a while.
const { timingSafeEqual } = crypto;
beforeAll(() => {
  crypto.timingSafeEqual = (a, b) => {
    compared.pairs.push([a as Uint8Array, b as Uint8Array]);
    return timingSafeEqual(a, b);
  };
  syncBuiltinESMExports();
});
afterAll(() => {
  crypto.timingSafeEqual = timingSafeEqual;
  syncBuiltinESMExports();
});

const KEYS = [
  { token: 'Key-of-the-application-server-1234', subject: 'app', role: 'server' },
  { sha256: digestOf('Key-of-the-shop-by-its-hash-only-1'), subject: 'shop', role: 'browser' },
  { token: 'Key-of-the-accountant-of-the-shop-9', subject: 'books', role: 'server' },
] as const;

function setup(more: Partial<CombinedAuthOptions> = {}) {
  const clock = new ManualClock();
  const nowS = Math.floor(clock.wallMs() / 1000);
  const denials: string[] = [];
  const auth = new CombinedAuth({
    name: 'all',
    clock,
    tokens: KEYS,
    issuers: [issuerOf(HS)],
    onDenied: ({ denied }, address, unsaid) => denials.push(`${denied} ${address} ${unsaid}`),
    ...more,
  });
  return { clock, nowS, auth, denials };
}

authSuite('combined', () => {
  const { auth, nowS } = setup();
  return {
    auth,
    known: [
      { token: KEYS[0].token, subject: 'app', role: 'server' },
      { token: 'Key-of-the-shop-by-its-hash-only-1', subject: 'shop', role: 'browser' },
      { token: goodToken(HS, nowS), subject: 'alice', role: 'browser' },
    ],
  };
});

describe('an anonymous role', () => {
  const anonymous = { subject: 'anonymous', role: 'anonymous' };

  it('is that of whoever shows no token, where the hub has one', async () => {
    expect(await setup({ anonymous }).auth.authenticate(undefined)).toMatchObject(anonymous);
    expect(await setup().auth.authenticate(undefined)).toMatchObject({ denied: 'unauthorized' });
  });

  it('is nobody’s who shows a wrong token, or claims its name', async () => {
    const { auth, nowS } = setup({ anonymous });
    for (const token of ['', 'wrong', goodToken(HS, nowS - 900), goodToken(HS, nowS, { sub: 'anonymous' })])
      expect(isDenial(await auth.authenticate(token))).toBe(true);
  });

  it('does not give the subject of an API key to a token', async () => {
    const { auth, nowS } = setup();
    expect(await auth.authenticate(goodToken(HS, nowS, { sub: 'app' }))).toMatchObject({
      denied: 'unauthorized',
    });
  });
});

describe('A6: comparing keys', () => {
  it('takes the same steps whatever is shown: all digests, whole, in constant time', () => {
    const { auth } = setup({ issuers: [] });
    const shown = [
      KEYS[0].token,
      KEYS[2].token,
      `${KEYS[0].token.slice(0, -1)}x`,
      `x${KEYS[0].token.slice(1)}`,
      'x',
      'x'.repeat(8_000),
    ];
    for (const token of shown) {
      compared.pairs.length = 0;
      void auth.authenticate(token);
      expect(compared.pairs).toHaveLength(KEYS.length);
      for (const [known, given] of compared.pairs) {
        expect([known.length, given.length]).toEqual([32, 32]);
        expect(Buffer.from(given).equals(digestOf(token))).toBe(true);
      }
    }
  });
});

describe('an address that shows wrong tokens', () => {
  const from = (auth: CombinedAuth, address: string | undefined, token = 'wrong') =>
    auth.authenticate(token, address);

  it('is locked out after ten within a minute, for a minute, whatever it shows then', async () => {
    const { auth, clock } = setup({ lockout: LOCKOUT });
    for (let i = 0; i < 10; i++) {
      expect(await from(auth, '192.0.2.1')).toMatchObject({ denied: 'unauthorized' });
      clock.advance(1_000);
    }
    expect(await from(auth, '192.0.2.1')).toMatchObject({ denied: 'locked-out' });
    expect(await from(auth, '192.0.2.1', KEYS[0].token)).toMatchObject({ denied: 'locked-out' });
    expect(await from(auth, '192.0.2.2', KEYS[0].token)).toMatchObject({ subject: 'app' });
    clock.advance(60_000);
    expect(await from(auth, '192.0.2.1', KEYS[0].token)).toMatchObject({ subject: 'app' });
  });

  it('costs nothing while it is locked out: no token is looked at', async () => {
    const { auth } = setup({ lockout: LOCKOUT });
    for (let i = 0; i < 10; i++) await from(auth, '192.0.2.1');
    compared.pairs.length = 0;
    for (let i = 0; i < 100; i++) await from(auth, '192.0.2.1');
    expect(compared.pairs).toEqual([]);
  });

  it('is not locked out by few, by none, or by those that have expired', async () => {
    const { auth, clock, nowS } = setup({ lockout: LOCKOUT });
    const expired = goodToken(HS, nowS - 900);
    for (let i = 0; i < 60; i++) {
      await auth.authenticate(undefined, '192.0.2.1');
      await from(auth, '192.0.2.1', expired);
      if (i % 8 === 0) await from(auth, '192.0.2.1');
      clock.advance(1_000);
    }
    expect(await from(auth, '192.0.2.1', KEYS[0].token)).toMatchObject({ subject: 'app' });
    for (let i = 0; i < 100; i++) await from(auth, undefined);
    expect(await from(auth, undefined, KEYS[0].token)).toMatchObject({ subject: 'app' });
  });

  it('is counted with its network where it is IPv6', () => {
    const lockout = new Lockout({ failures: 1, windowMs: 60_000, lockMs: 60_000 }, new ManualClock());
    lockout.failed('2001:db8:1:2::1');
    expect(lockout.isLocked('2001:0DB8:0001:0002:ffff:0:0:9')).toBe(true);
    expect(lockout.isLocked('2001:db8:1:3::1')).toBe(false);
    // However a transport writes an IPv4 address: one neighbour’s failures are not everybody’s.
    lockout.failed('::ffff:c000:0201');
    expect(lockout.isLocked('192.0.2.1')).toBe(true);
    expect(lockout.isLocked('::ffff:c000:0202')).toBe(false);
  });

  it('is forgotten when too many others have failed since', () => {
    const clock = new ManualClock();
    const lockout = new Lockout({ failures: 1, windowMs: 60_000, lockMs: 60_000 }, clock);
    for (let i = 0; i < 10_001; i++) lockout.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(lockout.size).toBe(10_000);
    expect(lockout.isLocked('10.0.0.0')).toBe(false);
    expect(lockout.isLocked('10.0.0.1')).toBe(true);
  });
});

describe('denials', () => {
  afterEach(() => vi.restoreAllMocks());

  it('are told to the operator, ten a second, then how many were not', async () => {
    const { auth, clock, denials } = setup();
    for (let i = 0; i < 25; i++) await auth.authenticate('wrong', '192.0.2.1');
    expect(denials).toHaveLength(10);
    clock.advance(1_000);
    await auth.authenticate('wrong', '192.0.2.9');
    expect(denials.at(-1)).toBe('unauthorized 192.0.2.9 15');
  });
});
