/**
 * Named queues and what is wrong or large in the store: damaged entries and books, recounts, a long past, memory (PROTOCOL §20).
 */
import type { QueueInfo } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { sealText } from '../../server/src/engines/sealed-value.ts';
import { TABLES, tableOf } from '../../server/src/engines/store-keys.ts';
import { scanStore } from '../../server/src/engines/store-scan.ts';
import { got, JOBS, letters, QueueScene } from './support/queue-scene.ts';

describe('a durable queue and its store', () => {
  it('drops what is damaged, and says so', () => {
    const made = new QueueScene(true);
    made.declare();
    made.send(letters(3));
    made.restart();
    const [, second] = made.disk.all().filter(({ key }) => key[0] === 'q'.charCodeAt(0));
    made.disk.damage(second!.key, (value) => value.map((byte, i) => (i === 10 ? byte ^ 4 : byte)));
    const client = made.client();
    const queue = made.consume(client);
    expect(got(client)).toEqual(['1:m1', '2:m3']);
    expect(made.counters.corrupt).toBe(1);
    made.say(client, ['ack', queue, 2]);
    expect(made.ask<QueueInfo>(client, 'inspect', JOBS)).toMatchObject({
      messages: { ready: 0, inflight: 0 },
      bytes: 0,
      ledger: { routed: 3, acked: 2, dropped: { corrupt: 1 }, residual: 0 },
    });
    expect(made.faults).toEqual([expect.stringContaining('damaged on disk')]);
    made.restart();
    expect(made.ask<QueueInfo>(made.client(), 'inspect', JOBS).ledger.residual).toBe(0);
  });

  it('waits no longer than was asked for where the clock was set back and the hub started again', () => {
    const made = new QueueScene(true);
    made.declare({ retry: { delayMs: 5_000, factor: 1, maxDelayMs: 5_000, jitter: 0 } });
    made.send(letters(2));
    const before = made.client();
    const consumer = made.consume(before);
    made.say(before, ['nack', consumer, [[1, 1]]], ['nack', consumer, [[2, 2]], { delayMs: 20_000 }]);
    made.clock.setWall(-3_600_000);
    made.restart();
    const client = made.client();
    made.consume(client);
    made.clock.advance(4_000);
    expect(got(client)).toEqual([]);
    made.clock.advance(2_000);
    expect(got(client)).toEqual(['1:m1 x1']);
    made.clock.advance(15_000);
    expect(got(client)).toEqual(['2:m2 x1']);
  });

  it.each([
    ['that was met', [700]],
    ['of which some is still ahead', [700, 1_450]],
  ])('weighs what is left after damage %s, though never empty since', (_, damaged) => {
    const made = new QueueScene(true);
    made.declare();
    for (let i = 1; i <= 1_500; i++) made.publishNow(JOBS, `${i}`, { exchange: '' });
    made.flush();
    made.restart();
    made.clock.advance(3_000);
    const entries = made.disk.all().filter(({ key }) => key[0] === 'q'.charCodeAt(0));
    for (const at of damaged)
      made.disk.damage(entries[at]!.key, (value) => value.map((byte, i) => (i === 10 ? byte ^ 4 : byte)));
    const client = made.client();
    const queue = made.consume(client, { prefetch: 1 });
    made.say(client, ['ack', queue, 1]);
    expect([made.counters.corrupt, made.faults.length]).toEqual([1, 1]);
    for (let life = 0; life < 3; life++) {
      if (life > 0) made.restart();
      made.clock.advance(3_000);
      expect([made.faults.length, made.hub.stats().ledger.residual, made.hub.health().ready]).toEqual([
        1,
        0,
        true,
      ]);
      const { id, state } = made.namedQueue(JOBS);
      // Only a count of what is there tells the weight.
      if (life === 0) continue;
      expect({ messages: state.messages, bytes: state.bytes }).toEqual({
        ...made.engine.queues!.count(id),
        messages: 1_498,
      });
    }
    made.ask(made.operator, 'purge', JOBS);
    made.send(['after']);
    made.expectExact();
  });

  it('goes on where its books are damaged, and says so', () => {
    const made = new QueueScene(true);
    made.declare();
    made.send(letters(3));
    made.restart();
    const [books] = made.disk.all().filter(({ key }) => key[0] === 'c'.charCodeAt(0));
    made.disk.damage(books!.key, (value) => value.map((byte, i) => (i === 10 ? byte ^ 4 : byte)));
    made.crash();
    expect(made.faults).toEqual([expect.stringContaining('books')]);
    const client = made.client();
    made.consume(client);
    expect(got(client).map((text) => text.split(' ')[0])).toEqual(['1:m1', '2:m2', '3:m3']);
    made.send(['m4']);
    expect(got(client)).toEqual(['4:m4']);
  });

  it('has its books held against the store after a restart, whatever happens meanwhile', () => {
    const made = new QueueScene(true);
    made.declare();
    for (let i = 1; i <= 3_000; i++) made.publishNow(JOBS, `${i}`, { exchange: '' });
    made.flush();
    made.crash();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 100 });
    for (let tag = 100; tag <= 1_500; tag += 100) {
      made.say(client, ['ack', queue, tag]);
      made.publishNow(JOBS, 'more', { exchange: '' });
    }
    made.ask(client, 'credit', queue, 0);
    made.ask(client, 'purge', JOBS);
    made.clock.advance(3_000);
    expect([made.faults, made.hub.health().ready]).toEqual([[], true]);
    expect(made.hub.stats().ledger.residual).toBe(0);
  });

  it.each([
    [
      'an entry that is gone',
      1,
      (made: QueueScene, keys: Uint8Array[]) =>
        made.disk.entries.apply([{ key: keys[1_500]!, value: undefined }]),
    ],
    [
      'an entry that should be gone',
      2,
      (made: QueueScene, keys: Uint8Array[]) => {
        const value = made.disk.entries.get(keys[0]!)!;
        // One of the queue's own numbers, which was acknowledged.
        for (const seq of [1, 2]) {
          const key = keys[0]!.slice();
          key[key.length - 1] = seq;
          made.disk.entries.apply([{ key, value }]);
        }
      },
    ],
  ])('is found to have %s', (_, difference, plant) => {
    const made = new QueueScene(true);
    made.declare();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 5 });
    for (let i = 1; i <= 2_000; i++) made.publishNow(JOBS, `${i}`, { exchange: '' });
    made.flush();
    made.say(client, ['ack', queue, 5]);
    made.restart();
    const keys = made.disk.all().flatMap(({ key }) => (key[0] === 'q'.charCodeAt(0) ? [key] : []));
    expect(keys).toHaveLength(1_995);
    plant(made, keys);
    made.crash();
    expect([made.faults, made.hub.health().ready]).toEqual([[], true]);
    made.clock.advance(2_000);
    expect(made.faults[0]).toMatch(/^the books of the queue jobs say 1995 messages/);
    expect(made.hub.stats().ledger.residual).toBe(difference);
    expect(made.hub.health().reasons).toEqual([expect.stringContaining(`leaves over ${difference}`)]);
  });

  it('moves a dead letter from queue to queue in one step', () => {
    for (const survivors of [0, 1]) {
      const made = new QueueScene(true);
      made.declare({}, 'graves');
      made.declare({ deadLetterExchange: '', deadLetterKey: 'graves' });
      const client = made.client();
      const queue = made.consume(client);
      made.send(['m1']);
      made.disk.stall();
      made.say(client, ['reject', queue, [[1, 1]]]);
      let left = survivors;
      made.crash(() => left-- > 0);
      const [jobs, graves] = [made.info(), made.info('graves')];
      expect([jobs.messages.ready, graves.messages.ready]).toEqual(survivors ? [0, 1] : [1, 0]);
      expect(jobs.ledger.deadLettered).toBe(survivors);
      expect(made.faults).toEqual([]);
    }
  });

  it('is consumed in order from first to last, though only its head is in memory', () => {
    const made = new QueueScene(true);
    made.declare();
    for (let i = 1; i <= 5_000; i++) made.publishNow(JOBS, `${i}`, { exchange: '' });
    made.flush();
    const { state } = made.namedQueue(JOBS);
    expect([state.messages, state.ready.loadedMessages < 100]).toEqual([5_000, true]);
    made.crash();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 700 });
    const seen: number[] = [];
    let mostLoaded = 0;
    while (seen.length < 5_000) {
      const before = seen.length;
      for (const text of got(client)) seen.push(Number(text.split(' ')[0]!.split(':')[1]));
      if (seen.length === before) throw new Error(`nothing came after ${before}`);
      made.say(client, ['ack', queue, seen.length]);
      mostLoaded = Math.max(mostLoaded, made.namedQueue(JOBS).state.ready.loadedMessages);
    }
    expect(seen).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
    expect(mostLoaded).toBeLessThanOrEqual(1_024);
    expect(made.ask<QueueInfo>(client, 'inspect', JOBS).ledger).toMatchObject({ acked: 5_000, residual: 0 });
  });

  it('takes names as long as they may be, with bindings of any arguments', () => {
    const made = new QueueScene(true);
    const name = `q${'"'.repeat(120)}`;
    const exchange = `x${'\\'.repeat(120)}`;
    const args = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`header-${i}`, 'v'.repeat(50)]));
    expect(made.ask(made.operator, 'declare', exchange, { type: 'headers', durable: true })).toBeUndefined();
    made.declare({}, name);
    expect(made.ask(made.operator, 'bind', { queue: name }, exchange, '"'.repeat(255), args)).toBeUndefined();
    made.crash();
    expect(made.ask(made.client(), 'list')).toMatchObject({
      bindings: [{ exchange, args, to: { namedQueue: name } }],
    });
    expect(made.send(['m'], { exchange, headers: args })).toEqual([{ took: [name], refused: [] }]);
    const client = made.client();
    expect(made.ask(client, 'unbind', { queue: name }, exchange, '"'.repeat(255), args)).toBeUndefined();
    made.crash();
    expect(made.ask(made.client(), 'list')).toMatchObject({ bindings: [] });
  });

  it('that is deleted while messages are on their way leaves nothing behind', () => {
    const made = new QueueScene(true);
    made.declare();
    made.send(['m1']);
    made.disk.stall();
    made.publishNow(JOBS, 'm2', { exchange: '' });
    made.clock.settle();
    made.operator.send(['deleteQueue', 900, JOBS]);
    made.clock.settle();
    made.disk.resume();
    made.flush();
    made.disk.resume();
    made.clock.advance(3_000);
    expect(made.operator.all('ok').find(({ ref }) => ref === 900)?.result).toEqual({ messages: 1 });
    expect(made.hub.stats().ledger).toMatchObject({ routed: 2, dropped: { deleted: 2 }, residual: 0 });
    const left = made.disk.all().filter(({ key }) => 'qac'.includes(String.fromCharCode(key[0]!)));
    expect(left).toEqual([]);
    made.declare();
    expect(made.info()).toMatchObject({ messages: { ready: 0 }, ledger: { routed: 0 } });
  });
});

/** A hub that has stored something in every table: but for the records of its numbers, which come later. */
function sceneOfAllTables(): QueueScene {
  const made = new QueueScene(true);
  const operator = made.operator;
  made.ask(operator, 'declare', 'kept', { type: 'topic', durable: true });
  made.declare({ retry: { delayMs: 60_000, factor: 2, maxDelayMs: 60_000, jitter: 0 } });
  made.ask(operator, 'bind', { queue: JOBS }, 'kept', '#');
  made.send(letters(3), { exchange: 'kept' });
  made.send(['named'], { exchange: 'kept', id: 'i1' });
  made.send(['by name']);
  made.say(operator, ['publish', 1, 'kept', 'key', 'numbered', { contentType: 'text/plain' }]);
  // Its number is in a record of its session by now; that of the next one is not yet.
  made.clock.advance(62_000);
  const client = made.client();
  made.say(client, ['publish', 1, 'kept', 'key', 'numbered', { contentType: 'text/plain' }]);
  const queue = made.consume(client);
  made.say(client, ['nack', queue, [[1, 1]]], ['ack', queue, 1, [[2, 2]]]);
  made.restart();
  made.flush();
  return made;
}

it('what a hub stores fills every table, and a check finds nothing of it damaged', async () => {
  const made = sceneOfAllTables();
  const { entries } = made.disk;
  const found = new Set<string>();
  const scan = async (): Promise<void> => {
    const { corruptKeys, tables } = await scanStore(
      { range: (from, to, options) => entries.range(from, to, options) },
      async () => {},
    );
    expect(corruptKeys).toEqual([]);
    for (const table of tables.keys()) found.add(table);
  };
  await scan();
  // What groups of numbers say of sessions gets into records of their own when nothing more comes.
  made.clock.advance(120_000);
  made.flush();
  await scan();
  expect([...found].sort()).toEqual(Object.keys(TABLES).sort());
});

it('a check finds every bit that is flipped in a value of any table', async () => {
  const made = sceneOfAllTables();
  const all = made.disk.entries.range(Uint8Array.of(0), Uint8Array.of(255), { limit: 1e6 });
  expect(new Set(all.map(({ key }) => tableOf(key)))).toEqual(new Set(Object.keys(TABLES)));
  const missed: string[] = [];
  for (const { key, value } of all) {
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = value.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const { corruptKeys } = await scanStore({ range: () => [{ key, value: flipped }] }, async () => {});
      if (corruptKeys.length === 0) missed.push(`${tableOf(key)}: byte ${bit >> 3}`);
    }
  }
  expect(missed).toEqual([]);
});

it('a check names a key that is of no table', async () => {
  const stray = { key: Uint8Array.of(0x7a, 1), value: sealText('sound') };
  const { corruptKeys } = await scanStore({ range: () => [stray] }, async () => {});
  expect(corruptKeys).toEqual(['7a01']);
});

describe('a durable queue with a long past', () => {
  it('lets a backlog expire that nobody came for, a page a turn', () => {
    const made = new QueueScene(true);
    made.declare({ messageTtlMs: 60_000 });
    const outcomes: unknown[] = [];
    for (let i = 1; i <= 3_000; i++) {
      const properties = { contentType: 'text/plain' };
      const request = { exchange: '', key: JOBS, payload: `m${i}`, properties };
      made.hub.publish(made.principal('publisher'), request, ({ kind }) => outcomes.push(kind));
    }
    made.flush();
    expect(outcomes).toEqual(Array(3_000).fill('taken'));
    made.restart();
    // What is told of a page must have come to its end before the next one is read.
    const queues = made.engine.queues!;
    const read = queues.read.bind(queues);
    let [depth, deepest, pages] = [0, 0, 0];
    queues.read = (...fields) => {
      pages++;
      deepest = Math.max(deepest, ++depth);
      read(...fields);
      depth--;
    };
    made.clock.advance(70_000);
    made.flush();
    expect(made.info()).toMatchObject({ messages: { ready: 0, delayed: 0 }, ledger: { expired: 3_000 } });
    expect([pages > 40, deepest]).toEqual([true, 1]);
    expect(made.faults).toEqual([]);
    made.expectExact();
  });

  it('may be deleted while it is recounted after a restart', () => {
    const made = new QueueScene(true);
    made.declare();
    for (let i = 1; i <= 1_200; i++)
      made.hub.publish(
        made.principal('publisher'),
        { exchange: '', key: JOBS, payload: 'x', properties: { contentType: 'text/plain' } },
        () => {},
      );
    made.flush();
    made.restart();
    expect(made.ask(made.operator, 'deleteQueue', JOBS)).toMatchObject({ messages: 1_200 });
    made.clock.advance(5_000);
    expect([made.faults, made.hub.health().reasons]).toEqual([[], []]);
  });
});

it('what a consumer has in hand has a bound in bytes, too', () => {
  const made = new QueueScene(true, { session: { maxPayloadBytes: 2 ** 21, maxQueueBytes: 2 ** 30 } });
  made.declare();
  const client = made.client();
  const queue = made.consume(client, { prefetch: 1_000 });
  made.send(Array(20).fill('x'.repeat(2 ** 20)));
  expect(made.info().messages).toEqual({ ready: 4, inflight: 16, delayed: 0 });
  made.say(client, ['ack', queue, 2]);
  expect(made.info().messages).toEqual({ ready: 2, inflight: 16, delayed: 0 });
});

it('what queues hold in memory has a bound for all of them together, and what is refused for it is in the books', () => {
  const made = new QueueScene(false, { limits: { queueMemoryBytes: 1_000 } });
  made.declare({}, 'a');
  made.declare({}, 'b');
  made.declare({ durable: true }, 'stored');
  made.ask(made.operator, 'declare', 'all', { type: 'fanout' });
  for (const queue of ['b', 'stored']) made.ask(made.operator, 'bind', { queue }, 'all', '');
  expect(made.send(['x'.repeat(700)], { key: 'a' })).toEqual([{ took: ['a'], refused: [] }]);
  const large = 'y'.repeat(700);
  expect(made.send([large], { key: 'b' })).toEqual(['queue-full']);
  expect(made.send([large], { exchange: 'all' })).toEqual([
    { took: ['stored'], refused: [['b', 'queue-full']] },
  ]);
  expect(made.info('b').ledger).toMatchObject({ routed: 2, dropped: { refused: 2 } });
  made.ask(made.operator, 'purge', 'a');
  made.ask(made.operator, 'purge', 'stored');
  expect(made.send([large], { key: 'b' })).toEqual([{ took: ['b'], refused: [] }]);
  for (const name of ['a', 'b', 'stored']) made.expectExact(name);
});

it('the events of the hub reach a named queue, and nobody else publishes them by way of dead letters', () => {
  const made = new QueueScene(false);
  made.declare();
  made.ask(made.operator, 'bind', { queue: JOBS }, 'hub.events', '#');
  made.client('bob');
  made.flush();
  expect(made.info().messages.ready).toBeGreaterThan(0);
  expect(made.ask(made.operator, 'declareQueue', 'graves', { deadLetterExchange: 'hub.events' })).toBe(
    'bad-argument',
  );
});
