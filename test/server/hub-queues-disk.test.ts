/** Durable named queues and the disk: what is there after a restart or a crash, what waits for it, and long backlogs. */
import { ERRORS, type QueueInfo } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { got, JOBS, letters, QueueScene } from './support/queue-scene.ts';

describe('a durable queue and the disk', () => {
  it.each(['restart', 'crash'] as const)(
    'has everything after a %s: messages, attempts, delays, bindings, books',
    (end) => {
      const made = new QueueScene(true);
      made.ask(made.operator, 'declare', 'kept', { type: 'topic', durable: true });
      made.declare({ maxMessages: 100, deliveryLimit: 5 });
      for (const exchange of ['kept', 'amq.topic'])
        made.ask(made.operator, 'bind', { queue: JOBS }, exchange, 'k.#');
      made.ask(made.operator, 'bind', { queue: JOBS }, 'amq.headers', '', {
        'x-match': 'any',
        a: 1,
        b: null,
      });
      made.send(letters(6), { exchange: 'kept', key: 'k.1' });
      made.send(['v'], { exchange: 'amq.topic', key: 'k.2' });
      const client = made.client();
      const queue = made.consume(client, { prefetch: 5 });
      made.say(
        client,
        ['ack', queue, 1],
        ['nack', queue, [[2, 2]]],
        ['nack', queue, [[3, 3]], { delayMs: 10_000 }],
      );
      made.flush();
      const before = made.info();
      expect(before.messages).toEqual({ ready: 0, inflight: 5, delayed: 1 });
      made[end]();
      const operator = made.client();
      const after = made.ask<QueueInfo>(operator, 'inspect', JOBS);
      expect(after).toMatchObject({ options: before.options, bytes: before.bytes, messages: { ready: 6 } });
      expect(after.ledger).toMatchObject({ routed: 7, acked: 1, residual: 0 });
      expect(after.figures.delayMs).toBe(before.figures.delayMs);
      expect((made.ask(operator, 'list') as { bindings: unknown[] }).bindings).toHaveLength(3);
      const consumer = made.client();
      const again = made.consume(consumer, { prefetch: 10 });
      // What may have been delivered says so; the rest of the first life's attempts is known exactly.
      expect(got(consumer)).toEqual(['1:m2 x1', '2:m4 x1', '3:m5 x1', '4:m6 x1', '5:v x1']);
      expect(consumer.all('error')).toEqual([]);
      made.clock.advance(11_000);
      expect(got(consumer)).toEqual(['6:m3 x1']);
      made.say(consumer, ['ack', again, 6]);
      expect(made.ask<QueueInfo>(operator, 'inspect', JOBS).ledger).toMatchObject({
        routed: 7,
        acked: 7,
        residual: 0,
      });
      expect(made.faults).toEqual([]);
      made.send(['n'], { exchange: 'kept', key: 'k.1' });
      expect(got(consumer)).toEqual(['7:n']);
    },
  );

  it.each(['restart', 'crash'] as const)('goes on with the four numbers after a %s', (end) => {
    const made = new QueueScene(true);
    made.declare();
    made.declare({ maxMessages: 5 }, 'gone');
    /** Sends so many, waits, has them consumed, and acknowledges all but the last, which is rejected. */
    const work = (count: number, waitMs: number, takesMs: number): void => {
      made.send(letters(count));
      made.clock.advance(waitMs);
      const client = made.client();
      const queue = made.consume(client);
      made.clock.advance(takesMs);
      const tag = got(client).length;
      made.say(client, ['ack', queue, tag - 1], ['reject', queue, [[tag, tag]]]);
      made.ask(client, 'unsubscribe', queue);
    };
    const overall = () => made.hub.stats().figures;
    const near = (ms: number): unknown => expect.closeTo(ms, -1.7);
    work(5, 1_000, 500);
    made.send(letters(7), { key: 'gone' });
    expect(made.info().figures).toMatchObject({
      responseTimeMs: near(1_000),
      delayMs: near(500),
      lossRate: 0.2,
    });
    const before = [made.info().figures, made.info('gone').figures, overall()].map(
      ({ throughputPerSec: _, ...figures }) => figures,
    );
    made[end]();
    const after = [made.info().figures, made.info('gone').figures, overall()];
    expect(after).toMatchObject(before);
    expect(after.map(({ throughputPerSec }) => throughputPerSec)).toEqual([0, 0, 0]);
    work(13, 4_000, 1_500);
    made.clock.advance(1_000);
    // Means of both lives: 4 and 12 processed, 2 of 18 lost.
    const both = { responseTimeMs: near(3_250), delayMs: near(1_250) };
    expect(made.info().figures).toMatchObject({ ...both, lossRate: 2 / 18 });
    expect(made.info().figures.throughputPerSec).toBeGreaterThan(0);
    expect(made.info('gone').figures.lossRate).toBe(2 / 7);
    expect(overall()).toMatchObject({ ...both, lossRate: 4 / 25 });
    // As histograms, too: by name, and of all.
    const { measures } = made.hub.stats();
    for (const { responseTime, delay } of [made.hub.queueMeasures()[1]!, measures])
      expect([responseTime.count, delay.count]).toEqual([16, 16]);
    expect(measures.lost).toEqual({ rejected: 2, overflow: 2 });
    made.expectExact();
  });

  it('says of what was delivered, and not acknowledged, before a power cut that it may have been', () => {
    const made = new QueueScene(true);
    made.declare();
    const client = made.client();
    made.consume(client, { prefetch: 2 });
    made.send(letters(3));
    expect(got(client)).toEqual(['1:m1', '2:m2']);
    made.crash();
    const again = made.client();
    made.consume(again);
    const texts = got(again);
    expect(texts.slice(0, 2)).toEqual(['1:m1 x1', '2:m2 x1']);
    expect(texts[2]).toMatch(/^3:m3/);
  });

  it('says after an orderly end exactly what was delivered', () => {
    const made = new QueueScene(true);
    made.declare();
    const client = made.client();
    made.consume(client, { prefetch: 2 });
    made.send(letters(4));
    made.restart();
    const again = made.client();
    made.consume(again);
    expect(got(again)).toEqual(['1:m1 x1', '2:m2 x1', '3:m3', '4:m4']);
  });

  it('delivers nothing that is not on disk, and nothing anew that was acknowledged on disk', () => {
    const made = new QueueScene(true);
    made.declare();
    const client = made.client();
    const queue = made.consume(client);
    made.send(['m1']);
    got(client);
    made.disk.stall();
    const outcomes = made.send(['m2']);
    expect([outcomes, got(client)]).toEqual([[], []]);
    made.say(client, ['ack', queue, 1]);
    made.crash();
    const again = made.client();
    const second = made.consume(again);
    // The ack was on its way.
    expect(got(again)).toEqual(['1:m1 x1']);
    made.say(again, ['ack', second, 1]);
    made.crash();
    const third = made.client();
    made.consume(third);
    expect(got(third)).toEqual([]);
    expect(made.ask<QueueInfo>(third, 'inspect', JOBS).ledger).toMatchObject({
      routed: 1,
      acked: 1,
      residual: 0,
    });
  });

  it('counts a publish that is a duplicate of one under way once', () => {
    const made = new QueueScene(true);
    made.declare();
    made.disk.stall();
    for (let i = 0; i < 3; i++) made.publishNow(JOBS, 'x', { exchange: '', id: 'same' });
    made.clock.settle();
    made.disk.resume();
    made.clock.turn();
    made.crash(() => true);
    made.flush();
    expect(made.info().messages.ready).toBe(1);
    const client = made.client();
    made.consume(client);
    expect(got(client)).toHaveLength(1);
    expect(made.faults).toEqual([]);
  });

  it.each([
    ['through the default exchange', ''],
    ['through a durable exchange', 'kept'],
  ])('has a message %s once, sent again while it is on its way to the disk', (_, exchange) => {
    for (const end of ['lives on', 'crashes and has it', 'crashes and has it not']) {
      const made = new QueueScene(true);
      made.declare({ maxMessages: 2, overflow: 'reject-publish' });
      made.ask(made.operator, 'declare', 'kept', { type: 'fanout', durable: true });
      made.ask(made.operator, 'bind', { queue: JOBS }, 'kept', '');
      const [first, second] = [made.client('publisher'), made.client('publisher')];
      const { session } = first.all('welcome')[0]!;
      made.disk.stall();
      first.send(['publish', 1, exchange, JOBS, 'm', { id: 'one' }]);
      second.send(['publish', 1, exchange, JOBS, 'm', { id: 'one' }]);
      made.clock.settle();
      // The batch is under way, and more of the same comes.
      second.send(['publish', 2, exchange, JOBS, 'm', { resent: [session, 1] }]);
      made.publishNow(JOBS, 'm', { exchange, id: 'one' });
      made.clock.advance(10);
      expect([first, second].flatMap((client) => client.takeOf('confirm'))).toEqual([]);
      if (end === 'lives on') {
        made.disk.resume();
        made.flush();
        const runs = [first, second].map((client) => client.takeOf('confirm').flatMap((frame) => frame.runs));
        expect(runs).toMatchObject([
          [{ seq: 1 }],
          [
            { seq: 1, duplicate: true },
            { seq: 2, duplicate: true },
          ],
        ]);
        expect(runs[0]![0]).not.toHaveProperty('duplicate', true);
      } else {
        made.crash(() => end === 'crashes and has it');
        made.flush();
      }
      const count = end === 'crashes and has it not' ? 0 : 1;
      expect(made.info()).toMatchObject({ messages: { ready: count }, ledger: { routed: count } });
      made.expectExact();
      // Of what was kept free for the others all is free again.
      const rest = Array(2 - count).fill({ took: [JOBS], refused: [] });
      expect(made.send(letters(3 - count), { exchange })).toEqual([...rest, 'queue-full']);
      made.restart();
      made.clock.advance(3_000);
      made.expectExact();
      expect(made.faults).toEqual([]);
    }
  });

  it('that drops its head takes a burst that goes to disk together, and drops the older ones', () => {
    for (const durable of [true, false]) {
      const made = new QueueScene(true);
      made.ask(made.operator, 'declare', 'kept', { type: 'fanout', durable: true });
      made.declare({ durable, maxMessages: 2 });
      made.ask(made.operator, 'bind', { queue: JOBS }, 'kept', '');
      const publisher = made.client();
      made.disk.stall();
      publisher.send(...letters(7).map((letter, i) => ['publish', i + 1, 'kept', '', letter]));
      made.disk.resume();
      made.clock.advance(3_000);
      made.flush();
      expect(publisher.takeOf('confirm').flatMap(({ runs }) => runs)).toMatchObject([
        { seq: 1, count: 7, queues: { took: [JOBS], refused: [] } },
      ]);
      expect(made.info()).toMatchObject({
        messages: { ready: 2 },
        ledger: { routed: 7, dropped: { overflow: 5 } },
      });
      if (durable) made.expectExact();
      const client = made.client();
      made.consume(client);
      made.flush();
      expect(got(client)).toEqual(['1:m6', '2:m7']);
      expect(made.faults).toEqual([]);
    }
  });

  it('bound since a message was sent first is what that is sent again for, unless it has an id', () => {
    const made = new QueueScene(true);
    const reader = made.client('reader');
    reader.subscribe({ bindings: [['amq.topic', '#']] });
    const first = made.client();
    const { session } = first.all('welcome')[0]!;
    made.say(
      first,
      ['publish', 1, 'amq.topic', 'a', 'x'],
      ['publish', 2, 'amq.topic', 'b', 'x', { id: 'b' }],
    );
    first.cut();
    const again = made.client();
    // Nobody knows of it, as nothing of it was stored.
    made.say(again, ['publish', 1, 'amq.topic', 'a', 'x', { resent: [session, 1] }]);
    expect(again.takeOf('refused')).toMatchObject([{ seq: 1, code: ERRORS['fate-unknown'].code }]);
    made.declare();
    made.ask(made.operator, 'bind', { queue: JOBS }, 'amq.topic', '#');
    made.say(
      again,
      ['publish', 2, 'amq.topic', 'a', 'x', { resent: [session, 1] }],
      ['publish', 3, 'amq.topic', 'b', 'x', { resent: [session, 2], id: 'b' }],
    );
    const runs = again.takeOf('confirm').flatMap((frame) => frame.runs);
    expect(runs.toSorted((a, b) => a.seq - b.seq)).toMatchObject([
      { seq: 2, queues: { took: [JOBS] } },
      { seq: 3, duplicate: true },
    ]);
    expect(made.info().messages.ready).toBe(1);
    expect(reader.deliveries()).toEqual(['1:a', '2:b', '3:a']);
  });

  it('hides nothing behind what was purged', () => {
    const made = new QueueScene(true);
    made.declare();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 3 });
    made.send(letters(200));
    made.say(client, ['ack', queue, 3]);
    made.ask(client, 'credit', queue, 0);
    made.ask(made.operator, 'purge', JOBS);
    made.send(['after']);
    made.crash();
    const again = made.client();
    expect(made.ask<QueueInfo>(again, 'inspect', JOBS).messages.ready).toBe(4);
    made.consume(again);
    expect(got(again).map((text) => text.split(' ')[0]!.split(':')[1])).toEqual(['m4', 'm5', 'm6', 'after']);
    expect(made.faults).toEqual([]);
  });

  it('answers a purge when it is on disk', () => {
    const made = new QueueScene(true);
    made.declare();
    made.send(letters(3));
    made.disk.stall();
    const client = made.client();
    client.send(['purge', 77, JOBS]);
    made.clock.advance(50);
    expect(client.takeOf('ok')).toEqual([]);
    made.crash();
    expect(made.info().messages.ready).toBe(3);
  });
});
