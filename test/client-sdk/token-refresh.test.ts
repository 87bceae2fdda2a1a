/** Tokens that are renewed while the client is connected, and after they have ended. */
import type { TokenReason } from '@ringhub/client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refreshInMs } from '../../client-sdk/src/token-refresh.ts';
import { Scene } from './support/scene.ts';

describe('when a token is renewed', () => {
  it('is between 70 and 80 % of its life, ten seconds before its end at least', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 12_000, max: 1e9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (lifeMs, r) => {
          const waitMs = refreshInMs(lifeMs, r);
          expect(waitMs).toBeLessThanOrEqual(lifeMs - 10_000);
          expect(waitMs).toBeLessThanOrEqual(lifeMs * 0.8);
          expect(waitMs).toBeGreaterThanOrEqual(1_000);
          if (lifeMs > 1e6) expect(waitMs).toBeGreaterThan(lifeMs * 0.69);
        },
      ),
    );
  });

  it('is not the same moment for all that were made together', () => {
    expect(refreshInMs(3_600_000, 0) - refreshInMs(3_600_000, 0.99)).toBeGreaterThan(300_000);
  });

  it('comes again and again where it failed, but never in a hurry', () => {
    let [leftMs, tries] = [3_600_000, 0];
    for (; leftMs > 0; tries++) leftMs -= refreshInMs(leftMs, 0.5);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(30);
    expect(refreshInMs(10, 0)).toBe(1_000);
  });
});

/** A client whose hub is the test, with the reasons for which it asked for tokens. */
async function client(
  lifeMs: number | undefined,
  options: { token?: (asked: number) => Promise<string> } = {},
) {
  const scene = new Scene();
  const reasons: TokenReason[] = [];
  const errors: unknown[] = [];
  const token = options.token ?? (async (asked: number) => `t${asked}`);
  const connecting = scene.connect({
    getToken: ({ reason }) => {
      reasons.push(reason);
      return token(reasons.length);
    },
  });
  await scene.settle();
  const life = lifeMs === undefined ? {} : { tokenExpiresInMs: lifeMs };
  // The heartbeat is another test's.
  scene.socket.welcome({ ...life, deadMs: 1e9 });
  const hub = await connecting;
  hub.addEventListener('error', ({ error }) => errors.push(error));
  const auths = () => scene.socket.sent.filter(([type]) => type === 'auth');
  return { scene, hub, reasons, errors, auths };
}

describe('a client', () => {
  it('asks for a newer token in time, shows it, and does so again before that one ends', async () => {
    const { scene, reasons, auths } = await client(100_000);
    await scene.advance(60_000);
    expect(reasons).toEqual(['connect']);
    await scene.advance(10_000);
    expect(reasons).toEqual(['connect', 'refresh']);
    expect(auths()).toEqual([['auth', 1, { token: 't2' }]]);
    scene.socket.says(['ok', 1, { tokenExpiresInMs: 200_000 }]);
    await scene.advance(130_000);
    expect(reasons).toHaveLength(2);
    await scene.advance(20_000);
    expect(auths()).toEqual([
      ['auth', 1, { token: 't2' }],
      ['auth', 2, { token: 't3' }],
    ]);
    expect(scene.sockets).toHaveLength(1);
  });

  it('asks no more once the newer token never expires, nor where the first one does not', async () => {
    const { scene, reasons } = await client(100_000);
    await scene.advance(70_000);
    scene.socket.says(['ok', 1, {}]);
    await scene.advance(10_000_000);
    expect(reasons).toEqual(['connect', 'refresh']);
    const forever = await client(undefined);
    await forever.scene.advance(10_000_000);
    expect(forever.reasons).toEqual(['connect']);
  });

  it('asks for none where it can get no other', async () => {
    const scene = new Scene();
    const connecting = scene.connect({ token: 'fixed' });
    await scene.settle();
    scene.socket.welcome({ tokenExpiresInMs: 100_000, deadMs: 1e9 });
    await connecting;
    await scene.advance(99_000);
    expect(scene.socket.sent.map(([type]) => type)).not.toContain('auth');
  });

  it('asks again where that failed, tells it, and goes on until the token has ended', async () => {
    const { scene, hub, reasons, errors, auths } = await client(100_000, {
      token: async (asked) => {
        if (asked > 1 && asked < 4) throw new Error('no network');
        return `t${asked}`;
      },
    });
    await scene.advance(89_000);
    expect(errors).toHaveLength(2);
    expect(hub.state).toBe('online');
    expect(reasons).toEqual(['connect', 'refresh', 'refresh', 'refresh']);
    expect(auths()).toEqual([['auth', 1, { token: 't4' }]]);
    // Refused: another one may be taken.
    scene.socket.says(['error', 1, 4101, 'unauthorized: no']);
    await scene.advance(3_000);
    expect(errors).toHaveLength(3);
    expect(auths().at(-1)).toEqual(['auth', 2, { token: 't5' }]);
  });

  it('reconnects at once with a fresh token when the old one has ended, and resumes', async () => {
    const { scene, hub, reasons } = await client(100_000);
    scene.socket.hubCloses(4008, 'token-expired: …');
    await scene.settle();
    expect(reasons).toEqual(['connect', 'unauthorized']);
    scene.socket.opens();
    expect(scene.socket.resume).toMatchObject({ session: 's1', token: 't1' });
    scene.socket.welcome({ resumed: true, tokenExpiresInMs: 100_000 });
    expect(hub.state).toBe('online');
  });

  it('that slept too long says so when it asks for the next token, and does not hammer a hub that has other time', async () => {
    const { scene, reasons } = await client(100_000);
    // Its timers slept, too; the hub has given it up.
    scene.socket.hubCloses(4002);
    await scene.advance(500);
    expect(reasons).toEqual(['connect', 'reconnect']);
    scene.socket.opens();
    scene.socket.hubCloses(4008);
    await scene.settle();
    expect(reasons).toEqual(['connect', 'reconnect', 'unauthorized']);
    scene.socket.opens();
    for (let i = 0; i < 5; i++) {
      scene.socket.hubCloses(4008);
      const { length } = scene.sockets;
      await scene.settle();
      expect(scene.sockets).toHaveLength(length);
      await scene.nextSocket();
    }
    expect(scene.nowMs).toBeGreaterThan(5_000);
    expect(new Set(reasons.slice(2))).toEqual(new Set(['unauthorized']));
  });

  it('gives up where its only token has ended', async () => {
    const scene = new Scene();
    const hub = await scene.online({ token: 'fixed' });
    const closed = new Promise((resolve) => {
      hub.addEventListener('state', ({ state, error }) => state === 'closed' && resolve(error));
    });
    scene.socket.hubCloses(4008, 'token-expired: …');
    expect(await closed).toMatchObject({ code: 4008, name: 'token-expired' });
    await scene.advance(100_000);
    expect(scene.timers).toBe(0);
  });

  it('asks for nothing while it is offline, and forgets a token that comes too late', async () => {
    let fail = () => {};
    const { scene, reasons, errors, auths } = await client(100_000, {
      token: async (asked) => {
        if (asked !== 2) return `t${asked}`;
        await new Promise<void>((resolve) => {
          fail = resolve;
        });
        throw new Error('aborted');
      },
    });
    await scene.advance(75_000);
    expect(reasons).toEqual(['connect', 'refresh']);
    scene.socket.hubCloses(1006);
    await scene.settle();
    fail();
    await scene.settle();
    expect(errors).toEqual([]);
    await scene.nextSocket();
    expect(reasons).toEqual(['connect', 'refresh', 'reconnect']);
    expect(auths()).toEqual([]);
    scene.socket.welcome({ resumed: true });
    await scene.advance(40_000);
    expect(reasons).toHaveLength(3);
  });

  it('leaves no timer behind', async () => {
    const { scene, hub } = await client(100_000);
    const closing = hub.close();
    scene.socket.hubCloses(1000);
    await scene.advance(1_000);
    await closing;
    expect(scene.timers).toBe(0);
  });
});

it('a subscription that a newer token forbids ends with that error', async () => {
  const { scene, hub } = await client(100_000);
  const subscribing = hub.subscribe('rooms', 'private.#');
  await scene.settle();
  const granted = { overflow: 'drop-oldest', capacity: 1000, capacityBytes: 4e6, ack: 'auto', prefetch: 256 };
  scene.socket.says(['ok', 1, { queue: 7, cursor: 'v:e1:0', granted }]);
  const reading = (await subscribing).next();
  scene.socket.says(['error', null, 4309, 'forbidden: no', { queue: 7, name: 'rooms' }]);
  await expect(reading).rejects.toMatchObject({ code: 4309, name: 'forbidden' });
});
