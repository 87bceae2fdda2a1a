/** Rates: exactly a burst at once, exactly so many a second for long, whatever the pattern and the clock. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket, TokenBuckets } from '../../server/src/core/token-bucket.ts';

const RATE = { perSec: 10, burst: 5 };
const taken = (bucket: TokenBucket, times: number, nowMs: number): number =>
  Array.from({ length: times }, () => bucket.take(1, nowMs)).filter(Boolean).length;

describe('a token bucket', () => {
  it('gives a burst at once and then what comes in, one by one', () => {
    const bucket = new TokenBucket(RATE, 1_000);
    expect(taken(bucket, 6, 1_000)).toBe(5);
    expect([bucket.take(1, 1_099), bucket.take(1, 1_100), bucket.take(1, 1_100)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([bucket.isEmpty(1_150), bucket.isEmpty(1_200)]).toEqual([true, false]);
  });

  it('holds no more than a burst, however long nobody asks', () => {
    const bucket = new TokenBucket(RATE, 0);
    expect(taken(bucket, 100, 1e9)).toBe(5);
  });

  it('takes fractions, and nothing where there is too little', () => {
    const bucket = new TokenBucket({ perSec: 1, burst: 1 }, 0);
    expect(Array.from({ length: 17 }, () => bucket.take(1 / 16, 0)).filter(Boolean)).toHaveLength(16);
    expect(bucket.take(1 / 16, 62)).toBe(false);
    expect(bucket.take(1 / 16, 63)).toBe(true);
  });

  it('lets what costs more than a burst through when it is full, and then owes', () => {
    const bucket = new TokenBucket(RATE, 0);
    expect([bucket.take(25, 0), bucket.take(1, 2_000), bucket.take(1, 2_100)]).toEqual([true, false, true]);
  });

  it('gets nothing from a clock that goes back', () => {
    const bucket = new TokenBucket(RATE, 10_000);
    expect(taken(bucket, 5, 10_000)).toBe(5);
    expect([bucket.take(1, 5_000), bucket.take(1, 5_050)]).toEqual([false, false]);
  });

  it('never gives more than a burst and what came in meanwhile', () => {
    const ask = fc.record({
      afterMs: fc.integer({ min: 0, max: 400 }),
      times: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(ask),
        (perSec, burst, asks) => {
          const bucket = new TokenBucket({ perSec, burst }, 0);
          let [nowMs, sum] = [0, 0];
          for (const { afterMs, times } of asks) {
            nowMs += afterMs;
            sum += taken(bucket, times, nowMs);
            expect(sum).toBeLessThanOrEqual(burst + (nowMs / 1000) * perSec + 1e-6);
          }
        },
      ),
    );
  });
});

describe('buckets of many', () => {
  it('are apart, and forgotten once they are full again', () => {
    const buckets = new TokenBuckets();
    expect([buckets.take('a', RATE, 5, 0), buckets.take('a', RATE, 1, 0)]).toEqual([true, false]);
    expect([buckets.take('b', RATE, 1, 0), buckets.isEmpty('a', 0), buckets.isEmpty('c', 0)]).toEqual([
      true,
      true,
      false,
    ]);
    buckets.forgetFull(100);
    expect(buckets.size).toBe(1);
    buckets.forgetFull(500);
    expect(buckets.size).toBe(0);
  });

  it('are bounded: who asked last is remembered', () => {
    const buckets = new TokenBuckets(2);
    for (const key of ['a', 'b', 'a', 'c']) buckets.take(key, RATE, 5, 0);
    expect([buckets.size, buckets.isEmpty('a', 0), buckets.isEmpty('b', 0)]).toEqual([2, true, false]);
  });

  it('have keys of any name', () => {
    const buckets = new TokenBuckets();
    for (const key of ['__proto__', 'constructor', 'toString', '']) {
      expect([buckets.isEmpty(key, 0), buckets.take(key, RATE, 5, 0), buckets.isEmpty(key, 0)]).toEqual([
        false,
        true,
        true,
      ]);
    }
  });
});
