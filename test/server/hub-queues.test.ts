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
