/** The four numbers, by their definitions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS_MS, Histogram } from '../../server/src/core/histogram.ts';
import { DROP_REASONS, Ledger, type Outcome } from '../../server/src/core/ledger.ts';
import { lossRate, lostBy, QueueFigures } from '../../server/src/core/queue-figures.ts';
import { NamedQueueScene } from './named-queue-scene.ts';

describe('a histogram', () => {
  it('counts each value in the first bucket that holds it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e7, noNaN: true })), (values) => {
        const histogram = new Histogram();
        for (const value of values) histogram.observe(value);
        const bounds = [...BUCKETS_MS, Infinity];
        bounds.forEach((bound, i) => {
          const below = i === 0 ? -1 : bounds[i - 1]!;
          expect(histogram.buckets[i]).toBe(values.filter((v) => v > below && v <= bound).length);
        });
        expect(histogram.count).toBe(values.length);
      }),
    );
  });

  it('has no mean before it has a value', () => {
    const histogram = new Histogram();
    expect(histogram.meanMs).toBeUndefined();
    histogram.observe(1);
    histogram.observe(4);
    expect(histogram.meanMs).toBe(2.5);
  });
});

describe('throughput', () => {
  it('is of the last ten whole seconds, or of as many as there were', () => {
    const figures = new QueueFigures(500);
    expect(figures.throughputPerSec(900)).toBe(0);
    for (let ms = 500; ms < 4_000; ms += 100) figures.observe(0, 0, Math.max(900, ms));
    expect(figures.throughputPerSec(4_000)).toBeCloseTo(35 / 4);
    expect(figures.throughputPerSec(11_500)).toBeCloseTo(30 / 10);
    expect(figures.throughputPerSec(13_999)).toBeCloseTo(10 / 10);
    expect(figures.throughputPerSec(14_000)).toBe(0);
  });

  it('does as counting each moment does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4000), { maxLength: 60 }), (steps) => {
        const figures = new QueueFigures(0);
        const seconds: number[] = [];
        let nowMs = 0;
        for (const step of steps) {
          nowMs += step;
          figures.observe(0, 0, nowMs);
          seconds.push(Math.floor(nowMs / 1000));
          const now = Math.floor(nowMs / 1000);
          const recent = seconds.filter((second) => second < now && second >= now - 10).length;
          expect(figures.throughputPerSec(nowMs)).toBeCloseTo(now === 0 ? 0 : recent / Math.min(10, now));
        }
      }),
    );
  });

  it('counts what was restored in the means, and not in the rates', () => {
    const [old, figures] = [new QueueFigures(0), new QueueFigures(0)];
    old.observe(10, 30, 0);
    figures.add(JSON.parse(JSON.stringify(old.toSums())));
    figures.observe(20, 25, 100);
    expect([figures.response.meanMs, figures.delay.meanMs]).toEqual([15, 12.5]);
    expect(figures.throughputPerSec(1000)).toBe(1);
  });
});

describe('loss', () => {
  it('is every outcome but those that were processed or asked for, by reason', () => {
    const outcomes: Outcome[] = ['acked', 'written', 'rejected', 'expired', 'dead-lettered', ...DROP_REASONS];
    const ledger = new Ledger();
    for (const outcome of outcomes) {
      ledger.begin();
      ledger.settle(outcome);
    }
    for (let i = 0; i < 4; i++) ledger.begin();
    const lost = outcomes.filter((o) => !['acked', 'written', 'purged', 'deleted', 'conflated'].includes(o));
    expect([...lostBy(ledger)].toSorted()).toEqual(lost.map((o) => [o, 1]).toSorted());
    expect(lossRate(ledger)).toBeCloseTo(lost.length / (outcomes.length + 4));
    expect(lossRate(new Ledger())).toBe(0);
  });
});

describe('response time and delay of a queue', () => {
  it('are the waits in the queue, and all the rest until the ack', () => {
    const scene = new NamedQueueScene();
    scene.nowMs = 100;
    // It came to the hub 7 ms before it came to the queue.
    scene.push({ timeMs: scene.wallMs - 7 });
    scene.pass(30);
    const consumer = scene.consume();
    scene.fill(consumer);
    scene.pass(200);
    consumer.nack([[1, 1]], 40, scene.moment, scene.effects);
    scene.pass(45);
    scene.fill(consumer);
    scene.pass(20);
    consumer.ack(2, [], scene.moment, scene.effects);
    const { figures } = scene.queue.account;
    expect(figures.response.meanMs).toBe(30 + 45);
    expect(figures.delay.meanMs).toBe(7 + 200 + 20);
    expect(figures.processed).toBe(1);
  });

  it('end with the write where nobody acks', () => {
    const scene = new NamedQueueScene();
    scene.push();
    scene.pass(5);
    scene.fill(scene.consume({ ack: 'none' }));
    const { figures } = scene.queue.account;
    expect([figures.response.meanMs, figures.delay.meanMs, figures.processed]).toEqual([5, 0, 1]);
  });
});
