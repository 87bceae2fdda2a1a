/** A durable named queue and its store, case by case: what is loaded, marked, restored, damaged or missing. */
import { describe, expect, it } from 'vitest';
import { NamedQueueScene } from './named-queue-scene.ts';

const pushMany = (scene: NamedQueueScene, count: number): void => {
  for (let i = 0; i < count; i++) scene.push();
};

describe('the store', () => {
  it('is not read for what is pushed to waiting consumers', () => {
    const scene = new NamedQueueScene({ durable: true });
    scene.answersLoads = false;
    const a = scene.consume({ prefetch: 1000 });
    for (let i = 0; i < 5000; i++) {
      scene.push();
      for (const { tag } of scene.fill(a)) a.ack(tag, [], scene.moment, scene.effects);
    }
    scene.perform();
    expect([scene.loads.length, scene.queue.ledger.acked]).toEqual([0, 5000]);
  });

  it('is read in order from first to last', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 5000);
    const a = scene.consume({ prefetch: 300 });
    scene.perform();
    const seen: number[] = [];
    for (let items = scene.fill(a); items.length > 0; items = scene.fill(a)) {
      seen.push(...items.map(({ seq }) => seq));
      a.ack(items.at(-1)!.tag, [], scene.moment, scene.effects);
      scene.perform();
      expect(scene.queue.ready.loadedMessages).toBeLessThanOrEqual(1024);
    }
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect([scene.queue.messages, scene.queue.residual, scene.store.size]).toEqual([0, 0, 0]);
  });

  it('may hold damaged messages, which are dropped and counted', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 100);
    for (const seq of [70, 71, 100]) scene.store.set(seq, undefined);
    const a = scene.consume({ prefetch: 1000 });
    expect(scene.perform()).toEqual(['corrupt 100', 'corrupt 70', 'corrupt 71']);
    expect(scene.drain(a)).toHaveLength(97);
    expect([scene.queue.residual, scene.queue.ledger.droppedBy?.get('corrupt')]).toEqual([0, 3]);
  });

  it('may have lost messages: they are told as missing, and the books balance', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 100);
    for (const seq of [66, 99]) scene.store.delete(seq);
    const a = scene.consume({ prefetch: 1000 });
    expect(scene.perform()).toEqual(['missing 2']);
    expect(scene.drain(a)).toHaveLength(98);
    expect([scene.queue.residual, scene.queue.ready.messages, scene.queue.ready.bytes]).toEqual([0, 0, 0]);
  });

  it('does not bring back what was purged while it was read', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 100);
    scene.answersLoads = false;
    const a = scene.consume({ prefetch: 5 });
    scene.perform();
    a.setPrefetch(1000, scene.moment, scene.effects);
    scene.perform();
    expect(scene.loads).toHaveLength(1);
    const found = [...scene.store.values()].filter((saved) => saved !== undefined);
    expect(scene.queue.purge(scene.moment, scene.effects)).toBe(36);
    scene.queue.loaded(found, true, scene.moment, scene.effects);
    scene.loads.length = 0;
    expect(scene.perform()).toHaveLength(36);
    scene.answersLoads = true;
    scene.push();
    expect(scene.drain(a)).toEqual([...Array.from({ length: 64 }, (_, i) => i + 1), 101]);
  });

  it('brings nothing twice, whatever the answer to a load holds', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 70);
    scene.answersLoads = false;
    const a = scene.consume({ prefetch: 1000 });
    scene.perform();
    const all = [...scene.store.values()].filter((saved) => saved !== undefined);
    scene.queue.loaded(all, true, scene.moment, scene.effects);
    scene.queue.loaded(all, true, scene.moment, scene.effects);
    expect(scene.drain(a)).toEqual(Array.from({ length: 70 }, (_, i) => i + 1));
    expect(scene.queue.residual).toBe(0);
  });

  it('has its messages for itself again when nobody consumes any more', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 2_000);
    const [a, b] = [scene.consume({ prefetch: 10 }), scene.consume({ prefetch: 10 })];
    scene.perform();
    scene.fill(a);
    const { ready } = scene.queue;
    const loaded = (): number => ready.loadedMessages;
    expect(loaded()).toBeGreaterThan(900);
    const bytes = scene.queue.bytes;
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    scene.pass(1_000);
    // Another one is there, busy as it is.
    expect(loaded()).toBeGreaterThan(900);
    b.lost(scene.moment, scene.effects);
    scene.pass(1_000);
    expect([loaded(), ready.messages, scene.queue.bytes]).toEqual([64, 2_000, bytes]);
    scene.queue.removeConsumer(b, scene.moment, scene.effects);
    const c = scene.consume({ prefetch: 3_000 });
    scene.perform();
    expect(scene.drain(c)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
    expect(scene.queue.residual).toBe(0);
  });

  it('is not asked twice for what was delayed or damaged among what it gets back', () => {
    const scene = new NamedQueueScene({ durable: true });
    pushMany(scene, 600);
    const dueWallMs = scene.wallMs + 60_000;
    scene.store.set(300, { ...scene.store.get(300)!, attempts: 1, dueWallMs });
    scene.store.set(400, undefined);
    const a = scene.consume({ prefetch: 100 });
    scene.perform();
    // Gone for the queue, but still to be found: it is on its way out of the store.
    const late = scene.store.get(399);
    scene.store.set(400, late && { ...late, seq: 400 });
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    scene.pass(1_000);
    expect([scene.queue.ready.loadedMessages, scene.queue.delayed.messages]).toEqual([398, 1]);
    scene.store.delete(400);
    const b = scene.consume({ prefetch: 1_000 });
    scene.perform();
    expect(scene.drain(b)).toEqual(
      Array.from({ length: 600 }, (_, i) => i + 1).filter((n) => n !== 300 && n !== 400),
    );
    scene.pass(60_000);
    expect(scene.drain(b)).toEqual([300]);
    expect(scene.queue.residual).toBe(0);
  });

  it('gets nothing back that stands before what it is being read for', () => {
    const head = { messages: 100, bytes: 1e6, idleMessages: 10, idleBytes: 1e6 };
    const scene = new NamedQueueScene({ durable: true, head, loadAtMost: 5 });
    pushMany(scene, 50);
    // Nothing is delivered before the store knows that it may be.
    scene.storesMarks = scene.answersLoads = false;
    const a = scene.consume({ prefetch: 20 });
    scene.perform();
    scene.answerLoads();
    scene.perform();
    expect([scene.queue.ready.loadedMessages, scene.loads.length]).toEqual([15, 1]);
    scene.queue.removeConsumer(a, scene.moment, scene.effects);
    scene.pass(1_000);
    scene.answerLoads();
    scene.storesMarks = scene.answersLoads = true;
    scene.pass(1_000);
    expect(scene.queue.ready.loadedMessages).toBe(10);
    const b = scene.consume({ prefetch: 100 });
    scene.perform();
    expect(scene.drain(b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('gives back after a restart what was not settled, with its attempts and its delay', () => {
    const scene = new NamedQueueScene({ durable: true, deliveryLimit: 2 });
    pushMany(scene, 4);
    const a = scene.consume();
    scene.drain(a);
    a.ack(0, [[2, 2]], scene.moment, scene.effects);
    a.nack([[1, 1]], 50, scene.moment, scene.effects);
    a.nack([[3, 3]], 0, scene.moment, scene.effects);
    scene.perform();
    const { routed, acked } = scene.queue.ledger;
    scene.restart();
    expect([scene.queue.residual, scene.queue.ledger.routed, scene.queue.ledger.acked]).toEqual([
      0,
      routed,
      acked,
    ]);
    scene.push();
    const b = scene.consume();
    scene.perform();
    expect(scene.fill(b)).toEqual([
      { tag: 1, seq: 3, redelivered: 1 },
      { tag: 2, seq: 4, redelivered: 1 },
      { tag: 3, seq: 5 },
    ]);
    expect(scene.queue.delayed.messages).toBe(1);
    scene.pass(49);
    expect(scene.fill(b)).toEqual([]);
    scene.pass(1);
    expect(scene.fill(b)).toEqual([{ tag: 4, seq: 1, redelivered: 1 }]);
    b.nack([[4, 4]], 0, scene.moment, scene.effects);
    expect(scene.perform()).toEqual(['requeued 1 x2']);
  });

  it('is read to see whether the head expires after a restart', () => {
    const scene = new NamedQueueScene({ durable: true });
    scene.push({ ttlMs: 10 });
    scene.restart();
    expect(scene.pass(11)).toEqual(['expired 1']);
  });
});
