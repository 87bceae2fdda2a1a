/** What a named queue does, case by case: the edges that the model test does not name; with its store in `named-queue-store.test.ts`. */
import { describe, expect, it } from 'vitest';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import { newEntry } from '../../server/src/core/queue-entry.ts';
import { NamedQueueScene } from './named-queue-scene.ts';
import { storedRecord } from './stored-record.ts';

const pushMany = (scene: NamedQueueScene, count: number): void => {
  for (let i = 0; i < count; i++) scene.push();
};

describe('order and fairness', () => {
  it('gives each consumer with credit one message in turn', () => {
    const scene = new NamedQueueScene();
    const [a, b, c] = [scene.consume(), scene.consume({ prefetch: 1 }), scene.consume()];
    pushMany(scene, 7);
    expect([a, b, c].map((consumer) => scene.drain(consumer))).toEqual([[1, 4, 6], [2], [3, 5, 7]]);
  });

  it('keeps the turn of who has no credit while there is nothing to miss', () => {
    const scene = new NamedQueueScene();
    const [a, b] = [scene.consume({ prefetch: 1 }), scene.consume({ prefetch: 1 })];
    pushMany(scene, 2);
    expect([scene.drain(a), scene.drain(b)]).toEqual([[1], [2]]);
    // The one that was served last acknowledges first.
    b.ack(1, [], scene.moment, scene.effects);
    a.ack(1, [], scene.moment, scene.effects);
    scene.push();
    expect([scene.drain(a), scene.drain(b)]).toEqual([[3], []]);
  });

  it('puts what comes back before what came later, and gives it to whoever has credit', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 4);
    const a = scene.consume({ prefetch: 2 });
    expect(scene.drain(a)).toEqual([1, 2]);
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['requeued 1 x1', 'requeued 2 x1']);
    const b = scene.consume();
    expect(scene.fill(b)).toEqual([
      { tag: 1, seq: 1, redelivered: 1 },
      { tag: 2, seq: 2, redelivered: 1 },
      { tag: 3, seq: 3 },
      { tag: 4, seq: 4 },
    ]);
  });

  it('counts no attempt for what was never sent', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 2);
    const a = scene.consume();
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    expect(scene.perform()).toEqual([]);
    expect(scene.fill(scene.consume()).map(({ redelivered }) => redelivered)).toEqual([undefined, undefined]);
  });

  it('costs the same however many consumers have no credit', () => {
    const scene = new NamedQueueScene();
    for (let i = 0; i < 1000; i++) scene.consume({ prefetch: 0 });
    const busy = scene.consume({ prefetch: 100_000 });
    let asked = 0;
    for (const consumer of scene.queue.consumers.values()) {
      if (consumer === busy) continue;
      Object.defineProperty(consumer, 'hasCredit', { get: () => asked++ < 0 });
    }
    pushMany(scene, 1000);
    expect(busy.inflight).toBe(1000);
    expect(asked).toBeLessThanOrEqual(1000);
  });

  it('keeps no place for who has gone, also while it is idle', () => {
    const scene = new NamedQueueScene();
    const [a, b, c] = [scene.consume(), scene.consume(), scene.consume({ onLost: 'requeue' })];
    scene.queue.removeConsumer(b, scene.moment, scene.effects);
    const d = scene.renew(c);
    expect([a, b, c, d].map(({ place }) => place?.consumer)).toEqual([a, undefined, undefined, d]);
    expect([a.place?.before, a.place?.behind]).toEqual([undefined, d.place]);
    pushMany(scene, 3);
    expect([scene.drain(a), scene.drain(d)]).toEqual([[1, 3], [2]]);
  });

  it('refuses a consumer where one is alone', () => {
    const scene = new NamedQueueScene();
    const alone = scene.consume({ exclusive: true });
    expect(() => scene.consume()).toThrow('in use');
    scene.queue.removeConsumer(alone, scene.moment, scene.effects);
    scene.consume();
    expect(() => scene.consume({ exclusive: true })).toThrow('in use');
  });
});

describe('a lost connection', () => {
  it('keeps what was sent for the session, and gives the rest to others at once', () => {
    const scene = new NamedQueueScene();
    const [a, b] = [scene.consume({ prefetch: 3 }), scene.consume({ prefetch: 9 })];
    pushMany(scene, 6);
    expect(scene.fill(a, 2).map(({ seq }) => seq)).toEqual([1, 3]);
    a.lost(scene.moment, scene.effects);
    expect(scene.drain(b)).toEqual([2, 4, 6, 5]);
    a.resume(1, 1, [], scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['acked 1']);
    expect(scene.dirty.has(a)).toBe(true);
    expect(scene.fill(a)).toEqual([{ tag: 2, seq: 3 }]);
  });

  it('gives all to others at once where the consumer chose so, and that begins anew', () => {
    const scene = new NamedQueueScene({ autoDelete: true });
    pushMany(scene, 3);
    const a = scene.consume({ onLost: 'requeue', exclusive: true, prefetch: 9 });
    scene.drain(a);
    a.setPrefetch(2, scene.moment, scene.effects);
    a.lost(scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['requeued 1 x1', 'requeued 2 x1', 'requeued 3 x1']);
    const again = scene.renew(a);
    expect(again.settings).toMatchObject({ exclusive: true, onLost: 'requeue', prefetch: 2 });
    expect(scene.fill(again)).toEqual([
      { tag: 1, seq: 1, redelivered: 1 },
      { tag: 2, seq: 2, redelivered: 1 },
    ]);
    expect([a.inflight, scene.fill(a), scene.queue.consumers.size, scene.unused]).toEqual([0, [], 1, 0]);
  });

  it('that was not noticed before counts for what it had in hand, too', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 3);
    const a = scene.consume({ onLost: 'requeue' });
    scene.fill(a, 2);
    a.ack(1, [], scene.moment, scene.effects);
    const again = scene.renew(a);
    expect(scene.perform()).toEqual(['acked 1', 'requeued 2 x1']);
    // The third was not sent: it counts no attempt.
    expect(scene.fill(again)).toEqual([
      { tag: 1, seq: 2, redelivered: 1 },
      { tag: 2, seq: 3 },
    ]);
  });

  it('may have lost what was said: tags that are settled are passed over, those never sent refused', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 5);
    const a = scene.consume({ prefetch: 4 });
    scene.drain(a);
    const { moment, effects } = scene;
    a.nack([[2, 2]], 50, moment, effects);
    a.reject([[3, 3]], moment, effects);
    scene.perform();
    a.lost(moment, effects);
    a.resume(4, 1, [], moment, effects);
    expect(a.nack([[2, 3]], 50, moment, effects)).toBeUndefined();
    expect(a.reject([[1, 3]], moment, effects)).toBeUndefined();
    expect(a.ack(0, [[2, 4]], moment, effects)).toBeUndefined();
    expect(scene.perform()).toEqual(['acked 1', 'acked 4']);
    expect(scene.drain(a)).toEqual([5]);
    expect(a.ack(0, [[4, 9]], moment, effects)).toBe(6);
    expect(a.nack([[6, 6]], 0, moment, effects)).toBe(6);
    expect(a.reject([[5, 7]], moment, effects)).toBe(6);
    expect(scene.perform()).toEqual([]);
  });

  it('is told as a number where nobody acks, with a gap once more if that was lost as well', () => {
    const scene = new NamedQueueScene();
    const a = scene.consume({ ack: 'none' });
    pushMany(scene, 5);
    scene.drain(a);
    expect(scene.queue.ledger.written).toBe(5);
    a.lost(scene.moment, scene.effects);
    expect(a.resume(2, 0, [], scene.moment, scene.effects)).toBe(3);
    const gap = new GapEntry();
    gap.addRange({ log: 'v', epoch: 'e', from: 3, to: 5, count: 3, reason: 'not-received' });
    a.tell(gap);
    scene.push();
    expect(scene.fill(a)).toEqual([
      { tag: 3, seq: -1 },
      { tag: 4, seq: 6 },
    ]);
    a.lost(scene.moment, scene.effects);
    expect(a.resume(2, 0, [], scene.moment, scene.effects)).toBe(4);
  });

  it('asks the queue for nothing while it lasts', () => {
    const scene = new NamedQueueScene();
    const a = scene.consume();
    a.lost(scene.moment, scene.effects);
    a.setPrefetch(50, scene.moment, scene.effects);
    pushMany(scene, 3);
    expect([a.inflight, scene.fill(a), scene.queue.ready.messages]).toEqual([0, [], 3]);
  });
});

describe('a gap', () => {
  it('is told in the window before what comes next, and acked like a message', () => {
    const scene = new NamedQueueScene();
    const a = scene.consume({ prefetch: 2 });
    const gap = new GapEntry();
    gap.addRange({ log: 'd', epoch: 'e', from: 1, to: 1, count: 1, reason: 'expired' });
    a.tell(gap);
    a.tell(gap);
    scene.push();
    expect(scene.fill(a)).toEqual([
      { tag: 1, seq: -1 },
      { tag: 2, seq: 1 },
    ]);
    a.ack(2, [], scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['acked 1']);
    expect(scene.queue.residual).toBe(0);
  });
});

describe('credit', () => {
  it('taken away gives back what was not sent; 0 pauses', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 5);
    const a = scene.consume({ prefetch: 4 });
    expect(scene.fill(a, 1).map(({ seq }) => seq)).toEqual([1]);
    a.setPrefetch(0, scene.moment, scene.effects);
    expect([a.inflight, scene.queue.ready.messages]).toEqual([1, 4]);
    a.setPrefetch(2, scene.moment, scene.effects);
    expect(scene.drain(a)).toEqual([2]);
  });

  it('of a consumer that does not ack is bounded by what one turn sends', () => {
    const scene = new NamedQueueScene();
    pushMany(scene, 2000);
    const a = scene.consume({ ack: 'none', prefetch: 1 });
    expect(a.inflight).toBe(512);
    expect(scene.drain(a)).toHaveLength(2000);
  });

  it('ends where a message held for ever would make the window grow for ever', () => {
    const scene = new NamedQueueScene();
    const a = scene.consume({ prefetch: 2 });
    let last = 0;
    for (let i = 0; i < 70_000; i++) {
      scene.push({ bytes: 1 });
      const items = scene.fill(a);
      for (const { tag } of items) {
        last = tag;
        if (tag > 1) a.ack(0, [[tag, tag]], scene.moment, scene.effects);
      }
      scene.effects.length = 0;
    }
    expect(last).toBe(65_536);
    a.ack(1, [], scene.moment, scene.effects);
    expect(scene.fill(a)).not.toEqual([]);
  });
});

describe('a TTL', () => {
  it('of 0 delivers at once, or never', () => {
    const scene = new NamedQueueScene({ messageTtlMs: 0 });
    const a = scene.consume({ prefetch: 1 });
    pushMany(scene, 2);
    expect(scene.fill(a).map(({ seq }) => seq)).toEqual([1]);
    expect(scene.pass(1)).toEqual(['expired 2']);
  });

  it('is the lower one of the message’s and the queue’s', () => {
    const scene = new NamedQueueScene({ messageTtlMs: 50 });
    scene.push({ ttlMs: 20 });
    scene.push({ ttlMs: 90 });
    expect([scene.pass(20), scene.pass(1), scene.pass(29), scene.pass(1)]).toEqual([
      [],
      ['expired 1'],
      [],
      ['expired 2'],
    ]);
  });

  it('ends messages at the head only, but none is delivered after it', () => {
    const scene = new NamedQueueScene();
    scene.push();
    scene.push({ ttlMs: 5 });
    expect(scene.pass(6)).toEqual([]);
    expect(scene.queue.ready.messages).toBe(2);
    const a = scene.consume();
    expect(scene.perform()).toEqual(['expired 2']);
    expect(scene.drain(a)).toEqual([1]);
  });

  it('holds for what waits for its consumer’s socket, too', () => {
    const scene = new NamedQueueScene();
    const a = scene.consume();
    scene.push({ ttlMs: 5 });
    scene.push();
    scene.nowMs += 6;
    expect(scene.drain(a)).toEqual([2]);
    expect([...scene.ended]).toEqual([[1, 'expired']]);
  });

  it('is kept when a message is requeued', () => {
    const scene = new NamedQueueScene({ deadLetterExchange: 'dlx' });
    scene.push({ ttlMs: 10 });
    const a = scene.consume();
    scene.drain(a);
    scene.nowMs += 11;
    a.nack([[1, 1]], undefined, scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['dead expired 1', 'requeued 1 x1']);
  });

  it('is seen in the store, where nobody consumes', () => {
    const scene = new NamedQueueScene({ durable: true, messageTtlMs: 100 });
    pushMany(scene, 500);
    expect(scene.queue.ready.loadedMessages).toBe(64);
    expect(scene.pass(101)).toHaveLength(500);
    expect(scene.queue.messages).toBe(0);
  });
});

describe('attempts', () => {
  it('end in a dead letter beyond the delivery limit', () => {
    const scene = new NamedQueueScene({ deliveryLimit: 2, deadLetterExchange: 'dlx' });
    scene.push();
    const a = scene.consume();
    const told = [1, 2, 3].map((tag) => {
      scene.drain(a);
      a.nack([[tag, tag]], undefined, scene.moment, scene.effects);
      return scene.perform();
    });
    expect(told).toEqual([['requeued 1 x1'], ['requeued 1 x2'], ['dead delivery_limit 1']]);
  });

  it('never end where there is no limit', () => {
    const scene = new NamedQueueScene({ deliveryLimit: null });
    scene.push();
    const a = scene.consume();
    for (let tag = 1; tag <= 100; tag++) {
      scene.drain(a);
      a.nack([[tag, tag]], 0, scene.moment, scene.effects);
    }
    expect(scene.drain(a)).toEqual([1]);
    expect(scene.queue.residual).toBe(0);
  });

  it('wait longer each time, where the queue says so and the consumer does not', () => {
    const retry = { delayMs: 100, factor: 2, maxDelayMs: 1000, jitter: 0 };
    const scene = new NamedQueueScene({ retry });
    scene.push();
    const a = scene.consume();
    const waits = [1, 2, 3].map((tag) => {
      scene.drain(a);
      a.nack([[tag, tag]], undefined, scene.moment, scene.effects);
      const waitMs = scene.queue.nextDueMs - scene.nowMs;
      scene.pass(waitMs);
      return waitMs;
    });
    expect(waits).toEqual([100, 200, 400]);
    scene.drain(a);
    a.nack([[4, 4]], 7, scene.moment, scene.effects);
    expect(scene.queue.nextDueMs - scene.nowMs).toBe(7);
    expect(scene.pass(6)).toEqual(['requeued 1 x4']);
    expect([scene.fill(a), scene.queue.delayed.messages]).toEqual([[], 1]);
  });
});

describe('bounds', () => {
  it('refuse what can never fit, and count it when it is told not to come', () => {
    const scene = new NamedQueueScene({ maxBytes: 100, overflow: 'reject-publish' });
    expect([scene.queue.admit(101), scene.queue.admit(100), scene.queue.admit(1)]).toEqual([
      'too-large',
      'admitted',
      'full',
    ]);
    expect(scene.queue.ledger.routed).toBe(0);
    for (let i = 0; i < 2; i++) scene.queue.refuse();
    expect(scene.queue.ledger.droppedBy?.get('refused')).toBe(2);
    scene.queue.release(100);
    expect(scene.queue.admit(1)).toBe('admitted');
  });

  it('drop nothing for what is refused because the rest is in flight', () => {
    const scene = new NamedQueueScene({ maxMessages: 3 });
    pushMany(scene, 3);
    const a = scene.consume({ prefetch: 3 });
    expect([scene.push(), scene.perform()]).toEqual([undefined, []]);
    a.setPrefetch(2, scene.moment, scene.effects);
    expect(scene.push()).toBe(4);
    expect(scene.perform()).toEqual(['overflow 3']);
  });

  it('let the oldest give way although it lies in the store', () => {
    const scene = new NamedQueueScene({ durable: true, maxMessages: 200, deadLetterExchange: 'dlx' });
    pushMany(scene, 200);
    scene.perform();
    const told: string[] = [];
    for (let i = 0; i < 150; i++) {
      scene.push();
      told.push(...scene.perform());
    }
    expect(told).toEqual(Array.from({ length: 150 }, (_, i) => `dead maxlen ${i + 1}`));
    expect(scene.queue.messages).toBe(200);
  });

  it('hold for pushes out of order or without admission by refusing them loudly', () => {
    const scene = new NamedQueueScene();
    scene.push();
    const entry = newEntry(1, storedRecord(1), undefined, 0);
    expect(() => scene.queue.push(entry, scene.moment, [])).toThrow('without admission');
    scene.queue.admit(entry.bytes);
    expect(() => scene.queue.push(entry, scene.moment, [])).toThrow('out of order');
  });
});

describe('the end of a queue', () => {
  it('comes with its last consumer, if it was made so', () => {
    const scene = new NamedQueueScene({ autoDelete: true });
    const [a, b] = [scene.consume(), scene.consume()];
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    scene.perform();
    expect(scene.unused).toBe(0);
    scene.queue.removeConsumer(b, scene.moment, scene.effects);
    scene.queue.removeConsumer(b, scene.moment, scene.effects);
    scene.perform();
    expect(scene.unused).toBe(1);
  });

  it('comes when nobody has used it for so long', () => {
    const scene = new NamedQueueScene({ expiresMs: 100 });
    scene.pass(99);
    scene.queue.touch(scene.moment);
    scene.pass(99);
    const a = scene.consume();
    scene.pass(500);
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    scene.pass(99);
    expect(scene.unused).toBe(0);
    scene.pass(1);
    expect(scene.unused).toBe(1);
  });

  it('drops all there is, and what was admitted before and comes after', () => {
    const scene = new NamedQueueScene({ durable: true, deadLetterExchange: 'dlx' });
    pushMany(scene, 100);
    scene.fill(scene.consume({ prefetch: 3 }), 2);
    scene.queue.admit(100);
    expect(scene.queue.close(scene.moment, scene.effects)).toBe(100);
    expect(scene.perform()).toHaveLength(100);
    scene.push({}, true);
    expect(scene.perform()).toEqual(['deleted 101']);
    expect([scene.queue.messages, scene.queue.bytes, scene.queue.residual]).toEqual([0, 0, 0]);
    expect(new Set(scene.ended.values())).toEqual(new Set(['deleted']));
  });
});
