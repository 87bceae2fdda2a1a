/** Named queues by SDK and hub, over real sockets that are cut and a hub that comes back. */
import type { Hub } from '@ringhub/client';
import {
  bindQueue,
  consume,
  declareQueue,
  inspectQueue,
  type QueueMessage,
  unbindQueue,
} from '@ringhub/client/queues';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { transportsHere } from '../contract/uws-here.ts';
import { dataOf, QueueWorld, take } from './support/queue-world.ts';
import { seededRandom } from './support/seeded-random.ts';

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);
const publishAll = (hub: Hub, queue: string, values: readonly unknown[]) =>
  Promise.all(values.map((value) => hub.publish('', queue, value)));
const nameOf = (error: unknown) => (error as Error).name;

/** Resolves when this client is online again; says whether its session went on. */
const reconnected = (hub: Hub) =>
  new Promise<boolean>((resolve) => {
    hub.addEventListener('state', ({ state, resumed }) => {
      if (state === 'online') resolve(resumed ?? false);
    });
  });

describe.each(transportsHere)('named queues over %s', (transport) => {
  let world: QueueWorld;
  let near: Hub;
  let far: Hub;

  const start = async (options = {}) => {
    world = await QueueWorld.start({ transport, ...options });
    near = await world.client({ isDirect: true });
    far = await world.client();
  };
  beforeEach(() => start());
  afterEach(() => world.close());

  const settled = (queue: string, hub = near) =>
    expect.poll(async () => {
      const { ledger, messages } = await inspectQueue(hub, queue);
      return { acked: ledger.acked, ...messages };
    });

  it('share their messages among consumers, each to one', async () => {
    await declareQueue(near, 'jobs', { durable: true });
    await bindQueue(near, 'jobs', 'amq.topic', 'jobs.#');
    const options = { ack: 'manual', prefetch: 8 } as const;
    const consumers = await Promise.all(
      [near, far, far].map((client) => consume<number>(client, 'jobs', options)),
    );
    const receipts = await Promise.all(range(30).map((n) => near.publish('amq.topic', 'jobs.x', n)));
    expect(receipts.map(({ queues }) => queues)).toEqual(
      range(30).map(() => ({ took: ['jobs'], refused: [] })),
    );
    const hands = await Promise.all(consumers.map((consumer) => take(consumer, 8)));
    for (const hand of hands) expect(dataOf(hand)).toEqual(dataOf(hand).toSorted((a, b) => a - b));
    expect((await inspectQueue(near, 'jobs')).messages).toEqual({ ready: 6, inflight: 24, delayed: 0 });
    // Whoever has credit gets the rest.
    await Promise.all([consumers[0]!.pause(), consumers[1]!.pause()]);
    for (const message of hands.flat()) message.ack();
    const rest = await take(consumers[2]!, 6);
    for (const message of rest) message.ack();
    expect(dataOf([...hands.flat(), ...rest]).toSorted((a, b) => a - b)).toEqual(range(30));
    await settled('jobs').toEqual({ acked: 30, ready: 0, inflight: 0, delayed: 0 });
    await unbindQueue(near, 'jobs', 'amq.topic', 'jobs.#');
    expect((await near.publish('amq.topic', 'jobs.x', 31)).queues).toBeUndefined();
  });

  it('tell attempts, delay what was nacked, and bury what was rejected with its history', async () => {
    await declareQueue(near, 'dead');
    await declareQueue(near, 'jobs', { deadLetterExchange: '', deadLetterKey: 'dead', deliveryLimit: 2 });
    const consumer = await consume<number>(far, 'jobs', { ack: 'manual' });
    await publishAll(near, 'jobs', [1, 2, 3]);
    const [one, two, three] = await take(consumer, 3);
    expect([one!.attempt, one!.redelivered, one!.xDeath]).toEqual([1, false, []]);
    two!.reject();
    three!.nack();
    const [again] = await take(consumer, 1);
    expect([again!.data, again!.attempt, again!.redelivered]).toEqual([3, 2, true]);
    again!.nack();
    (await take(consumer, 1))[0]!.nack();
    one!.nack({ delayMs: 20 });
    const [delayed] = await take(consumer, 1);
    expect([delayed!.data, delayed!.attempt]).toEqual([1, 2]);
    delayed!.ack();
    const letters = await take(await consume<number>(near, 'dead'), 2);
    const deaths = letters.map(({ data, xDeath }) => [data, xDeath]);
    const death = (reason: string) => [
      expect.objectContaining({ queue: 'jobs', reason, count: 1, exchange: '', keys: ['jobs'] }),
    ];
    expect(deaths).toEqual([
      [2, death('rejected')],
      [3, death('delivery_limit')],
    ]);
    await expect
      .poll(async () => (await inspectQueue(near, 'jobs')).ledger)
      .toMatchObject({ acked: 1, deadLettered: 2 });
  });

  it('keep what is in hand while its connection is gone, under the same tags', async () => {
    await declareQueue(near, 'jobs');
    const consumer = await consume<number>(far, 'jobs', { ack: 'manual', prefetch: 5 });
    const other = await consume<number>(near, 'jobs', { ack: 'manual', prefetch: 1 });
    await publishAll(near, 'jobs', range(6));
    const [first] = await take(other, 1);
    const hand = await take(consumer, 3);
    const back = reconnected(far);
    world.proxy.cutAll();
    hand[0]!.ack();
    hand[1]!.nack();
    expect(await back).toBe(true);
    hand[2]!.ack();
    const rest = await take(consumer, 3);
    expect(rest.map(({ data, attempt }) => [data, attempt])).toEqual([
      [5, 1],
      [6, 1],
      [3, 2],
    ]);
    for (const message of [first!, ...rest]) message.ack();
    await settled('jobs').toEqual({ acked: 6, ready: 0, inflight: 0, delayed: 0 });
  });

  it('give what is in hand to others at once, where the consumer wants it so, and that begins anew', async () => {
    await declareQueue(near, 'jobs', { autoDelete: true });
    const consumer = await consume<number>(far, 'jobs', { ack: 'manual', prefetch: 3, onLost: 'requeue' });
    await publishAll(near, 'jobs', range(5));
    const [one] = await take(consumer, 1);
    world.proxy.loses = 'to-hub';
    world.proxy.cutAll();
    await expect.poll(async () => (await inspectQueue(near, 'jobs')).messages.ready).toBe(5);
    const other = await consume<number>(near, 'jobs', { ack: 'manual', prefetch: 2 });
    const moved = await take(other, 2);
    expect(moved.map(({ data, attempt }) => [data, attempt])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    const back = reconnected(far);
    world.proxy.loses = 'nothing';
    world.proxy.cutAll();
    expect(await back).toBe(true);
    // It is another's by now.
    one!.reject();
    const rest = await take(consumer, 3);
    expect(rest.map(({ data, attempt }) => [data, attempt])).toEqual([
      [3, 2],
      [4, 1],
      [5, 1],
    ]);
    for (const message of [...moved, ...rest]) message.ack();
    await settled('jobs').toEqual({ acked: 5, ready: 0, inflight: 0, delayed: 0 });
    expect((await inspectQueue(near, 'jobs')).consumers).toBe(2);
  });

  it('tell a consumer without acks what was lost with its connection', async () => {
    await declareQueue(near, 'jobs');
    const consumer = await consume<number>(far, 'jobs', { ack: 'none' });
    await publishAll(near, 'jobs', [1]);
    expect((await consumer.next()).value).toMatchObject({ data: 1 });
    world.proxy.loses = 'to-client';
    await publishAll(near, 'jobs', [2, 3, 4]);
    await expect.poll(async () => (await inspectQueue(near, 'jobs')).ledger.written).toBe(4);
    world.proxy.loses = 'nothing';
    world.proxy.cutAll();
    expect((await consumer.next()).value).toEqual({
      kind: 'gap',
      count: 3,
      reason: 'not-received',
      ranges: [],
    });
    await publishAll(near, 'jobs', [5]);
    expect((await consumer.next()).value).toMatchObject({ data: 5 });
  });
});

describe.each(transportsHere)('named queues over %s, and sessions that end', (transport) => {
  it('get back what they held, one attempt more; the consumer begins anew in the next session', async () => {
    const world = await QueueWorld.start({ transport, limits: { resumeWindowMs: 1 } });
    const [near, far] = [await world.client({ isDirect: true }), await world.client()];
    await declareQueue(near, 'jobs');
    const consumer = await consume<number>(far, 'jobs', { ack: 'manual', prefetch: 2 });
    await publishAll(near, 'jobs', range(3));
    const [one, two] = await take(consumer, 2);
    world.proxy.loses = 'to-hub';
    world.proxy.cutAll();
    const other = await consume<number>(near, 'jobs', { ack: 'manual', prefetch: 1 });
    const [three] = await take(other, 1);
    expect(three!.data).toBe(3);
    three!.ack();
    const [again] = await take(other, 1);
    expect([again!.data, again!.attempt]).toEqual([1, 2]);
    const back = reconnected(far);
    world.proxy.loses = 'nothing';
    world.proxy.cutAll();
    expect(await back).toBe(false);
    // The first is another's; the second came back into the hand that still holds it.
    one!.ack();
    await expect.poll(async () => (await inspectQueue(near, 'jobs')).messages.inflight).toBe(2);
    two!.ack();
    again!.ack();
    await expect
      .poll(async () => (await inspectQueue(near, 'jobs')).ledger)
      .toMatchObject({ acked: 3, routed: 3 });
    await world.close();
  });
});

describe.each(transportsHere)('named queues over %s, and a hub that comes back', (transport) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.start({ transport });
  });
  afterEach(() => world.close());

  it('hold what was durable, are declared again where they were not, and are consumed anew', async () => {
    const far = await world.client();
    await far.declareExchange('work', { type: 'topic', durable: true });
    await declareQueue(far, 'kept', { durable: true });
    await bindQueue(far, 'kept', 'work', '#');
    await declareQueue(far, 'passing', { exclusive: true });
    await bindQueue(far, 'passing', 'amq.topic', 'x.#');
    const kept = await consume<number>(far, 'kept', { ack: 'manual', prefetch: 3 });
    const passing = await consume<number>(far, 'passing', { ack: 'manual' });
    await Promise.all(range(3).map((n) => far.publish('work', 'any', n)));
    // Their log is in memory: after the restart nothing but their content tells them apart.
    await publishAll(far, 'kept', [4, 5, 6]);
    await publishAll(far, 'passing', [100]);
    const hand = await take(kept, 3);
    await take(passing, 1);

    await world.stopHub();
    const back = reconnected(far);
    await world.startHub();
    expect(await back).toBe(false);

    // The three in hand are recognised by their place in the durable log, and come once.
    for (const message of hand) message.ack();
    const rest = await take(kept, 3);
    expect(dataOf(rest)).toEqual([4, 5, 6]);
    for (const message of rest) message.ack();
    await expect
      .poll(async () => (await inspectQueue(far, 'kept')).ledger)
      .toMatchObject({ acked: 6, routed: 6 });
    await Promise.all([far.publish('work', 'any', 7), far.publish('amq.topic', 'x.y', 101)]);
    expect(dataOf(await take(kept, 1))).toEqual([7]);
    expect(dataOf(await take(passing, 1))).toEqual([101]);
  });

  it('publishes under way end once: stored ones with a receipt, others where nobody knows', async () => {
    const far = await world.client();
    await far.declareExchange('work', { type: 'topic', durable: true });
    await declareQueue(far, 'kept', { durable: true });
    await bindQueue(far, 'kept', 'work', '#');
    const publish = (name: string, count: number) =>
      range(count).flatMap((n) => [
        far.publish('work', 'any', `${name} logged ${n}`),
        far.publish('', 'kept', `${name} queued ${n}`),
        far.publish('amq.topic', 'any', `${name} passing ${n}`).catch(nameOf),
      ]);
    // These arrive, and their confirms do not; the next ones do not even arrive.
    world.proxy.loses = 'to-client';
    const arriving = publish('arrived', 20);
    await expect.poll(() => world.hub.stats().publishes.taken).toBe(60);
    // Confirms that the disk holds back must not come either.
    world.proxy.loses = 'everything';
    const lost = publish('lost', 20);
    // Sent, as far as the client knows.
    await new Promise((resolve) => setImmediate(resolve));
    await world.stopHub();
    world.proxy.cutAll();
    world.proxy.loses = 'nothing';
    await world.startHub();

    const outcomes = await Promise.all([...arriving, ...lost]);
    outcomes.forEach((outcome, i) => {
      if (i % 3 === 2) expect(outcome).toBe('outcome-unknown');
      else expect(outcome).toMatchObject({ duplicate: i < arriving.length });
    });
    const consumer = await consume<string>(far, 'kept', { prefetch: 500 });
    const seen = dataOf(await take(consumer, 80));
    const expected = ['arrived', 'lost'].flatMap((name) =>
      range(20).flatMap((n) => [`${name} logged ${n}`, `${name} queued ${n}`]),
    );
    expect(seen.toSorted()).toEqual(expected.toSorted());
    expect((await inspectQueue(far, 'kept')).ledger.routed).toBe(80);
  });
});

const CUTS = Number(process.env.RINGHUB_QUEUE_CUTS ?? 200);
const SEED = Number(process.env.RINGHUB_CUTS_SEED ?? Math.floor(Math.random() * 1e9));

describe.each(transportsHere)('named queues over %s, cut at random', (transport) => {
  it(`${CUTS} times: what is kept is processed once, all of it is processed (seed ${SEED})`, {
    timeout: Math.max(120_000, CUTS * 100),
  }, async () => {
    const random = seededRandom(SEED);
    const plan = { seed: SEED, maxBytes: 8_000, endings: { reset: 0.49, end: 0.49, silent: 0.02 } };
    const world = await QueueWorld.start({ transport, limits: { heartbeatMs: 200, deadMs: 600 } }, plan);
    const near = await world.client({ isDirect: true });
    const options = { durable: true, deliveryLimit: null };
    await declareQueue(near, 'kept', options);
    await declareQueue(near, 'requeued', options);
    for (const queue of ['kept', 'requeued']) await bindQueue(near, queue, 'amq.fanout', '');

    const processed = { kept: new Map<number, number>(), requeued: new Map<number, number>() };
    const failed = { kept: new Set<number>(), requeued: new Set<number>() };
    const finishing: (() => void)[] = [];
    const work = async (queue: 'kept' | 'requeued', onLost: 'keep' | 'requeue') => {
      const hub = await world.client();
      const consumer = await consume<number>(hub, queue, { ack: 'manual', prefetch: 8, onLost });
      const hand: QueueMessage<number>[] = [];
      const finish = (message: QueueMessage<number>) => {
        // One in five fails the first time, however often it is delivered.
        if (message.data % 5 === 0 && !failed[queue].has(message.data)) {
          failed[queue].add(message.data);
          message.nack();
          return;
        }
        processed[queue].set(message.data, (processed[queue].get(message.data) ?? 0) + 1);
        message.ack();
      };
      const finishAll = () => hand.splice(0).forEach(finish);
      finishing.push(finishAll);
      for await (const message of consumer) {
        hand.push(message);
        if (hand.length >= 3 || random() < 0.5) finishAll();
      }
    };
    for (let i = 0; i < 4; i++) {
      void work('kept', 'keep');
      void work('requeued', 'requeue');
    }

    const publisher = await world.client();
    let published = 0;
    while (world.proxy.cuts < CUTS) {
      const batch = range(20, published + 1);
      published += batch.length;
      await Promise.all(batch.map((n) => publisher.publish('amq.fanout', '', n)));
    }
    world.proxy.isCutting = false;
    const drained = () => {
      for (const finishAll of finishing) finishAll();
      return Promise.all(
        ['kept', 'requeued'].map(async (queue) => {
          const { messages, ledger } = await inspectQueue(near, queue);
          return { ...messages, routed: ledger.routed, acked: ledger.acked };
        }),
      );
    };
    const all = { ready: 0, inflight: 0, delayed: 0, routed: published, acked: published };
    await expect.poll(drained, { timeout: 60_000 }).toEqual([all, all]);

    const times = ({ kept }: typeof processed) => new Set(kept.values());
    expect(processed.kept.size).toBe(published);
    expect(times(processed)).toEqual(new Set([1]));
    expect(processed.requeued.size).toBe(published);
    expect(world.hub.stats().ledger.residual).toBe(0);
    console.log(`${transport}: ${published} published, ${world.proxy.cuts} cuts, seed ${SEED}`);
    await world.close();
  });
});
