/**
 * How values in milliseconds are distributed: counts in fixed buckets, and the exact sum. Bounded, addable, storable.
 */

/** Upper bounds of the buckets, inclusive; one more bucket holds what is longer. */
export const BUCKETS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
] as const;

export interface HistogramSums {
  readonly count: number;
  readonly sumMs: number;
  /** One for each of {@link BUCKETS_MS} and one more; not cumulative. */
  readonly buckets: readonly number[];
}

export class Histogram {
  count = 0;
  sumMs = 0;
  readonly buckets: number[] = new Array<number>(BUCKETS_MS.length + 1).fill(0);

  /** Undefined where there was none. */
  get meanMs(): number | undefined {
    return this.count === 0 ? undefined : this.sumMs / this.count;
  }

  observe(ms: number): void {
    this.count++;
    this.sumMs += ms;
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && ms > BUCKETS_MS[bucket]!) bucket++;
    this.buckets[bucket]!++;
  }

  add(sums: HistogramSums): void {
    this.count += sums.count;
    this.sumMs += sums.sumMs;
    for (let i = 0; i < this.buckets.length; i++) this.buckets[i]! += sums.buckets[i] ?? 0;
  }

  toSums(): HistogramSums {
    return { count: this.count, sumMs: this.sumMs, buckets: [...this.buckets] };
  }
}
