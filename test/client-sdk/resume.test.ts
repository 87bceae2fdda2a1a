import type { Hub, Message, RinghubError, Subscription, SubscriptionOptions } from '@ringhub/client';
import type { Granted } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { deliver, item, subscribed } from './support/frames.ts';
import { Scene } from './support/scene.ts';

async function subscribe(options: SubscriptionOptions = {}, cursor: string | null = 'v:e1:0') {
  const scene = new Scene();
  const hub: Hub = await scene.online();
  const subscription = await subscribeMore(scene, hub, 7, options, cursor);
  return { scene, hub, subscription };
}

async function subscribeMore(
  scene: Scene,
  hub: Hub,
  queue: number,
  options: SubscriptionOptions = {},
  cursor: string | null = 'v:e1:0',
): Promise<Subscription> {
  const subscribing = hub.subscribe('prices', '#', options);
  await scene.settle();
  const frame = scene.socket.read().find(([type]) => type === 'subscribe');
  const { since: _, ...rest } = options;
  scene.socket.says(['ok', frame![1], subscribed(queue, rest as Partial<Granted>, cursor)]);
  return subscribing as Promise<Subscription>;
}

const take = async (subscription: Subscription): Promise<Message> =>
  (await subscription.next()).value as Message;

const bindings = [['prices', '#']];

describe('the hello of a reconnect', () => {
  it('resumes also before any message was received', async () => {
    const { scene } = await subscribe();
    const socket = await scene.reconnect();
    expect(socket.sent[0]).toEqual([
      'hello',
      {
        version: 1,
        client: 'ringhub-js',
        resume: {
          session: 's1',
          token: 't1',
          queues: [
            { queue: 7, lastTag: 0, ackedUpTo: 0, ackedRanges: [], cursor: 'v:e1:0', options: { bindings } },
          ],
          exchanges: [],
        },
      },
    ]);
  });

  it('says what was received, acknowledged and processed, and which exchanges were declared', async () => {
    const { scene, hub, subscription } = await subscribe({ ack: 'manual', prefetch: 32 });
    const declaring = hub.declareExchange('prices');
    await scene.settle();
    scene.socket.says(['ok', scene.socket.read()[0]![1]]);
    await declaring;
    scene.socket.says(deliver(7, 1, 5));
    const messages = [];
    for (let i = 0; i < 5; i++) messages.push(await take(subscription));
    for (const i of [0, 1, 3]) messages[i]!.ack();
    const { resume } = await scene.reconnect();
    expect(resume).toEqual({
      session: 's1',
      token: 't1',
      queues: [
        {
          queue: 7,
          lastTag: 5,
          ackedUpTo: 2,
          ackedRanges: [[4, 4]],
          cursor: 'v:e1:2',
          options: { bindings, ack: 'manual', prefetch: 32 },
        },
      ],
      exchanges: [['prices', { type: 'topic' }]],
    });
  });

  it('three times in a row uses each new token, and the old one where the welcome was lost', async () => {
    const { scene } = await subscribe();
    (await scene.reconnect()).welcome({ resumed: true, resumeToken: 't2' });
    expect((await scene.reconnect()).resume.token).toBe('t2');
    // This welcome never arrives.
    const again = await scene.reconnect();
    expect(again.resume.token).toBe('t2');
    again.welcome({ resumed: true, resumeToken: 't3' });
    expect((await scene.reconnect()).resume.token).toBe('t3');
  });

  it('carries acks given while offline; what is settled after it goes out after the welcome', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 3));
    const [a, b, c] = [await take(subscription), await take(subscription), await take(subscription)];
    scene.socket.hubCloses(1006);
    a.ack();
    await scene.nextSocket();
    expect(scene.socket.resume.queues[0]).toMatchObject({ ackedUpTo: 1 });
    b.ack();
    c.reject();
    scene.socket.welcome({ resumed: true });
    await scene.settle();
    expect(scene.socket.sent.slice(1)).toEqual([['ping'], ['reject', 7, [[3, 3]]], ['ack', 7, 3]]);
  });
});

describe('a session that goes on', () => {
  it('sends something at once, goes on with its tags, and passes over what it has', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(deliver(7, 1, 3));
    const socket = await scene.reconnect();
    socket.welcome({ resumed: true }, deliver(7, 2, 4));
    await scene.settle();
    expect(socket.sent[1]).toEqual(['ping']);
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push((await take(subscription)).data);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('asks again for what was nacked, since its second delivery may be lost', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 2));
    (await take(subscription)).nack();
    await scene.settle();
    const socket = await scene.reconnect();
    socket.welcome({ resumed: true });
    await scene.settle();
    expect(socket.sent).toContainEqual(['nack', 7, [[1, 1]]]);
    socket.says(deliver(7, 1, 1));
    await take(subscription);
    expect((await take(subscription)).data).toBe(1);
  });

  it('takes a jump of the tags with ack none', async () => {
    const { scene, subscription } = await subscribe({ ack: 'none' });
    scene.socket.says(deliver(7, 1, 3));
    const socket = await scene.reconnect();
    expect(socket.resume.queues[0]).toMatchObject({ lastTag: 3, ackedUpTo: 0 });
    socket.welcome({ resumed: true }, deliver(7, 9, 1));
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push((await take(subscription)).data);
    expect(seen).toEqual([1, 2, 3, 9]);
  });
});

describe('a session that is gone', () => {
  it('goes on from the cursor: skips what was processed, keeps what the application holds', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 5, 11));
    const [, second, third] = [await take(subscription), await take(subscription), await take(subscription)];
    third.ack();
    const socket = await scene.reconnect();
    expect(socket.resume.queues[0]).toMatchObject({ cursor: 'v:e1:0' });
    // The new queue's tags start at 1; offsets 11 to 15 come again.
    socket.welcome(
      { session: 's2', queues: [{ was: 7, ...subscribed(2, { ack: 'manual' }) }] },
      deliver(2, 1, 5, 11),
    );
    expect((await take(subscription)).data).toBe(14);
    second.ack();
    await scene.advance(100);
    expect(socket.read()).toEqual([['ack', 2, 0, [[2, 3]]]]);
    expect((await take(subscription)).data).toBe(15);
    expect((await scene.reconnect()).resume).toMatchObject({
      session: 's2',
      queues: [{ queue: 2, lastTag: 5, ackedUpTo: 0, ackedRanges: [[2, 3]] }],
    });
  });

  it('an ack of a message that has not come again yet is remembered until it comes', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 2, 11));
    const [, second] = [await take(subscription), await take(subscription)];
    const socket = await scene.reconnect();
    socket.welcome({ queues: [{ was: 7, ...subscribed(2, { ack: 'manual' }) }] });
    second.ack();
    await scene.advance(200);
    expect(socket.read()).toEqual([]);
    socket.says(deliver(2, 1, 3, 11));
    await scene.advance(200);
    expect(socket.read()).toEqual([['ack', 2, 0, [[2, 2]]]]);
    expect((await take(subscription)).data).toBe(13);
  });

  it('with ack none, shows nothing again, not even what was nacked when the session was gone', async () => {
    const { scene, subscription } = await subscribe({ ack: 'none' });
    scene.socket.says(deliver(7, 1, 2, 11));
    const first = await take(subscription);
    const socket = await scene.reconnect();
    socket.welcome({ queues: [{ was: 7, ...subscribed(2, { ack: 'none' }) }] });
    first.nack();
    socket.says(deliver(2, 1, 2, 11));
    expect((await take(subscription)).data).toBe(12);
  });

  it('does not show older values of a key again with conflate', async () => {
    const { scene, subscription } = await subscribe({ overflow: 'conflate' });
    scene.socket.says(['deliver', 7, 1, [item(5, 'a'), item(9, 'b')]]);
    await take(subscription);
    await take(subscription);
    const next = subscription.next();
    expect(subscription.cursor).toBe('v:e1:0');
    const socket = await scene.reconnect();
    socket.welcome({ queues: [{ was: 7, ...subscribed(1, { overflow: 'conflate' }) }] }, [
      'deliver',
      1,
      1,
      [item(3, 'a'), item(4, 'b'), item(5, 'a'), item(9, 'b'), item(10, 'a')],
    ]);
    expect(((await next).value as Message).data).toBe(10);
    await scene.advance(100);
    expect(socket.read()).toEqual([['ack', 1, 4]]);
  });

  it('fails a subscription that is refused, alone', async () => {
    const { scene, hub, subscription } = await subscribe();
    const other = await subscribeMore(scene, hub, 8);
    const failures: unknown[] = [];
    subscription.addEventListener('error', ({ error }) => failures.push((error as RinghubError).name));
    const socket = await scene.reconnect();
    socket.welcome(
      {
        queues: [
          { was: 7, code: 4309, text: 'forbidden: no longer' },
          { was: 8, ...subscribed(1) },
        ],
      },
      deliver(1, 1, 1),
    );
    expect(failures).toEqual(['forbidden']);
    await expect(subscription.next()).rejects.toMatchObject({ code: 4309, message: 'forbidden: no longer' });
    expect(await subscription.closed).toMatchObject({ code: 4309 });
    expect((await take(other)).data).toBe(1);
  });
});

describe('commands under way when the connection is lost', () => {
  it('are sent again after the welcome, and the resume names no queue of theirs', async () => {
    const { scene, hub } = await subscribe();
    const subscribing = hub.subscribe('prices', 'more');
    const declaring = hub.declareExchange('chat');
    await scene.settle();
    const before = scene.socket.read();
    const socket = await scene.reconnect();
    expect(socket.resume.queues.map(({ queue }) => queue)).toEqual([7]);
    // Declared twice is declared once.
    expect(socket.resume.exchanges).toEqual([['chat', { type: 'topic' }]]);
    socket.welcome({ resumed: true });
    await scene.settle();
    expect(socket.read()).toEqual(before);
    socket.says(['ok', before[0]![1], subscribed(9)], ['ok', before[1]![1]]);
    await Promise.all([subscribing, declaring]);
    expect((await scene.reconnect()).resume).toMatchObject({
      queues: [{ queue: 7 }, { queue: 9 }],
      exchanges: [['chat', { type: 'topic' }]],
    });
  });

  it('an unsubscribe is done then: no resume names the queue', async () => {
    const { scene, subscription } = await subscribe();
    const done = subscription.unsubscribe();
    await scene.settle();
    const socket = await scene.reconnect();
    await done;
    expect(socket.resume.queues).toEqual([]);
    socket.welcome({ resumed: true });
    await scene.settle();
    expect(socket.read()).toEqual([]);
  });

  it('an unsubscribe between hello and welcome is told after it', async () => {
    const { scene, subscription } = await subscribe();
    const socket = await scene.reconnect();
    await subscription.unsubscribe();
    socket.welcome({ resumed: false, queues: [{ was: 7, ...subscribed(1) }] });
    await scene.settle();
    expect(socket.read()).toEqual([['unsubscribe', expect.any(Number), 1]]);
  });
});
