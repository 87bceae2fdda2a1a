/**
 * A subscription of the last value of each key whose session is lost while its snapshot is being processed: the hub is
 * told no cursor and begins with a snapshot again. What lay between the two, only the client knows of.
 */
import type { Subscription, SubscriptionEvent, SubscriptionOptions } from '@ringhub/client';
import { describe, expect, it } from 'vitest';
import { item, subscribed } from './support/frames.ts';
import { Scene } from './support/scene.ts';

async function subscribe(options: SubscriptionOptions = {}) {
  const scene = new Scene();
  const hub = await scene.online();
  const subscribing = hub.subscribe('prices', '#', { since: 'last-per-key', ...options });
  await scene.settle();
  const [frame] = scene.socket.read();
  scene.socket.says(['ok', frame![1], subscribed(7, granted(options), null)]);
  return { scene, subscription: (await subscribing) as Subscription };
}

const granted = ({ ack = 'auto' }: SubscriptionOptions) => ({ ack });

const end = (offset: number, epoch = 'e1') => ({
  snapshotEnd: { cursor: `v:${epoch}:${offset}`, complete: true },
});

const epochs = (v: string) => ({ epochs: { v } });

/** Takes so many events; of each its data, its kind, or of a gap its ranges. */
async function take(subscription: Subscription, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let i = 0; i < count; i++) seen.push(short((await subscription.next()).value!));
  return seen;
}

const short = (event: SubscriptionEvent) =>
  event.kind === 'message' ? event.data : event.kind === 'gap' ? event : event.kind;

const missed = (epoch: string, from: number, to: number | null) => ({
  kind: 'gap',
  count: null,
  reason: 'not-received',
  ranges: [{ log: 'v', epoch, from, to, count: null, reason: 'not-received' }],
});

describe('a snapshot that begins again', () => {
  it('is told what the hub that was killed had sent after the one before', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(['deliver', 7, 1, [item(9), item(4), end(12), item(13), item(14)]]);
    expect(await take(subscription, 3)).toEqual([9, 4, 'snapshot-end']);
    const socket = await scene.reconnect();
    // Its end is in hand, so it is not processed yet.
    expect(socket.resume.queues[0]!.cursor).toBeNull();
    // Meanwhile it is, and a message more.
    expect(await take(subscription, 1)).toEqual([13]);
    const next = subscription.next();
    expect((await next).value).toMatchObject({ data: 14 });
    socket.welcome({ ...epochs('e2'), queues: [{ was: 7, ...subscribed(2, {}, null) }] }, [
      'deliver',
      2,
      1,
      [item(5), item(3), end(6, 'e2'), item(7)],
    ]);
    expect(await take(subscription, 2)).toEqual([5, 3]);
    // Until this one has ended there is nothing to go on from.
    expect(subscription.cursor).toBeNull();
    expect(await take(subscription, 3)).toEqual([missed('e1', 14, null), 'snapshot-end', 7]);
    expect(subscription.cursor).toBe('v:e2:6');
    await scene.advance(100);
    expect(socket.read()).toEqual([['ack', 2, 3]]);
  });

  it('is told what a living hub had after the one before, up to where this one ends', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(['deliver', 7, 1, [item(9), end(12), item(13)]]);
    await take(subscription, 2);
    const socket = await scene.reconnect();
    await take(subscription, 1);
    void subscription.next();
    socket.welcome({ queues: [{ was: 7, ...subscribed(2, {}, null) }] }, [
      'deliver',
      2,
      1,
      [item(9), item(20), end(21)],
    ]);
    await scene.settle();
    expect(subscription.cursor).toBeNull();
    expect(await take(subscription, 2)).toEqual([missed('e1', 14, 21), 'snapshot-end']);
  });

  it('is told nothing where nothing came after the one before', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(['deliver', 7, 1, [item(9), end(12)]]);
    await take(subscription, 2);
    const socket = await scene.reconnect();
    socket.welcome({ queues: [{ was: 7, ...subscribed(2, {}, null) }] }, [
      'deliver',
      2,
      1,
      [item(9), end(12)],
    ]);
    // The message that was processed with the snapshot before is not given again; its end is.
    expect(await take(subscription, 1)).toEqual(['snapshot-end']);
  });

  it('is told nothing where no end had come before', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(['deliver', 7, 1, [item(9), item(4)]]);
    await take(subscription, 2);
    const socket = await scene.reconnect();
    socket.welcome({ ...epochs('e2'), queues: [{ was: 7, ...subscribed(2, {}, null) }] }, [
      'deliver',
      2,
      1,
      [item(5), end(6, 'e2')],
    ]);
    expect(await take(subscription, 2)).toEqual([5, 'snapshot-end']);
  });

  it('is told what follows the end before, where a message of that snapshot is not settled', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(['deliver', 7, 1, [item(9), end(12), item(13), item(14)]]);
    expect(await take(subscription, 3)).toEqual([9, 'snapshot-end', 13]);
    const socket = await scene.reconnect();
    expect(socket.resume.queues[0]!.cursor).toBeNull();
    socket.welcome(
      { ...epochs('e2'), queues: [{ was: 7, ...subscribed(2, granted({ ack: 'manual' }), null) }] },
      ['deliver', 2, 1, [end(1, 'e2')]],
    );
    expect(await take(subscription, 2)).toEqual([missed('e1', 13, null), 'snapshot-end']);
  });

  it('and again, is told all of it when it ends at last', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(['deliver', 7, 1, [end(12)]]);
    await take(subscription, 1);
    let socket = await scene.reconnect();
    void subscription.next();
    socket.welcome({ ...epochs('e2'), queues: [{ was: 7, ...subscribed(2, {}, null) }] }, [
      'deliver',
      2,
      1,
      [item(1)],
    ]);
    await scene.settle();
    socket = await scene.reconnect();
    expect(socket.resume.queues[0]!.cursor).toBeNull();
    socket.welcome({ ...epochs('e3'), queues: [{ was: 2, ...subscribed(1, {}, null) }] }, [
      'deliver',
      1,
      1,
      [end(2, 'e3')],
    ]);
    expect(await take(subscription, 2)).toEqual([missed('e1', 13, null), 'snapshot-end']);
  });

  it('with ack none, is told it before its end, whatever the client had to drop on the way', async () => {
    const { scene, subscription } = await subscribe({ ack: 'none' });
    scene.socket.says(['deliver', 7, 1, [end(12)]]);
    await take(subscription, 1);
    const socket = await scene.reconnect();
    const next = subscription.next();
    socket.welcome(
      {
        ...epochs('e2'),
        queues: [{ was: 7, ...subscribed(2, { ack: 'none', capacity: 3 }, null) }],
      },
      ['deliver', 2, 1, [item(1), item(2), item(3), item(4), end(9, 'e2'), item(10)]],
    );
    const first = short((await next).value!);
    const rest = await take(subscription, 2);
    expect([first, ...rest]).toEqual([
      {
        kind: 'gap',
        count: null,
        reason: 'not-received',
        ranges: [
          { log: 'v', epoch: 'e2', from: 1, to: 4, count: 4, reason: 'not-received' },
          { log: 'v', epoch: 'e1', from: 13, to: null, count: null, reason: 'not-received' },
        ],
      },
      'snapshot-end',
      10,
    ]);
    void subscription.next();
    expect(subscription.cursor).toBe('v:e2:10');
  });
});
