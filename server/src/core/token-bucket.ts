/**
 * How much of something may happen: so many a second for long, and a burst at once (PROTOCOL §15).
 *
 *     ┌────────────┐ ◄─ refilled by `perSec`, never above `burst`
 *     │ tokens     │ ─► taken: one frame, one request
 *     └────────────┘    empty: refused, and nothing is taken
 *
 * Pure: time is an argument, monotonic milliseconds. A bucket that stands full is as good as none, which is how the
 * buckets of many are bounded.
 */
import { OldestFirstMap } from './oldest-first-map.ts';

export interface Rate {
  readonly perSec: number;
  readonly burst: number;
}

export class TokenBucket {
  private tokens: number;
  private asOfMs: number;

  constructor(
    private readonly rate: Rate,
    nowMs: number,
  ) {
    this.tokens = rate.burst;
    this.asOfMs = nowMs;
  }

  /** Takes what something costs; false where that is not there. What costs more than a burst takes a full bucket. */
  take(cost: number, nowMs: number): boolean {
    this.refill(nowMs);
    if (this.tokens < Math.min(cost, this.rate.burst)) return false;
    this.tokens -= cost;
    return true;
  }

  /** Whether one more would be refused now. */
  isEmpty(nowMs: number): boolean {
    this.refill(nowMs);
    return this.tokens < 1;
  }

  isFull(nowMs: number): boolean {
    this.refill(nowMs);
    return this.tokens >= this.rate.burst;
  }

  private refill(nowMs: number): void {
    // A clock that stands still, or goes back, gives nothing.
    const passedMs = Math.max(0, nowMs - this.asOfMs);
    this.tokens = Math.min(this.rate.burst, this.tokens + (passedMs / 1000) * this.rate.perSec);
    this.asOfMs = nowMs;
  }
}

/** One bucket for each of many, of whom only the last {@link MAX_BUCKETS} that asked are remembered. */
export class TokenBuckets {
  /** Who asked last stands last. */
  private readonly byKey = new OldestFirstMap<string, TokenBucket>();

  constructor(private readonly maxBuckets: number = MAX_BUCKETS) {}

  get size(): number {
    return this.byKey.size;
  }

  take(key: string, rate: Rate, cost: number, nowMs: number): boolean {
    const bucket = this.byKey.get(key) ?? new TokenBucket(rate, nowMs);
    this.byKey.put(key, bucket);
    if (this.byKey.size > this.maxBuckets) this.byKey.delete(this.byKey.oldest!.key);
    return bucket.take(cost, nowMs);
  }

  isEmpty(key: string, nowMs: number): boolean {
    return this.byKey.get(key)?.isEmpty(nowMs) ?? false;
  }

  /** Lets go of those that are full again: a new one would be the same. */
  forgetFull(nowMs: number): void {
    for (const { key, value } of this.byKey) if (value.isFull(nowMs)) this.byKey.delete(key);
  }
}

const MAX_BUCKETS = 20_000;
