/**
 * Publish ids of the last while, per subject and exchange, each with where it went (PROTOCOL §11).
 *
 * Bounded in entries and age: effectively-once holds inside this window and is never promised beyond it.
 */
import { OldestFirstMap } from './oldest-first-map.ts';

export interface DedupLimits {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
}

/** An hour, as long as the volatile log keeps messages: a laptop that slept less may send again. */
export const DEFAULT_DEDUP_LIMITS: DedupLimits = { maxEntries: 500_000, maxAgeMs: 60 * 60 * 1000 };

interface Remembered {
  readonly offset: number;
  readonly atMs: number;
}

export class DedupWindow {
  /** In order of remembering. */
  private readonly seen = new OldestFirstMap<string, Remembered>();

  constructor(private readonly limits: DedupLimits = DEFAULT_DEDUP_LIMITS) {}

  get size(): number {
    return this.seen.size;
  }

  /** The offset an id was stored at, if it is remembered. */
  find(subject: string, exchange: string, id: string, nowMs: number): number | undefined {
    const found = this.seen.get(keyOf(subject, exchange, id));
    return found && nowMs - found.atMs <= this.limits.maxAgeMs ? found.offset : undefined;
  }

  remember(subject: string, exchange: string, id: string, offset: number, nowMs: number): void {
    const { maxEntries, maxAgeMs } = this.limits;
    this.seen.put(keyOf(subject, exchange, id), { offset, atMs: nowMs });
    for (let { oldest } = this.seen; oldest; { oldest } = this.seen) {
      if (this.seen.size <= maxEntries && nowMs - oldest.value.atMs <= maxAgeMs) return;
      this.seen.delete(oldest.key);
    }
  }
}

/** No control characters stand in names and ids, so a line break keeps the three apart. */
const keyOf = (subject: string, exchange: string, id: string): string => `${subject}\n${exchange}\n${id}`;
