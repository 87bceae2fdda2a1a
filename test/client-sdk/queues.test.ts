/** Named queues, over connections that die. */
import type { Hub, RinghubError } from '@ringhub/client';
import {
  bindQueue,
  consume,
  declareQueue,
  deleteQueue,
  inspectQueue,
  purgeQueue,
  type QueueConsumer,
  type QueueMessage,
  unbindQueue,
} from '@ringhub/client/queues';
import { type Consuming, MAX_RESUME_NAMED_QUEUES } from '@ringhub/protocol';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { deliver, item } from './support/frames.ts';
import { Scene } from './support/scene.ts';
import type { SentFrame } from './support/scripted-socket.ts';

const consuming = (queue: number, fields: Partial<Consuming['granted']> = {}): Consuming => ({
  queue,
  granted: { ack: 'manual', prefetch: 64, onLost: 'keep', exclusive: false, ...fields },
});

async function scene() {
  const scene = new Scene();
  const hub: Hub = await scene.online();
  const sent = async (): Promise<SentFrame> => {
    await scene.settle();
    return scene.socket.read().at(-1)!;
  };
  /** Has the hub answer a command; gives its fields behind the ref, and what it resolved with. */
  const answered = async <T>(command: Promise<T>, result?: unknown): Promise<[SentFrame, T]> => {
    const [type, ref, ...fields] = await sent();
    scene.socket.says(['ok', ref, ...(result === undefined ? [] : [result])]);
    return [[type, ...fields], await command];
  };
  const consumed = async (
    options: Parameters<typeof consume>[2] = { ack: 'manual' },
    granted: Partial<Consuming['granted']> = {},
  ): Promise<QueueConsumer> => {
    const [, consumer] = await answered(consume(hub, 'jobs', options), consuming(7, granted));
    return consumer;
  };
  /** Everything told on this connection since the last time, once acks are due. */
  const told = async (): Promise<SentFrame[]> => {
    await scene.advance(100);
    return scene.socket.read();
  };
  return { scene, hub, sent, answered, consumed, told };
}

const nameOf = (error: unknown) => (error as RinghubError).name;
const message = async (consumer: QueueConsumer): Promise<QueueMessage> => {
  const { value } = await consumer.next();
  if (!value) throw new Error('no message');
  return value;
};

describe('named queues', () => {
  it('are declared, asked for, purged and deleted', async () => {
    const { scene: world, hub, sent, answered } = await scene();
    const options = { durable: true, deliveryLimit: null, retry: { delayMs: 5 } };
    const info = { name: 'jobs', messages: { ready: 1, inflight: 2, delayed: 3 } };
    expect(await answered(declareQueue(hub, 'jobs', options), info)).toEqual([
      ['declareQueue', 'jobs', options],
      info,
    ]);
    expect(await answered(inspectQueue(hub, 'jobs'), info)).toEqual([['inspect', 'jobs'], info]);
    expect(await answered(declareQueue(hub, 'jobs', { passive: true }), info)).toEqual([
      ['declareQueue', 'jobs', { passive: true }],
      info,
    ]);
    expect(await answered(purgeQueue(hub, 'jobs'), { messages: 3 })).toEqual([['purge', 'jobs'], 3]);
    const deleted = answered(deleteQueue(hub, 'jobs', { ifEmpty: true }), { messages: 2 });
    expect(await deleted).toEqual([['deleteQueue', 'jobs', { ifEmpty: true }], 2]);
    const refused = declareQueue(hub, 'jobs', { signal: new AbortController().signal }).catch(nameOf);
    world.socket.says(['error', (await sent())[1], 4323, 'queue-mismatch: other options']);
    expect(await refused).toBe('queue-mismatch');
  });

  it('are declared and bound again in a resume, as they are by then', async () => {
    const { scene: world, hub, sent, answered } = await scene();
    await answered(declareQueue(hub, 'a', { durable: true }), {});
    await answered(declareQueue(hub, 'b'), {});
    await answered(declareQueue(hub, 'gone'), {});
    await answered(declareQueue(hub, 'asked', { passive: true }), {});
    expect((await answered(bindQueue(hub, 'a', 'amq.topic', 'x.#')))[0]).toEqual([
      'bind',
      { queue: 'a' },
      'amq.topic',
      'x.#',
    ]);
    await answered(bindQueue(hub, 'a', 'amq.headers', '', { n: 1, m: 2 }));
    await answered(bindQueue(hub, 'a', 'amq.headers', '', { m: 2, n: 1 }));
    await answered(bindQueue(hub, 'a', 'amq.topic', 'y'));
    await answered(unbindQueue(hub, 'a', 'amq.topic', 'y'));
    await answered(bindQueue(hub, 'of others', 'amq.topic', 'z'));
    await answered(deleteQueue(hub, 'gone'), { messages: 0 });
    await answered(declareQueue(hub, 'b', { maxMessages: 5 }), {});
    const refused = bindQueue(hub, 'b', '', 'k').catch(nameOf);
    world.socket.says(['error', (await sent())[1], 4329, 'default-exchange: no']);
    expect(await refused).toBe('default-exchange');
    await world.reconnect();
    expect((world.socket.resume as { namedQueues?: unknown }).namedQueues).toEqual([
      [
        'a',
        { durable: true },
        [
          ['amq.topic', 'x.#'],
          ['amq.headers', '', { m: 2, n: 1 }],
        ],
      ],
      ['b', { maxMessages: 5 }, []],
    ]);
  });

  it('deleted by a command whose answer was lost count as deleted', async () => {
    const { scene: world, hub, sent } = await scene();
    const deleting = deleteQueue(hub, 'jobs');
    await sent();
    (await world.reconnect()).welcome({ resumed: true });
    await world.settle();
    const resent = world.socket.sent.find(([type]) => type === 'deleteQueue')!;
    world.socket.says(['error', resent[1], 4322, 'queue-not-found: none']);
    expect(await deleting).toBe(0);
  });

  it('declared anew keep their bindings', async () => {
    const { scene: world, hub, answered } = await scene();
    await answered(declareQueue(hub, 'a'), {});
    await answered(bindQueue(hub, 'a', 'amq.topic', 'x'));
    await answered(declareQueue(hub, 'a', { maxMessages: 5 }), {});
    await world.reconnect();
    expect(world.socket.resume).toMatchObject({
      namedQueues: [['a', { maxMessages: 5 }, [['amq.topic', 'x']]]],
    });
  });

  it('are at most as many as a resume can name, also of many at once', async () => {
    const { scene: world, hub, answered, sent } = await scene();
    const [first, ...others] = Array.from({ length: MAX_RESUME_NAMED_QUEUES }, (_, i) =>
      declareQueue(hub, `q${i}`).catch(nameOf),
    );
    const tooMany = { code: 4327, name: 'too-many-queues', retry: 'never' };
    await expect(declareQueue(hub, 'late')).rejects.toMatchObject(tooMany);
    await world.settle();
    const declares = world.socket.read().filter(([type]) => type === 'declareQueue');
    expect(declares.length).toBe(MAX_RESUME_NAMED_QUEUES);
    for (const [, ref] of declares.slice(1)) world.socket.says(['ok', ref, {}]);
    await Promise.all(others);
    // One that the hub refuses, or that is deleted, leaves its place.
    world.socket.says(['error', declares[0]![1], 4323, 'queue-mismatch: other options']);
    expect(await first).toBe('queue-mismatch');
    await answered(declareQueue(hub, 'late'), {});
    await answered(declareQueue(hub, 'q7', { maxMessages: 5 }), {});
    await answered(declareQueue(hub, 'seen', { passive: true }), {});
    await expect(declareQueue(hub, 'later')).rejects.toMatchObject(tooMany);
    await answered(deleteQueue(hub, 'q9'), { messages: 0 });
    const refused = declareQueue(hub, 'q7', {}).catch(nameOf);
    world.socket.says(['error', (await sent())[1], 4323, 'queue-mismatch: other options']);
    await refused;
    await answered(declareQueue(hub, 'later'), {});
    await world.reconnect();
    const { namedQueues } = world.socket.resume as { namedQueues?: [string, object][] };
    expect(namedQueues).toHaveLength(MAX_RESUME_NAMED_QUEUES);
    expect(namedQueues!.filter(([name]) => /^(q0|q7|q9|later?)$/.test(name))).toEqual([
      ['q7', { maxMessages: 5 }, []],
      ['late', {}, []],
      ['later', {}, []],
    ]);
  });

  it('a client without any says nothing of them', async () => {
    const { scene: world } = await scene();
    await world.reconnect();
    expect(world.socket.resume).not.toHaveProperty('namedQueues');
  });
});

describe('a consumer', () => {
  it('of a hub with typed messages has a type of its own, with one argument', async () => {
    const world = new Scene();
    const typed: Hub<{ prices: number }> = await world.online<{ prices: number }>();
    const begun = consume<{ to: string }>(typed, 'jobs');
    await world.settle();
    world.socket.says(['ok', world.socket.read().at(-1)![1], consuming(7)]);
    expectTypeOf(await begun).toEqualTypeOf<QueueConsumer<QueueMessage<{ to: string }>>>();
    expect((await begun).granted.prefetch).toBe(64);
  });

  it('asks as it was told, and gives messages with what only named queues have', async () => {
    const { scene: world, hub, answered, told } = await scene();
    const options = { ack: 'manual', prefetch: 9, onLost: 'requeue', exclusive: true } as const;
    const [frame, consumer] = await answered(consume<number>(hub, 'jobs', options), consuming(7, options));
    expect(frame).toEqual(['consume', { consume: 'jobs', ...options }]);
    expect(consumer.granted).toEqual(options);
    const xDeath = [
      { queue: 'q', reason: 'rejected', count: 1, timeMs: 5, exchange: 'x', keys: ['k'], originalTtlMs: 9 },
    ];
    world.socket.says([
      'deliver',
      7,
      1,
      [[...item(4), { id: 'i', xDeath }], item(5), item(6), item(8)],
      [[1, { redelivered: 2 }]],
    ]);
    const first = await message(consumer);
    expect(first).toMatchObject({
      kind: 'message',
      data: 4,
      id: 'i',
      attempt: 1,
      redelivered: false,
      xDeath,
    });
    expect(first).not.toHaveProperty('replaced');
    first.ack();
    const second = await message(consumer);
    expect(second).toMatchObject({ attempt: 3, redelivered: true, xDeath: [] });
    second.nack({ delayMs: 1_500 });
    second.nack();
    (await message(consumer)).nack();
    const fourth = await message(consumer);
    fourth.reject();
    fourth.ack();
    expect(await told()).toEqual([
      ['nack', 7, [[2, 2]], { delayMs: 1_500 }],
      ['ack', 7, 2],
      ['nack', 7, [[3, 3]]],
      ['reject', 7, [[4, 4]]],
    ]);
    await Promise.all([consumer.unsubscribe(), told().then(([end]) => world.socket.says(['ok', end![1]]))]);
    expect(await consumer.next()).toEqual({ done: true, value: undefined });
  });

  it('with a handler acknowledges what it has done, nacks where it throws, rejects what is no JSON', async () => {
    const { scene: world, hub, answered, told } = await scene();
    const seen: unknown[] = [];
    hub.addEventListener('error', ({ error }) => seen.push((error as Error).name));
    await answered(
      consume(hub, 'jobs', {}, (event) => {
        seen.push(event.data);
        if (event.data === 2) throw new Error('not now');
      }),
      consuming(7, { ack: 'auto' }),
    );
    world.socket.says(['deliver', 7, 1, [item(1), item(2), item(3, 'k', '{')]]);
    expect(await told()).toEqual([
      ['nack', 7, [[2, 2]]],
      ['reject', 7, [[3, 3]]],
      ['ack', 7, 3],
    ]);
    expect(seen).toEqual([1, 2, 'Error', 'bad-payload']);
  });

  it('goes on after a resume under the same tags, and tells again what may have been lost', async () => {
    const { scene: world, consumed, told } = await scene();
    const consumer = await consumed();
    world.socket.says(deliver(7, 1, 5));
    const [one, two, three, four] = [
      await message(consumer),
      await message(consumer),
      await message(consumer),
      await message(consumer),
    ];
    one.ack();
    two.nack({ delayMs: 10 });
    three.ack();
    await told();
    four.reject();
    await world.reconnect();
    expect(world.socket.resume.queues).toEqual([
      {
        queue: 7,
        lastTag: 5,
        ackedUpTo: 1,
        ackedRanges: [[3, 3]],
        cursor: null,
        options: { consume: 'jobs', ack: 'manual' },
      },
    ]);
    world.socket.welcome({ resumed: true, queues: [{ was: 7, ...consuming(7) }] }, deliver(7, 6, 1));
    const five = await message(consumer);
    expect(five.data).toBe(5);
    five.ack();
    expect((await message(consumer)).data).toBe(6);
    expect(await told()).toEqual([
      ['nack', 7, [[2, 2]], { delayMs: 10 }],
      ['reject', 7, [[4, 4]]],
      ['ack', 7, 5],
    ]);
  });

  it('begins anew after a lost session: what is in hand comes once, what was acknowledged not again', async () => {
    const { scene: world, consumed, told } = await scene();
    const consumer = await consumed();
    world.socket.says(deliver(7, 1, 4));
    const [one, two] = [await message(consumer), await message(consumer)];
    one.ack();
    (await world.reconnect()).welcome({ session: 's2', queues: [{ was: 7, ...consuming(3) }] });
    // The queue may have other ideas of what comes first, and others may have had some of it.
    world.socket.says(['deliver', 3, 1, [item(2), item(1), item(4)], [[0, { redelivered: 1 }]]]);
    const next = await message(consumer);
    expect(next.data).toBe(4);
    two.ack();
    next.nack();
    expect(await told()).toEqual([
      ['nack', 3, [[3, 3]]],
      ['ack', 3, 3],
    ]);
  });

  it('takes messages of a log that has begun anew for what they are: all different', async () => {
    const { scene: world, consumed, told } = await scene();
    const consumer = await consumed();
    world.socket.says(deliver(7, 1, 2));
    const [one, two] = [await message(consumer), await message(consumer)];
    one.ack();
    (await world.reconnect()).welcome({
      session: 's2',
      epochs: { v: 'e2' },
      queues: [{ was: 7, ...consuming(3) }],
    });
    const placeless = (n: number) => item(n).with(5, 0);
    world.socket.says(['deliver', 3, 1, [placeless(2), placeless(3), placeless(4)]]);
    const again = [await message(consumer), await message(consumer), await message(consumer)];
    expect(again.map(({ data }) => data)).toEqual([2, 3, 4]);
    two.ack();
    again[0]!.ack();
    (await world.reconnect()).welcome({
      session: 's3',
      epochs: { v: 'e2' },
      queues: [{ was: 3, ...consuming(5) }],
    });
    world.socket.says(['deliver', 5, 1, [placeless(3), placeless(5)]]);
    expect((await message(consumer)).data).toBe(3);
    expect((await message(consumer)).data).toBe(5);
    expect(await told()).toEqual([]);
  });

  it('that has its messages requeued at once begins anew in a session that goes on', async () => {
    const { scene: world, consumed, told } = await scene();
    const consumer = await consumed({ ack: 'manual', onLost: 'requeue' });
    world.socket.says(deliver(7, 1, 2));
    const one = await message(consumer);
    (await world.reconnect()).welcome({ resumed: true, queues: [{ was: 7, ...consuming(8) }] });
    one.nack();
    expect(await told()).toEqual([]);
    world.socket.says(['deliver', 8, 1, [item(1), item(2)], [[0, { redelivered: 1 }]]]);
    const again = await message(consumer);
    expect([again.data, again.attempt]).toEqual([1, 2]);
    again.ack();
    expect(await told()).toEqual([['ack', 8, 1]]);
  });

  it('stays paused, and has the prefetch it was given last', async () => {
    const { scene: world, answered, consumed, told } = await scene();
    const consumer = await consumed();
    await answered(consumer.setPrefetch(3));
    await answered(consumer.pause());
    await world.reconnect();
    expect(world.socket.resume.queues[0]!.options).toEqual({ consume: 'jobs', ack: 'manual', prefetch: 3 });
    world.socket.welcome({ session: 's2', queues: [{ was: 7, ...consuming(8, { prefetch: 3 }) }] });
    expect((await told()).map(([type, , ...fields]) => [type, ...fields])).toEqual([['credit', 8, 0]]);
    const [frame] = await answered(consumer.resume());
    expect(frame).toEqual(['credit', 8, 3]);
  });

  it('ends with its queue, and no resume names it', async () => {
    const { scene: world, hub, consumed } = await scene();
    const errors: unknown[] = [];
    hub.addEventListener('error', ({ error }) => errors.push(nameOf(error)));
    const consumer = await consumed();
    const waiting = consumer.next().catch(nameOf);
    // What only tells a subscription that an exchange is gone ends nothing.
    world.socket.says(['error', null, 4300, 'unknown-exchange: deleted', { queue: 7, exchange: 'x' }]);
    expect(errors).toEqual(['unknown-exchange']);
    world.socket.says(['error', null, 4322, 'queue-not-found: deleted', { queue: 7, name: 'jobs' }]);
    expect(await waiting).toBe('queue-not-found');
    expect(nameOf(await consumer.closed)).toBe('queue-not-found');
    expect(errors).toEqual(['unknown-exchange', 'queue-not-found']);
    await world.reconnect();
    expect(world.socket.resume.queues).toEqual([]);
  });

  it('refused at the resume ends, alone', async () => {
    const { scene: world, consumed } = await scene();
    const consumer = await consumed();
    (await world.reconnect()).welcome({
      session: 's2',
      queues: [{ was: 7, code: 4322, text: 'queue-not-found: gone' }],
    });
    await expect(consumer.next()).rejects.toMatchObject({ name: 'queue-not-found' });
  });

  it('given up while under way is undone when the hub has done it; later, the signal ends it', async () => {
    const { scene: world, hub, sent, answered } = await scene();
    const abort = new AbortController();
    const giving = consume(hub, 'jobs', { signal: abort.signal }).catch(() => 'given up');
    const [, ref] = await sent();
    abort.abort();
    expect(await giving).toBe('given up');
    world.socket.says(['ok', ref, consuming(7)]);
    expect((await sent()).toSpliced(1, 1)).toEqual(['unsubscribe', 7]);
    const later = new AbortController();
    await answered(consume(hub, 'jobs', { signal: later.signal }), consuming(8));
    later.abort();
    expect((await sent()).toSpliced(1, 1)).toEqual(['unsubscribe', 8]);
  });

  it('without acks is told what was lost with a connection', async () => {
    const { scene: world, hub, answered, told } = await scene();
    const [, consumer] = await answered(
      consume(hub, 'jobs', { ack: 'none' }),
      consuming(7, { ack: 'none', prefetch: 64 }),
    );
    world.socket.says(deliver(7, 1, 1));
    (await world.reconnect()).welcome({ resumed: true, queues: [{ was: 7, ...consuming(7) }] });
    const gap = { count: 3, reason: 'not-received', ranges: [] };
    world.socket.says(['deliver', 7, 2, [{ gap }, item(5)]]);
    expect((await consumer.next()).value).toMatchObject({ kind: 'message', data: 1 });
    expect((await consumer.next()).value).toEqual({ kind: 'gap', ...gap });
    expect((await consumer.next()).value).toMatchObject({ kind: 'message', data: 5 });
    expect(await told()).toEqual([]);
  });

  it('without acks says nothing; what it is too slow for becomes a gap', async () => {
    const { scene: world, hub, answered, told } = await scene();
    const consumer = await answered(
      consume(hub, 'jobs', { ack: 'none' }),
      consuming(7, { ack: 'none', prefetch: 64 }),
    ).then(([, consumer]) => consumer);
    for (let i = 0; i < 10; i++) world.socket.says(deliver(7, 1 + i * 1_001, 1_001));
    const { value: gap } = await consumer.next();
    expect(gap).toMatchObject({ kind: 'gap', count: 11, reason: 'not-received' });
    expect(consumer.dropped).toBe(11);
    const { value: next } = await consumer.next();
    expect(next).toMatchObject({ kind: 'message', data: 12 });
    expect(await told()).toEqual([]);
  });
});
