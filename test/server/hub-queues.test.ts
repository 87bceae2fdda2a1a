/**
 * Named queues in the hub, durable or not: consumers, bounds, time, dead letters, and books that are right at each step.
 */
import { ERRORS, type QueueInfo, type QueueOptions } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../server/src/engines/store-keys.ts';
import { scanStore } from '../../server/src/engines/store-scan.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';
import type { RawFrame, ScriptedClient } from './support/scripted-client.ts';

const JOBS = 'jobs';

/** A hub with a store, and clients that wait for the disk. */
class QueueScene extends HubScene {
  private refs = 0;
  private client0: { readonly hub: unknown; readonly client: ScriptedClient } | undefined;

  constructor(
    readonly isDurable: boolean,
    options: HubSceneOptions = {},
  ) {
    super({ durable: true, ...options });
  }

  /** Somebody to ask for things, of each life of the hub. */
  get operator(): ScriptedClient {
    if (this.client0?.hub !== this.hub) this.client0 = { hub: this.hub, client: this.client('operator') };
    return this.client0!.client;
  }

  /** Sends a command; returns its result, or the name of its error. */
  ask<T = unknown>(client: ScriptedClient, type: string, ...fields: unknown[]): T {
    const ref = ++this.refs;
    client.send([type, ref, ...fields] as RawFrame);
    this.flush();
    const failed = client.all('error').find((frame) => frame.ref === ref);
    if (failed) return Object.values(ERRORS).find(({ code }) => code === failed.code)!.name as T;
    const ok = client.all('ok').find((frame) => frame.ref === ref);
    if (!ok) throw new Error(`${type} was not answered`);
    return ok.result as T;
  }

  declare(options: QueueOptions = {}, name = JOBS): QueueInfo {
    const durable = this.isDurable && !options.exclusive;
    const info = this.ask<QueueInfo>(this.operator, 'declareQueue', name, { durable, ...options });
    if (typeof info === 'string') throw new Error(info);
    return info;
  }

  /** To the queue by name, unless another exchange is told. */
  send(
    keys: readonly string[],
    { exchange = '', key = JOBS, ...properties }: Record<string, unknown> = {},
  ): unknown[] {
    const outcomes: unknown[] = [];
    for (const payload of keys) {
      this.hub.publish(
        this.principal('publisher'),
        {
          exchange: exchange as string,
          key: key as string,
          payload,
          properties: { contentType: 'text/plain', ...properties },
        },
        (outcome) =>
          outcomes.push(outcome.kind === 'refused' ? outcome.error : (outcome.queues ?? outcome.kind)),
      );
      this.flush();
    }
    return outcomes;
  }

  consume(client: ScriptedClient, options: Record<string, unknown> = {}, name = JOBS): number {
    const result = this.ask<{ queue: number }>(client, 'consume', {
      consume: name,
      ack: 'manual',
      ...options,
    });
    if (typeof result === 'string') throw new Error(result);
    return result.queue;
  }

  /** Sends frames and waits until everything is at rest. */
  say(client: ScriptedClient, ...frames: RawFrame[]): void {
    client.send(...frames);
    this.flush();
  }

  info(name = JOBS): QueueInfo {
    const info = this.ask<QueueInfo>(this.operator, 'inspect', name);
    expect(info.ledger.residual).toBe(0);
    const { ready, delayed, inflight } = info.messages;
    expect([info.ledger.ready, info.ledger.inflight]).toEqual([ready + delayed, inflight]);
    return info;
  }

  /** What is stored is what is counted, also after a restart. */
  expectExact(name = JOBS): void {
    const before = this.info(name);
    expect(this.hub.stats().ledger.residual).toBe(0);
    if (!this.isDurable) return;
    const { id, state } = this.namedQueue(name);
    expect(this.engine.queues!.count(id)).toEqual({ messages: state.messages, bytes: state.bytes });
    expect(before.bytes).toBe(state.bytes);
  }
}

/** Payloads that came to a consumer, with their tags and notes. */
function got(client: ScriptedClient, queue?: number): string[] {
  return client
    .takeOf('deliver')
    .filter((frame) => queue === undefined || frame.queue === queue)
    .flatMap(({ firstTag, items, notes }) => {
      const noteAt = new Map(notes);
      return items.map((item, i) => {
        const text = item.kind === 'message' ? `${item.payload}` : item.kind;
        const note = noteAt.get(i);
        return `${firstTag + i}:${text}${note?.redelivered ? ` x${note.redelivered}` : ''}`;
      });
    });
}

const letters = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i + 1}`);

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

it('what a hub stores fills every table, and a check finds nothing of it damaged', async () => {
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
