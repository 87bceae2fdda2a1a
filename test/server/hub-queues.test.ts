/**
 * Named queues in the hub, durable or not: consumers, bounds, time, dead letters, and books that are right at each step.
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import type { HubSceneOptions } from './support/hub-scene.ts';
import { got, JOBS, letters, QueueScene } from './support/queue-scene.ts';
import type { ScriptedClient } from './support/scripted-client.ts';

describe.each([
  ['a volatile queue', false],
  ['a durable queue', true],
])('%s', (_, isDurable) => {
  const scene = (options?: HubSceneOptions) => new QueueScene(isDurable, options);

  it('is declared, found again, and differs where its options do', () => {
    const made = scene();
    const info = made.declare({ maxMessages: 10 });
    expect(info).toMatchObject({
      name: JOBS,
      options: { durable: isDurable, maxMessages: 10, overflow: 'drop-head', deliveryLimit: 20 },
      messages: { ready: 0, inflight: 0, delayed: 0 },
      consumers: 0,
    });
    expect(made.declare({ maxMessages: 10 })).toEqual(info);
    const client = made.client();
    expect(made.ask(client, 'declareQueue', JOBS, { durable: isDurable, maxMessages: 11 })).toBe(
      'queue-mismatch',
    );
    expect(made.ask(client, 'declareQueue', JOBS, { passive: true })).toMatchObject({ name: JOBS });
    expect(made.ask(client, 'declareQueue', 'none', { passive: true })).toBe('queue-not-found');
    expect(made.ask(client, 'list')).toMatchObject({
      queues: [{ name: JOBS }],
      bindings: [],
      complete: true,
    });
    expect(made.hub.stats().namedQueues).toMatchObject({ count: 1, list: [{ name: JOBS }] });
  });

  it('has competing consumers in turn, by their credit', () => {
    const made = scene();
    made.declare();
    const [a, b] = [made.client('a'), made.client('b')];
    const [qa, qb] = [made.consume(a, { prefetch: 2 }), made.consume(b, { prefetch: 3 })];
    expect(made.send(letters(8))).toEqual(Array(8).fill({ took: [JOBS], refused: [] }));
    expect(got(a)).toEqual(['1:m1', '2:m3']);
    expect(got(b)).toEqual(['1:m2', '2:m4', '3:m5']);
    expect(made.info().messages).toEqual({ ready: 3, inflight: 5, delayed: 0 });
    made.say(b, ['ack', qb, 1]);
    expect(got(b)).toEqual(['4:m6']);
    made.say(a, ['ack', qa, 2]);
    expect(got(a)).toEqual(['3:m7', '4:m8']);
    expect(made.ask(a, 'credit', qa, 0)).toBeUndefined();
    made.send(['m9']);
    expect([got(a), got(b)]).toEqual([[], []]);
    expect(made.ask(b, 'credit', qb, 10)).toBeUndefined();
    expect(got(b)).toEqual(['5:m9']);
    made.say(a, ['ack', qa, 4]);
    made.say(b, ['ack', qb, 5]);
    made.expectExact();
    expect(made.info()).toMatchObject({
      messages: { ready: 0, inflight: 0 },
      ledger: { routed: 9, acked: 9 },
    });
  });

  it('passes over what is settled already, and refuses what was never sent, or to somebody else', () => {
    const made = scene();
    made.declare();
    const [a, b] = [made.client('a'), made.client('b')];
    const queue = made.consume(a);
    made.consume(b);
    made.send(letters(2));
    const errors = (client: ScriptedClient): (string | undefined)[] =>
      client.takeOf('error').map(({ code }) => Object.values(ERRORS).find((one) => one.code === code)?.name);
    a.take();
    made.say(
      a,
      ['ack', queue, 2],
      ['ack', queue, 0, [[1, 1]]],
      ['ack', queue, 0, [[1, 1]]],
      ['nack', queue, [[5, 5]]],
    );
    expect(errors(a)).toEqual(['unknown-tag', 'unknown-tag']);
    b.take();
    made.say(b, ['ack', queue, 1], ['reject', queue, [[1, 1]]]);
    expect(errors(b)).toEqual(['unknown-queue', 'unknown-queue']);
    // A nack or reject that may have been lost with a connection is sent again.
    made.say(a, ['nack', queue, [[1, 1]]], ['reject', queue, [[1, 1]]]);
    expect(errors(a)).toEqual([]);
    expect(made.info().ledger).toMatchObject({ routed: 2, acked: 1, rejected: 0 });
  });

  it('gives back what was nacked, in its place, with how often it failed', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const queue = made.consume(client, { prefetch: 2 });
    made.send(letters(4));
    expect(got(client)).toEqual(['1:m1', '2:m2']);
    made.say(client, ['nack', queue, [[1, 1]]]);
    expect(got(client)).toEqual(['3:m1 x1']);
    made.say(client, ['nack', queue, [[3, 3]]], ['ack', queue, 0, [[2, 2]]]);
    expect(got(client)).toEqual(['4:m1 x2', '5:m3']);
    made.say(client, ['reject', queue, [[4, 4]]]);
    expect(got(client)).toEqual(['6:m4']);
    expect(made.info().ledger).toMatchObject({ routed: 4, acked: 1, rejected: 1 });
    made.expectExact();
  });

  it('delays what was nacked with a delay, to the millisecond', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const queue = made.consume(client);
    made.send(letters(2));
    got(client);
    const { nowMs } = made.clock;
    made.say(client, ['nack', queue, [[1, 1]], { delayMs: 250 }]);
    const asked = nowMs.call(made.clock);
    expect([got(client), made.info().messages.delayed]).toEqual([[], 1]);
    made.clock.advance(250 - (made.clock.nowMs() - asked) - 8);
    expect(got(client)).toEqual([]);
    made.clock.advance(8);
    expect(got(client)).toEqual(['3:m1 x1']);
    made.expectExact();
  });

  it('retries with exponential backoff and jitter', () => {
    const made = scene();
    made.declare({ retry: { delayMs: 1_000, factor: 2, maxDelayMs: 3_000, jitter: 0.1 } });
    const client = made.client();
    const queue = made.consume(client, { prefetch: 1 });
    made.send(['m1']);
    got(client);
    for (const [attempt, delayMs] of [1_000, 2_000, 3_000, 3_000].entries()) {
      made.say(client, ['nack', queue, [[attempt + 1, attempt + 1]]]);
      made.clock.advance(delayMs * 0.9 - 10);
      expect(got(client)).toEqual([]);
      made.clock.advance(delayMs * 0.2 + 10);
      expect(got(client)).toEqual([`${attempt + 2}:m1 x${attempt + 1}`]);
    }
    made.expectExact();
  });

  it('keeps what a lost connection holds for its session, with the same tags', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const welcome = client.all('welcome')[0]!;
    const queue = made.consume(client, { prefetch: 3 });
    const other = made.client('other');
    made.send(letters(5));
    expect(got(client)).toEqual(['1:m1', '2:m2', '3:m3']);
    client.cut();
    made.consume(other, { prefetch: 10 });
    expect(got(other)).toEqual(['1:m4', '2:m5']);
    const options = { consume: JOBS, ack: 'manual', prefetch: 3 } as never;
    const again = made.connect();
    const { resumed, queues } = again.resume(welcome, [{ queue, lastTag: 2, ackedUpTo: 1, options }]);
    made.flush();
    expect([resumed, queues]).toMatchObject([true, [{ was: queue, queue }]]);
    // The second arrived, the third may not have.
    expect(got(again)).toEqual(['3:m3']);
    made.say(again, ['ack', queue, 3]);
    expect(made.info()).toMatchObject({ messages: { inflight: 2 }, ledger: { acked: 3 } });
    made.expectExact();
  });

  it('has back what a lost connection holds at once, where its consumer wants that', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const welcome = client.all('welcome')[0]!;
    const queue = made.consume(client, { prefetch: 2, onLost: 'requeue' });
    made.send(letters(3));
    expect(got(client)).toEqual(['1:m1', '2:m2']);
    client.cut();
    const other = made.client('other');
    const otherQueue = made.consume(other, { prefetch: 1 });
    expect(got(other)).toEqual(['1:m1 x1']);
    const options = { consume: JOBS, ack: 'manual', prefetch: 2, onLost: 'requeue' } as never;
    const again = made.connect();
    const [entry] = again.resume(welcome, [{ queue, lastTag: 2, ackedUpTo: 0, options }]).queues;
    made.flush();
    expect(entry).toMatchObject({ was: queue, granted: { prefetch: 2 } });
    const { queue: renewed } = entry as { queue: number };
    expect(renewed).not.toBe(queue);
    expect(got(again, renewed)).toEqual(['1:m2 x1', '2:m3']);
    made.say(again, ['ack', renewed, 2]);
    made.say(other, ['ack', otherQueue, 1]);
    expect(made.info().ledger).toMatchObject({ routed: 3, acked: 3 });
    made.expectExact();
  });

  it('has back at once what a session holds that was begun for a resume and that its client never heard of', () => {
    for (const isHeard of [false, true]) {
      const made = scene();
      made.declare();
      made.send(letters(3));
      const options = { consume: JOBS, ack: 'manual', prefetch: 2 } as never;
      const resume = [{ queue: 1, lastTag: 2, ackedUpTo: 2, options }];
      const lost = made.connect();
      const gone = { ...made.client('somebody').all('welcome')[0]!, session: 'gone' };
      expect(lost.resume(gone, resume).resumed).toBe(false);
      made.flush();
      expect(got(lost)).toEqual(['1:m1', '2:m2']);
      if (isHeard) made.say(lost, ['ping']);
      lost.cut();
      const again = made.connect();
      again.resume(gone, resume);
      made.flush();
      expect(got(again)).toEqual(isHeard ? ['1:m3'] : ['1:m1 x1', '2:m2 x1']);
      expect(made.hub.stats().sessions.parked).toBe(isHeard ? 1 : 0);
      made.expectExact();
    }
  });

  it('goes on with a consumer that is resumed while its old connection lives', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    const welcome = client.all('welcome')[0]!;
    const queue = made.consume(client, { prefetch: 2 });
    made.send(letters(3));
    const options = { consume: JOBS, ack: 'manual', prefetch: 2 } as never;
    const again = made.connect();
    again.resume(welcome, [{ queue, lastTag: 0, ackedUpTo: 0, options }]);
    made.flush();
    expect(client.closeCode).toBe(ERRORS['taken-over'].code);
    expect(got(again)).toEqual(['1:m1', '2:m2']);
    made.say(again, ['ack', queue, 2]);
    expect(got(again)).toEqual(['3:m3']);
    made.expectExact();
  });

  it('has back what a session held when it ends, whichever way', () => {
    const made = scene({ limits: { resumeWindowMs: 5_000 } });
    made.declare();
    const [a, b] = [made.client('a'), made.client('b')];
    made.consume(a, { prefetch: 1 });
    made.consume(b, { prefetch: 1 });
    made.send(letters(3));
    expect([got(a), got(b)]).toEqual([['1:m1'], ['1:m2']]);
    made.say(a, ['bye']);
    b.cut();
    expect(made.info()).toMatchObject({ consumers: 1, messages: { ready: 2, inflight: 1 } });
    made.clock.advance(7_000);
    made.flush();
    expect(made.info()).toMatchObject({ consumers: 0, messages: { ready: 3, inflight: 0 } });
    const c = made.client('c');
    const queue = made.consume(c);
    expect(got(c)).toEqual(['1:m1 x1', '2:m2 x1', '3:m3']);
    expect(made.ask(c, 'unsubscribe', queue)).toBeUndefined();
    expect(made.info().messages).toEqual({ ready: 3, inflight: 0, delayed: 0 });
    made.expectExact();
  });

  it('sends each message to an unacknowledging consumer once', () => {
    const made = scene();
    made.declare();
    const client = made.client();
    made.consume(client, { ack: 'none' });
    made.send(letters(3));
    expect(got(client)).toEqual(['1:m1', '2:m2', '3:m3']);
    expect(made.info()).toMatchObject({ messages: { ready: 0, inflight: 0 }, ledger: { written: 3 } });
    made.expectExact();
  });

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

describe('an exclusive queue', () => {
  it('is its session’s alone, and goes with it', () => {
    const made = new QueueScene(false);
    const [owner, other] = [made.client('owner'), made.client('other')];
    expect(made.ask(owner, 'declareQueue', 'mine', { exclusive: true })).toMatchObject({ name: 'mine' });
    for (const [type, ...fields] of [
      ['declareQueue', 'mine', { exclusive: true }],
      ['declareQueue', 'mine', { passive: true }],
      ['consume', { consume: 'mine' }],
      ['inspect', 'mine'],
      ['purge', 'mine'],
      ['deleteQueue', 'mine'],
      ['bind', { queue: 'mine' }, 'amq.topic', '#'],
    ] as [string, ...unknown[]][])
      expect([type, made.ask(other, type, ...fields)]).toEqual([type, 'queue-exclusive']);
    expect(made.ask(other, 'list')).toMatchObject({ queues: [] });
    expect(made.ask(owner, 'list')).toMatchObject({ queues: [{ name: 'mine' }] });
    expect(made.send(['m1'], { key: 'mine' })).toEqual([{ took: ['mine'], refused: [] }]);
    made.say(owner, ['bye']);
    expect(made.ask(other, 'inspect', 'mine')).toBe('queue-not-found');
    expect(made.hub.stats().ledger).toMatchObject({ dropped: { deleted: 1 }, residual: 0 });
    expect(made.ask(other, 'declareQueue', 'both', { exclusive: true, durable: true })).toBe('bad-argument');
  });
});
