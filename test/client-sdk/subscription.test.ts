import {
  type Handler,
  type Hub,
  RinghubError,
  type Subscription,
  type SubscriptionOptions,
} from '@ringhub/client';
import type { Granted } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { deliver, gapItem, item, subscribed } from './support/frames.ts';
import { Scene } from './support/scene.ts';

/** A client with one subscription, queue 7. */
async function subscribe(
  options: SubscriptionOptions = {},
  grants: Partial<Granted> = {},
  handler?: Handler<never>,
) {
  const scene = new Scene();
  const hub: Hub = await scene.online();
  const subscribing = hub.subscribe('prices', 'eu.#', options, handler as Handler<unknown>);
  await scene.settle();
  const [[type, ref]] = scene.socket.read() as [[string, number]];
  expect(type).toBe('subscribe');
  const cursor = options.since === 'last-per-key' ? null : 'v:e1:0';
  const { signal: _, since: __, ...rest } = options;
  scene.socket.says(['ok', ref, subscribed(7, { ...(rest as Partial<Granted>), ...grants }, cursor)]);
  const subscription = await subscribing;
  await scene.advance(0);
  return { scene, hub, subscription, acks: () => scene.socket.read().filter(([type]) => type === 'ack') };
}

const dataOf = async (subscription: Subscription<never> | Subscription): Promise<unknown> => {
  const { value } = await (subscription as Subscription).next();
  return value?.kind === 'message' ? value.data : value?.kind;
};

describe('the iterator', () => {
  it('gives events in order and acknowledges one when the next is asked for', async () => {
    const { scene, subscription, acks } = await subscribe();
    scene.socket.says(deliver(7, 1, 3));
    expect(await dataOf(subscription)).toBe(1);
    await scene.advance(1000);
    expect(acks()).toEqual([]);
    expect(await dataOf(subscription)).toBe(2);
    expect(subscription.cursor).toBe('v:e1:1');
    await scene.advance(1000);
    expect(acks()).toEqual([['ack', 7, 1]]);
    expect(await dataOf(subscription)).toBe(3);
    void subscription.next();
    await scene.advance(100);
    expect(acks()).toEqual([['ack', 7, 3]]);
  });

  it('begins again with the item at which a loop was left', async () => {
    const { scene, subscription, acks } = await subscribe();
    scene.socket.says(deliver(7, 1, 2));
    for await (const event of subscription) {
      expect(event).toMatchObject({ kind: 'message', data: 1 });
      break;
    }
    await scene.advance(1000);
    expect(acks()).toEqual([]);
    const seen: unknown[] = [];
    for await (const event of subscription) {
      if (event.kind === 'message' && seen.push(event.data) === 2) break;
    }
    expect(seen).toEqual([1, 2]);
  });

  it('does not repeat an item that was acknowledged before leaving', async () => {
    const { scene, subscription } = await subscribe();
    scene.socket.says(deliver(7, 1, 2));
    for await (const event of subscription) {
      if (event.kind === 'message') event.ack();
      break;
    }
    expect(await dataOf(subscription)).toBe(2);
  });

  it('acknowledges after a quarter of the prefetch at once, in one frame a turn', async () => {
    const { scene, subscription, acks } = await subscribe({}, { prefetch: 8 });
    scene.socket.says(deliver(7, 1, 8));
    for (let i = 0; i < 3; i++) await subscription.next();
    await scene.settle();
    expect(acks()).toEqual([['ack', 7, 2]]);
  });

  it('ends when unsubscribed, and tells the hub once', async () => {
    const { scene, subscription } = await subscribe();
    const waiting = subscription.next();
    const done = subscription.unsubscribe();
    await scene.settle();
    const sent = scene.socket.read();
    expect(sent).toMatchObject([['unsubscribe', expect.any(Number), 7]]);
    scene.socket.says(['ok', sent[0]![1]]);
    await done;
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await subscription.closed).toBeUndefined();
    await subscription.unsubscribe();
    expect(scene.socket.read()).toEqual([]);
  });

  it('refuses a second waiter', async () => {
    const { subscription } = await subscribe();
    void subscription.next();
    await expect(subscription.next()).rejects.toThrow(TypeError);
  });
});

describe('ack manual', () => {
  it('sends ranges for what is acknowledged out of order', async () => {
    const { scene, subscription, acks } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 6));
    const messages = [];
    for (let i = 0; i < 6; i++) messages.push((await subscription.next()).value);
    for (const i of [1, 2, 4]) if (messages[i]?.kind === 'message') messages[i].ack();
    await scene.advance(100);
    expect(acks()).toEqual([
      [
        'ack',
        7,
        0,
        [
          [2, 3],
          [5, 5],
        ],
      ],
    ]);
    expect(subscription.cursor).toBe('v:e1:0');
    if (messages[0]?.kind === 'message') messages[0].ack();
    await scene.advance(100);
    expect(acks()).toEqual([['ack', 7, 3]]);
    expect(subscription.cursor).toBe('v:e1:3');
  });

  it('settles gaps by itself', async () => {
    const { scene, subscription, acks } = await subscribe({ ack: 'manual' });
    scene.socket.says(['deliver', 7, 1, [gapItem(1, 4), item(5)]]);
    expect((await subscription.next()).value).toMatchObject({ kind: 'gap', count: 4, reason: 'overflow' });
    await subscription.next();
    await scene.advance(100);
    expect(acks()).toEqual([['ack', 7, 1]]);
    expect(subscription.cursor).toBe('v:e1:4');
  });

  it('rejects and nacks; what is nacked comes again with its tag and counts', async () => {
    const { scene, subscription } = await subscribe({ ack: 'manual' });
    scene.socket.says(deliver(7, 1, 3));
    const [a, b, c] = [await subscription.next(), await subscription.next(), await subscription.next()];
    if (a.value?.kind === 'message') a.value.nack();
    if (b.value?.kind === 'message') b.value.reject();
    if (c.value?.kind === 'message') c.value.ack();
    await scene.advance(100);
    expect(scene.socket.read()).toEqual([
      ['reject', 7, [[2, 2]]],
      ['nack', 7, [[1, 1]]],
      ['ack', 7, 0, [[3, 3]]],
    ]);
    scene.socket.says(deliver(7, 1, 1, 1, [[0, { redelivered: 1 }]]));
    const again = (await subscription.next()).value;
    expect(again).toMatchObject({ data: 1, redelivered: 1 });
    if (again?.kind === 'message') again.ack();
    await scene.advance(100);
    expect(scene.socket.read()).toEqual([['ack', 7, 3]]);
    expect(subscription.cursor).toBe('v:e1:3');
  });
});

describe('a handler', () => {
  it('gets one event at a time; each is acknowledged when it has resolved', async () => {
    const gates: (() => void)[] = [];
    const seen: unknown[] = [];
    const { scene, acks } = await subscribe({}, {}, (event: { data: unknown }) => {
      seen.push(event.data);
      return new Promise<void>((resolve) => gates.push(resolve));
    });
    scene.socket.says(deliver(7, 1, 2));
    await scene.advance(1000);
    expect(seen).toEqual([1]);
    expect(acks()).toEqual([]);
    gates.shift()!();
    await scene.advance(100);
    expect(seen).toEqual([1, 2]);
    expect(acks()).toEqual([['ack', 7, 1]]);
  });

  it('that fails raises an error event and has the message sent again', async () => {
    const { scene, subscription } = await subscribe({}, {}, () => {
      throw new Error('no');
    });
    const errors: unknown[] = [];
    subscription.addEventListener('error', ({ error }) => errors.push(error));
    scene.socket.says(deliver(7, 1, 1));
    await scene.settle();
    expect(errors).toEqual([new Error('no')]);
    expect(scene.socket.read()).toEqual([['nack', 7, [[1, 1]]]]);
  });

  it('that meets JSON which is none has the message rejected, and goes on', async () => {
    const seen: unknown[] = [];
    const { scene, hub } = await subscribe({}, {}, (event: { data: unknown }) => void seen.push(event.data));
    const errors: unknown[] = [];
    hub.addEventListener('error', ({ error, subscription }) =>
      errors.push([(error as RinghubError).name, !!subscription]),
    );
    scene.socket.says(['deliver', 7, 1, [item(1, 'k', '{'), item(2)]]);
    await scene.advance(100);
    expect(errors).toEqual([['bad-payload', true]]);
    expect(seen).toEqual([2]);
    expect(scene.socket.read()).toEqual([
      ['reject', 7, [[1, 1]]],
      ['ack', 7, 2],
    ]);
  });
});

describe('ack none', () => {
  it('acknowledges nothing, drops the oldest beyond its bound, and tells that in place', async () => {
    const { scene, subscription } = await subscribe({ ack: 'none' }, { capacity: 3 });
    scene.socket.says(deliver(7, 1, 6));
    expect((await subscription.next()).value).toMatchObject({
      kind: 'gap',
      count: 4,
      reason: 'not-received',
      ranges: [{ log: 'v', epoch: 'e1', from: 1, to: 4, count: 4 }],
    });
    expect([await dataOf(subscription), await dataOf(subscription)]).toEqual([5, 6]);
    expect(subscription.dropped).toBe(4);
    void subscription.next();
    await scene.advance(1000);
    expect(scene.socket.read()).toEqual([]);
    expect(subscription.cursor).toBe('v:e1:6');
  });
});

describe('the prefetch', () => {
  it('is told as the hub grants it: smaller than the ring', async () => {
    const { scene, subscription } = await subscribe({}, { capacity: 4, prefetch: 2 });
    const changing = subscription.setPrefetch(1_000);
    await scene.settle();
    const [[type, ref, queue, prefetch]] = scene.socket.read() as [[string, number, number, number]];
    expect([type, queue, prefetch]).toEqual(['credit', 7, 1_000]);
    scene.socket.says(['ok', ref]);
    await changing;
    expect(subscription.granted.prefetch).toBe(3);
  });
});

describe('pausing', () => {
  it('takes the credit back and hands nothing out until resumed', async () => {
    const { scene, subscription } = await subscribe();
    const pausing = subscription.pause();
    await scene.settle();
    const [sent] = scene.socket.read();
    expect(sent).toEqual(['credit', expect.any(Number), 7, 0]);
    scene.socket.says(['ok', sent![1]], deliver(7, 1, 1));
    await pausing;
    let got: unknown;
    void subscription.next().then(({ value }) => {
      got = value;
    });
    await scene.settle();
    expect(got).toBeUndefined();
    void subscription.resume();
    await scene.settle();
    expect(got).toMatchObject({ data: 1 });
    expect(scene.socket.sent.at(-1)).toEqual(['credit', expect.any(Number), 7, 256]);
  });
});

describe('a snapshot', () => {
  it('has no cursor until its end', async () => {
    const { scene, subscription } = await subscribe({ since: 'last-per-key' });
    scene.socket.says(
      [
        'deliver',
        7,
        1,
        [item(9, 'a'), item(4, 'b'), { snapshotEnd: { cursor: 'v:e1:12', complete: true } }, item(13)],
      ],
      ['mark', 7, 'v:e1:20'],
    );
    await subscription.next();
    await subscription.next();
    expect(subscription.cursor).toBeNull();
    expect((await subscription.next()).value).toEqual({
      kind: 'snapshot-end',
      cursor: 'v:e1:12',
      complete: true,
    });
    expect(subscription.cursor).toBeNull();
    expect(await dataOf(subscription)).toBe(13);
    expect(subscription.cursor).toBe('v:e1:12');
    void subscription.next();
    expect(subscription.cursor).toBe('v:e1:20');
  });
});

describe('subscribing', () => {
  it('rejects with the hub’s error', async () => {
    const scene = new Scene();
    const hub = await scene.online();
    const subscribing = hub.subscribe({
      bindings: [
        ['prices', 'a.#'],
        ['chat', 'b'],
      ],
      overflow: 'conflate',
    });
    await scene.settle();
    const [frame] = scene.socket.read();
    expect(frame).toEqual([
      'subscribe',
      1,
      {
        bindings: [
          ['prices', 'a.#'],
          ['chat', 'b'],
        ],
        overflow: 'conflate',
      },
    ]);
    scene.socket.says(['error', 1, 4300, 'unknown-exchange: no such exchange', { exchange: 'chat' }]);
    const error = await subscribing.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RinghubError);
    expect(error).toMatchObject({
      code: 4300,
      name: 'unknown-exchange',
      retry: 'never',
      message: 'unknown-exchange: no such exchange',
      detail: { exchange: 'chat' },
    });
  });

  it('given up while under way is undone when the hub has done it', async () => {
    const scene = new Scene();
    const hub = await scene.online();
    const abort = new AbortController();
    const subscribing = hub.subscribe('prices', '#', { signal: abort.signal });
    await scene.settle();
    abort.abort(new Error('enough'));
    await expect(subscribing).rejects.toThrow('enough');
    scene.socket.read();
    scene.socket.says(['ok', 1, subscribed(3)]);
    await scene.settle();
    expect(scene.socket.read()).toEqual([['unsubscribe', 2, 3]]);
  });

  it('ends with its signal', async () => {
    const abort = new AbortController();
    const { scene, subscription } = await subscribe({ signal: abort.signal });
    abort.abort();
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
    await scene.settle();
    expect(scene.socket.read()).toMatchObject([['unsubscribe', expect.any(Number), 7]]);
  });

  it('sees deliveries that come in the same message as the answer', async () => {
    const scene = new Scene();
    const hub = await scene.online();
    const subscribing = hub.subscribe('prices', '#');
    await scene.settle();
    scene.socket.says(['ok', 1, subscribed(3)], deliver(3, 1, 1));
    expect(await dataOf(await subscribing)).toBe(1);
  });
});
