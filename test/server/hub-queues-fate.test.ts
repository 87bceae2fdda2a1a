/**
 * What becomes of messages that no consumer acknowledged, and of their queues: dead letters, TTLs, bounds, purging, deletion; who
 * may do it, and the four numbers of it all (PROTOCOL §20).
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import type { HubSceneOptions } from './support/hub-scene.ts';
import { got, JOBS, letters, QueueScene } from './support/queue-scene.ts';

describe.each([
  ['a volatile queue', false],
  ['a durable queue', true],
])('%s', (_, isDurable) => {
  const scene = (options?: HubSceneOptions) => new QueueScene(isDurable, options);

  it('buries what failed too often, with where it has been', () => {
    const made = scene();
    made.ask(made.operator, 'declare', 'dead', { type: 'fanout' });
    made.declare({}, 'graves');
    made.ask(made.operator, 'bind', { queue: 'graves' }, 'dead', '');
    made.declare({ deliveryLimit: 2, deadLetterExchange: 'dead', deadLetterKey: 'a-longer-key-than-before' });
    const client = made.client();
    const queue = made.consume(client);
    made.send(['m1'], { headers: { n: 1 }, ttlMs: 60_000, id: 'the-id' });
    for (let tag = 1; tag <= 3; tag++) made.say(client, ['nack', queue, [[tag, tag]]]);
    expect(got(client)).toEqual(['1:m1', '2:m1 x1', '3:m1 x2']);
    expect(made.info().ledger).toMatchObject({ routed: 1, deadLettered: 1 });
    const digger = made.client('digger');
    const grave = made.consume(digger, {}, 'graves');
    const [item] = digger.takeOf('deliver').flatMap(({ items }) => items);
    expect(item).toMatchObject({
      key: 'a-longer-key-than-before',
      exchange: 'dead',
      headers: { n: 1 },
      id: 'the-id',
      xDeath: [
        {
          queue: JOBS,
          reason: 'delivery_limit',
          count: 1,
          exchange: '',
          keys: [JOBS],
          originalTtlMs: 60_000,
        },
      ],
    });
    made.expectExact();
    made.expectExact('graves');
    made.say(digger, ['ack', grave, 1]);
    made.expectExact('graves');
  });

  it('retries by way of a waiting queue, and keeps no message that only goes round', () => {
    const made = scene();
    made.declare({ deadLetterExchange: '', deadLetterKey: 'wait' });
    made.declare({ messageTtlMs: 1_000, deadLetterExchange: '', deadLetterKey: JOBS }, 'wait');
    const client = made.client();
    const queue = made.consume(client);
    made.send(['m1']);
    for (let round = 1; round <= 3; round++) {
      expect(got(client)).toEqual([`${round}:m1`]);
      made.say(client, ['reject', queue, [[round, round]]]);
      expect(made.info('wait').messages.ready).toBe(1);
      made.clock.advance(2_500);
      made.flush();
    }
    const [item] = client.takeOf('deliver').flatMap(({ items }) => items);
    expect(item).toMatchObject({
      xDeath: [
        { queue: 'wait', reason: 'expired', count: 3 },
        { queue: JOBS, reason: 'rejected', count: 3 },
      ],
    });
    // Nothing rejected: round and round by itself it would go.
    made.declare({ messageTtlMs: 100, deadLetterExchange: '', deadLetterKey: 'loop' }, 'loop');
    made.send(['x'], { key: 'loop' });
    made.clock.advance(5_000);
    made.flush();
    expect(made.info('loop')).toMatchObject({
      messages: { ready: 0 },
      ledger: { routed: 1, deadLettered: 1 },
    });
    for (const name of [JOBS, 'wait', 'loop']) made.expectExact(name);
  });

  it('has dead letters without an exchange dropped, and counted', () => {
    const made = scene();
    made.declare({ deadLetterExchange: 'nowhere' });
    const client = made.client();
    const queue = made.consume(client);
    made.send(['m1']);
    made.say(client, ['reject', queue, [[1, 1]]]);
    expect(made.info().ledger).toMatchObject({ routed: 1, deadLettered: 1 });
    expect(made.hub.stats().deadLetters).toEqual({ published: 0, lost: 1 });
    made.expectExact();
  });

  it('lets messages expire by the shorter TTL', () => {
    const made = scene();
    made.declare({ messageTtlMs: 2_000 });
    made.send(['long'], { ttlMs: 60_000 });
    made.send(['short'], { ttlMs: 500 });
    made.clock.advance(1_200);
    made.flush();
    expect(made.info().messages.ready).toBe(2);
    made.clock.advance(2_000);
    made.flush();
    expect(made.info()).toMatchObject({ messages: { ready: 0 }, ledger: { expired: 2 } });
    made.send(['late'], { ttlMs: 300 });
    made.clock.advance(310);
    const client = made.client();
    made.consume(client);
    expect(got(client)).toEqual([]);
    expect(made.info().ledger.expired).toBe(3);
    made.expectExact();
  });

  it('keeps to maxMessages and maxBytes: the oldest gives way, or the new one is refused', () => {
    const made = scene();
    made.declare({ maxMessages: 2 }, 'head');
    made.declare({ maxMessages: 2, overflow: 'reject-publish' }, 'tail');
    made.declare({ maxBytes: 400, overflow: 'reject-publish' }, 'bytes');
    expect(made.send(letters(3), { key: 'head' })).toEqual(Array(3).fill({ took: ['head'], refused: [] }));
    expect(made.info('head')).toMatchObject({ messages: { ready: 2 }, ledger: { dropped: { overflow: 1 } } });
    expect(made.send(letters(3), { key: 'tail' })).toEqual([
      { took: ['tail'], refused: [] },
      { took: ['tail'], refused: [] },
      'queue-full',
    ]);
    expect(made.info('tail').ledger).toMatchObject({ routed: 3, dropped: { refused: 1 } });
    const outcomes = made.send(letters(5), { key: 'bytes' });
    expect(outcomes).toContain('queue-full');
    expect(made.info('bytes').bytes).toBeLessThanOrEqual(400);
    expect(made.send(['x'.repeat(500)], { key: 'bytes' })).toEqual(['payload-too-large']);
    // In flight it counts, and nothing ready is there to give way.
    const client = made.client();
    made.consume(client, {}, 'head');
    expect(got(client)).toEqual(['1:m2', '2:m3']);
    expect(made.send(['m4'], { key: 'head' })).toEqual(['queue-full']);
    for (const name of ['head', 'tail', 'bytes']) made.expectExact(name);
  });

  it('full as it is, is asked for no room by what it has already', () => {
    const made = scene();
    made.ask(made.operator, 'declare', 'all', { type: 'fanout', durable: isDurable });
    made.declare({ maxMessages: 1, overflow: 'reject-publish' }, 'full');
    made.declare({}, 'large');
    for (const queue of ['full', 'large']) made.ask(made.operator, 'bind', { queue }, 'all', '');
    made.send(['m1'], { exchange: 'all', id: 'first' });
    for (const exchange of ['all', '']) made.send(['m1'], { exchange, key: 'full', id: `by ${exchange}` });
    const before = made.info('full').ledger;
    expect(before).toMatchObject({ routed: 3, dropped: { refused: 2 } });
    const client = made.client('publisher');
    for (const [i, id] of ['first', 'by all'].entries()) {
      expect(made.send(['m1'], { exchange: 'all', id })).toEqual(['taken']);
      made.say(client, ['publish', i + 1, 'all', '', 'm1', { id }]);
    }
    expect(client.takeOf('confirm').flatMap(({ runs }) => runs)).toMatchObject([
      { seq: 1, duplicate: true },
      { seq: 2, duplicate: true },
    ]);
    expect(made.info('full').ledger).toEqual(before);
    // It was refused there, and is so again.
    expect(made.send(['m1'], { key: 'full', id: 'by ' })).toEqual(['queue-full']);
    expect(made.info('full').ledger).toMatchObject({ routed: 4, dropped: { refused: 3 } });
    for (const name of ['full', 'large']) made.expectExact(name);
  });

  it('names in a receipt who took a message and who refused it', () => {
    const made = scene();
    made.ask(made.operator, 'declare', 'all', { type: 'fanout', durable: isDurable });
    made.declare({ maxMessages: 1, overflow: 'reject-publish' }, 'small');
    made.declare({}, 'large');
    for (const queue of ['small', 'large']) made.ask(made.operator, 'bind', { queue }, 'all', '');
    expect(made.send(['m1', 'm2'], { exchange: 'all' })).toEqual([
      { took: ['small', 'large'], refused: [] },
      { took: ['large'], refused: [['small', 'queue-full']] },
    ]);
    const client = made.client();
    made.say(client, ['publish', 1, 'all', 'k', 'x'], ['publish', 2, '', 'small', 'x']);
    const frames = client.take();
    expect(frames.filter((frame) => frame.type === 'confirm')).toMatchObject([
      { runs: [{ seq: 1, queues: { took: ['large'], refused: [['small', 'queue-full']] } }] },
    ]);
    expect(frames.filter((frame) => frame.type === 'refused')).toMatchObject([
      { seq: 2, code: ERRORS['queue-full'].code },
    ]);
    expect(made.hub.stats().unroutable).toBe(0);
    for (const name of ['small', 'large']) made.expectExact(name);
  });

  it('is reached once, however many bindings lead there, and no more once they are gone', () => {
    const made = scene();
    made.declare();
    for (const key of ['a.#', '#.b'])
      expect(made.ask(made.operator, 'bind', { queue: JOBS }, 'amq.topic', key)).toBeUndefined();
    made.send(['m1'], { exchange: 'amq.topic', key: 'a.b' });
    expect(made.info().messages.ready).toBe(1);
    expect(made.ask(made.operator, 'list')).toMatchObject({
      bindings: [
        { exchange: 'amq.topic', key: 'a.#', to: { namedQueue: JOBS } },
        { exchange: 'amq.topic', key: '#.b', to: { namedQueue: JOBS } },
      ],
    });
    for (const key of ['a.#', '#.b']) made.ask(made.operator, 'unbind', { queue: JOBS }, 'amq.topic', key);
    expect(made.ask(made.operator, 'unbind', { queue: JOBS }, 'amq.topic', '#')).toBe('unknown-binding');
    expect(made.ask(made.operator, 'bind', { queue: JOBS }, '', JOBS)).toBe('default-exchange');
    // Whether the other end is there or not.
    for (const to of [{ queue: 'none' }, 'none'])
      expect(made.ask(made.operator, 'bind', to, '', JOBS)).toBe('default-exchange');
    expect(made.ask(made.operator, 'bind', { queue: 'none' }, 'amq.topic', '#')).toBe('queue-not-found');
    made.send(['m2'], { exchange: 'amq.topic', key: 'a.b' });
    expect(made.info().messages.ready).toBe(1);
    expect(made.hub.stats().bindings).toBe(0);
  });

  it('is purged of what waits, and deleted with everything', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 2 });
    made.send(letters(5));
    made.say(client, ['nack', queue, [[1, 1]], { delayMs: 60_000 }]);
    expect(made.ask(made.operator, 'purge', JOBS)).toEqual({ messages: 3 });
    expect(made.info()).toMatchObject({ messages: { ready: 0, delayed: 0, inflight: 2 } });
    made.expectExact();
    expect(made.ask(made.operator, 'deleteQueue', JOBS, { ifUnused: true })).toBe('queue-in-use');
    expect(made.ask(made.operator, 'deleteQueue', JOBS, { ifEmpty: true })).toBe('queue-not-empty');
    client.take();
    expect(made.ask(made.operator, 'deleteQueue', JOBS)).toEqual({ messages: 2 });
    expect(client.takeOf('error')).toMatchObject([
      { ref: null, code: ERRORS['queue-not-found'].code, detail: { queue, name: JOBS } },
    ]);
    made.say(client, ['ack', queue, 1]);
    expect(client.takeOf('error')).toMatchObject([{ code: ERRORS['unknown-queue'].code }]);
    for (const type of ['deleteQueue', 'purge', 'inspect'])
      expect(made.ask(made.operator, type, JOBS)).toBe('queue-not-found');
    expect(made.hub.stats().ledger).toMatchObject({
      routed: 5,
      dropped: { purged: 3, deleted: 2 },
      residual: 0,
    });
    made.restart();
    expect(made.ask(made.client(), 'inspect', JOBS)).toBe('queue-not-found');
    expect(made.faults).toEqual([]);
  });

  it('of one consumer alone has no other beside it', () => {
    const made = scene();
    made.declare();
    const [a, b] = [made.client('a'), made.client('b')];
    const queue = made.consume(a, { exclusive: true });
    expect(made.ask(b, 'consume', { consume: JOBS })).toBe('queue-in-use');
    made.ask(a, 'unsubscribe', queue);
    made.consume(b);
    expect(made.ask(a, 'consume', { consume: JOBS, exclusive: true })).toBe('queue-in-use');
  });

  it('goes with its last consumer, or when nobody used it long enough', () => {
    const made = scene();
    made.declare({ autoDelete: true }, 'auto');
    made.declare({ expiresMs: 5_000 }, 'short');
    const client = made.client();
    const queue = made.consume(client, {}, 'auto');
    made.send(['m1'], { key: 'auto' });
    made.ask(client, 'unsubscribe', queue);
    expect(made.ask(client, 'inspect', 'auto')).toBe('queue-not-found');
    made.clock.advance(4_000);
    made.info('short');
    made.clock.advance(4_000);
    made.info('short');
    const user = made.consume(client, {}, 'short');
    made.clock.advance(20_000);
    made.say(client, ['pong']);
    made.ask(client, 'unsubscribe', user);
    made.clock.advance(7_000);
    made.flush();
    expect(made.ask(client, 'inspect', 'short')).toBe('queue-not-found');
    expect(made.hub.stats()).toMatchObject({ namedQueues: { count: 0 }, ledger: { residual: 0 } });
  });

  it('is open to those who may', () => {
    const allowed = new Set<string>();
    const forbidden: HubSceneOptions['forbidden'] = (action, name, _key, subject) =>
      subject === 'eve' && !allowed.has(`${action} ${name}`);
    const made = scene({ forbidden });
    made.declare();
    const eve = made.client('eve');
    const asked: [string, string, unknown[]][] = [
      [`declare-queue ${JOBS}`, 'declareQueue', [JOBS, { durable: isDurable }]],
      [`consume ${JOBS}`, 'inspect', [JOBS]],
      [`consume ${JOBS}`, 'consume', [{ consume: JOBS }]],
      [`delete-queue ${JOBS}`, 'purge', [JOBS]],
      [`delete-queue ${JOBS}`, 'deleteQueue', [JOBS, { ifUnused: true }]],
      ['bind amq.topic', 'bind', [{ queue: JOBS }, 'amq.topic', '#']],
    ];
    for (const [grant, type, fields] of asked) {
      expect(made.ask(eve, type, ...fields)).toBe('forbidden');
      allowed.add(grant);
      if (type === 'bind')
        for (const one of ['subscribe amq.topic', `declare-queue ${JOBS}`]) allowed.add(one);
      expect(made.ask(eve, type, ...fields)).not.toBe('forbidden');
      allowed.clear();
    }
    expect(made.ask(eve, 'list')).toMatchObject({ queues: [] });
    expect(made.send(['x'])).not.toEqual(['forbidden']);
  });

  it('has its dead letters go where its declarer may publish', () => {
    const allowed: [string, string][] = [];
    const forbidden: HubSceneOptions['forbidden'] = (action, exchange, key, subject) =>
      subject === 'eve' &&
      action === 'publish' &&
      !allowed.some(([name, one]) => name === exchange && one === key);
    const made = scene({ forbidden });
    const eve = made.client('eve');
    const wishes: [string, string | undefined][] = [
      ['dead', undefined],
      ['dead', 'k'],
      ['', JOBS],
    ];
    for (const [i, [deadLetterExchange, deadLetterKey]] of wishes.entries()) {
      const options = { durable: isDurable, deadLetterExchange, ...(deadLetterKey && { deadLetterKey }) };
      expect(made.ask(eve, 'declareQueue', `q${i}`, options)).toBe('forbidden');
      expect(made.ask(eve, 'inspect', `q${i}`)).toBe('queue-not-found');
      // Without a key of its own, a dead letter keeps the one it had, whatever that was.
      allowed.push([deadLetterExchange, deadLetterKey ?? '#']);
      expect(made.ask(eve, 'declareQueue', `q${i}`, options)).toMatchObject({ name: `q${i}` });
    }
  });

  it('too many is refused', () => {
    const made = scene({ limits: { maxNamedQueues: 2 } });
    made.declare({}, 'a');
    made.declare({}, 'b');
    expect(made.ask(made.client(), 'declareQueue', 'c')).toBe('too-many-queues');
    made.ask(made.operator, 'deleteQueue', 'a');
    made.declare({}, 'c');
  });

  it('keeps the order of its log beside queues that keep another', () => {
    const made = scene();
    made.declare({ durable: true }, 'slow');
    made.declare();
    made.ask(made.operator, 'bind', { queue: 'slow' }, 'amq.topic', 'a');
    made.ask(made.operator, 'bind', { queue: JOBS }, 'amq.topic', '#');
    made.disk.stall();
    for (const key of ['a', 'b', 'a', 'b']) made.publishNow(key, key);
    made.clock.settle();
    made.disk.resume();
    made.flush();
    made.disk.resume();
    made.flush();
    const client = made.client();
    made.consume(client);
    expect(got(client)).toEqual(['1:a', '2:b', '3:a', '4:b']);
    expect(made.info('slow').messages.ready).toBe(2);
  });

  it('has the four numbers', () => {
    const made = scene();
    made.declare();
    made.send(letters(4));
    made.clock.advance(1_000);
    const client = made.client();
    const queue = made.consume(client);
    made.clock.advance(500);
    made.say(client, ['ack', queue, 3], ['reject', queue, [[4, 4]]]);
    made.clock.advance(10_000);
    const { figures } = made.info();
    expect(figures.responseTimeMs).toBeGreaterThanOrEqual(1_000);
    expect(figures.responseTimeMs).toBeLessThan(1_050);
    expect(figures.delayMs).toBeGreaterThanOrEqual(500);
    expect(figures.delayMs).toBeLessThan(530);
    expect(figures.lossRate).toBe(0.25);
    expect(figures.throughputPerSec).toBeCloseTo(0.3, 5);
  });
});
