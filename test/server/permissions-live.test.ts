/** Permissions over real sockets, on each transport: WebSocket by the SDK, HTTP, event streams, and closing sessions. */
import { connect, type Hub, RinghubError, type Subscription } from '@ringhub/client';
import { topology } from '@ringhub/client/admin';
import { history } from '@ringhub/client/history';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PermissionRule, type RunningHub, startHub } from '../../server/src/index.ts';
import { createLog } from '../../server/src/ops/log.ts';
import { transportsHere } from '../contract/uws-here.ts';

const RULES: readonly PermissionRule[] = [
  { allow: ['publish', 'subscribe'], exchanges: ['amq.topic'], keys: ['chat.room1.*', 'user.{sub}.#'] },
];
const ROOT = 'Token-of-root-with-at-least-32-characters';
const ALICE = 'Token-of-alice-with-at-least-32-characters';

interface Closed {
  readonly closed: number;
  readonly revoked: boolean;
}

describe.each(transportsHere)('permissions over %s', (transport) => {
  let running: RunningHub;
  let root: Hub;
  const lines: string[] = [];
  const hubs: Hub[] = [];

  beforeAll(async () => {
    running = await startHub({
      transport,
      tokens: [
        { token: ROOT, subject: 'root', role: 'server' },
        { token: ALICE, subject: 'alice', role: 'guest' },
      ],
      rolePermissions: new Map([['guest', RULES]]),
      log: createLog('info', { write: (line) => void lines.push(line) }),
    });
    root = await connect(running.url, { token: ROOT });
  });

  beforeEach(() => running.setPermissions('guest', RULES));

  afterAll(async () => {
    await Promise.all([root, ...hubs].map((hub) => hub.close()));
    await running.close();
  });

  const alice = async (): Promise<Hub> => {
    const hub = await connect(running.url, { token: ALICE, backoff: { minMs: 1, maxMs: 10 } });
    hubs.push(hub);
    return hub;
  };
  const call = (path: string, token: string, init: RequestInit = {}) =>
    fetch(`${running.httpUrl}${path}`, { ...init, headers: { Authorization: `Bearer ${token}` } });
  const close = async (body: object): Promise<Closed> => {
    const answer = await call('/v1/sessions/close', ROOT, { method: 'POST', body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Closed;
  };
  const sessionsOf = async (subject: string): Promise<string[]> => {
    const answer = await call(`/v1/sessions?subject=${subject}&limit=1000`, ROOT);
    const { sessions } = (await answer.json()) as { sessions: { session: string }[] };
    return sessions.map(({ session }) => session);
  };
  const ended = async (subscription: Subscription): Promise<unknown> => {
    try {
      for await (const _ of subscription);
      return 'ended';
    } catch (error) {
      return error instanceof RinghubError ? error.name : error;
    }
  };

  it('refuse what is wider than granted, however it is asked for', async () => {
    const hub = await alice();
    const forbidden = { name: 'forbidden' };
    await expect(hub.subscribe('amq.topic', 'chat.#')).rejects.toMatchObject(forbidden);
    await expect(hub.subscribe('amq.topic', 'user.bob.#')).rejects.toMatchObject(forbidden);
    await expect(hub.subscribe('amq.fanout', '')).rejects.toMatchObject(forbidden);
    await expect(hub.subscribe('hub.events', '#')).rejects.toMatchObject(forbidden);
    await expect(hub.subscribe('not.there', 'chat.room1.x')).rejects.toMatchObject(forbidden);
    await expect(hub.publish('amq.topic', 'chat.room2.x', 'x')).rejects.toMatchObject(forbidden);
    await expect(hub.publish('', 'some-queue', 'x')).rejects.toMatchObject(forbidden);
    await expect(history(hub, [['amq.topic', 'chat.#']], { before: null })).rejects.toMatchObject(forbidden);
    await expect(hub.declareExchange('mine', { type: 'topic' })).rejects.toMatchObject(forbidden);
    const statuses = await Promise.all([
      call('/v1/publish?key=chat.room2.x', ALICE, { method: 'POST', body: 'x' }),
      call('/v1/history?key=chat.%23', ALICE),
      call('/v1/events?key=chat.%23', ALICE),
      call('/v1/stats', ALICE),
      call('/v1/sessions', ALICE),
      call('/v1/sessions/close', ALICE, { method: 'POST', body: '{"subject":"root"}' }),
      call('/v1/queues/q', ALICE),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual(Array(7).fill(403));
  });

  it('let through what is granted, and show nothing else', async () => {
    const hub = await alice();
    await root.subscribe('amq.topic', 'chat.room2.#');
    const subscription = await hub.subscribe('amq.topic', 'chat.room1.*');
    const own = await hub.subscribe('amq.topic', 'user.alice.#');
    await hub.publish('amq.topic', 'chat.room1.x', 'hello', { mandatory: true });
    await root.publish('amq.topic', 'user.alice.mail', 'for you');
    expect((await subscription.next()).value).toMatchObject({ routingKey: 'chat.room1.x' });
    expect((await own.next()).value).toMatchObject({ routingKey: 'user.alice.mail' });
    const { exchanges, bindings, queues } = await topology(hub);
    expect(exchanges.map(({ name, bindings: count }) => [name, count])).toEqual([['amq.topic', 2]]);
    expect(bindings.map(({ key }) => key).sort()).toEqual(['chat.room1.*', 'user.alice.#']);
    expect(queues).toEqual([]);
    const page = await call('/v1/history?key=chat.room1.%2a', ALICE);
    expect(page.status).toBe(200);
    await subscription.unsubscribe();
    await own.unsubscribe();
  });

  it('end at once where they change: subscriptions with their reason, event streams with `closed`', async () => {
    const hub = await alice();
    const over = ended(await hub.subscribe('amq.topic', 'chat.room1.*'));
    const kept = await hub.subscribe('amq.topic', 'user.alice.#');
    const stream = await call('/v1/events?key=chat.room1.%2a', ALICE);
    expect(stream.status).toBe(200);
    running.setPermissions('guest', [
      { allow: ['subscribe'], exchanges: ['amq.topic'], keys: ['user.{sub}.#'] },
    ]);
    expect(await over).toBe('forbidden');
    expect(await stream.text()).toContain('session-revoked');
    await root.publish('amq.topic', 'user.alice.1', 'still yours');
    expect((await kept.next()).value).toMatchObject({ routingKey: 'user.alice.1' });
    await expect(hub.publish('amq.topic', 'chat.room1.x', 'x')).rejects.toMatchObject({ name: 'forbidden' });
    expect(running.stats().ledger.residual).toBe(0);
  });

  it('close sessions by subject and id; who may still come in comes back as a new session', async () => {
    const hub = await alice();
    const subscription = await hub.subscribe('amq.topic', 'chat.room1.*');
    const before = await sessionsOf('alice');
    expect(before.length).toBeGreaterThan(0);
    expect(await close({ subject: 'alice' })).toEqual({ closed: before.length, revoked: false });
    await expect.poll(async () => (await sessionsOf('alice')).length).toBe(before.length);
    const after = await sessionsOf('alice');
    expect(after.filter((one) => before.includes(one))).toEqual([]);
    await root.publish('amq.topic', 'chat.room1.again', 'x');
    expect((await subscription.next()).value).toMatchObject({ routingKey: 'chat.room1.again' });
    expect(await close({ session: after[0]! })).toEqual({ closed: 1, revoked: false });
  });

  it('write one line of JSON for each admin action, whatever the names hold', async () => {
    const before = lines.length;
    const name = 'x"\\<script>\u2028{"forged":1}';
    await root.declareExchange(name, { type: 'topic' });
    const forged = encodeURIComponent('no\r\n{"level":"info","audit":{"forged":1}}');
    expect((await call(`/v1/exchanges/${forged}`, ROOT, { method: 'DELETE' })).status).toBe(400);
    await call(`/v1/exchanges/${encodeURIComponent(name)}`, ALICE, { method: 'DELETE' });
    const audits = lines.slice(before).flatMap((line) => {
      expect(line.trimEnd()).not.toMatch(/[\r\n]/);
      const { audit } = JSON.parse(line) as { audit?: Record<string, string> };
      return audit ? [audit] : [];
    });
    expect(audits).toMatchObject([
      { subject: 'root', action: 'declare', on: `exchange ${name}`, outcome: 'done' },
      { subject: 'alice', role: 'guest', action: 'delete', on: `exchange ${name}`, outcome: 'forbidden' },
    ]);
    expect(lines.join('')).not.toContain(ROOT);
  });

  it('with a revocation refuse the token from then on, on all ways in', async () => {
    const hub = await alice();
    const over = ended(await hub.subscribe('amq.topic', 'chat.room1.*'));
    expect(await close({ subject: 'alice', revoke: true })).toMatchObject({ revoked: true });
    expect(await over).toBe('unauthorized');
    await expect(connect(running.url, { token: ALICE })).rejects.toMatchObject({ name: 'unauthorized' });
    const statuses = await Promise.all([
      call('/v1/publish?key=chat.room1.x', ALICE, { method: 'POST', body: 'x' }),
      call('/v1/history?key=chat.room1.x', ALICE),
      call('/v1/events?key=chat.room1.x', ALICE),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect((await call('/v1/history', ROOT)).status).toBe(200);
  });
});
