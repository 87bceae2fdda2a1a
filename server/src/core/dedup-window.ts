/**
 * Publish ids of the last while, per subject and exchange, each with where it went (PROTOCOL §11).
 *
 * Bounded in entries and age: effectively-once holds inside this window and is never promised beyond it.
 */
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
  /** In order of remembering, so that the oldest is the first. */
  private readonly seen = new Map<string, Remembered>();

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
    const key = keyOf(subject, exchange, id);
    this.seen.delete(key);
    this.seen.set(key, { offset, atMs: nowMs });
    for (const [oldest, { atMs }] of this.seen) {
      if (this.seen.size <= this.limits.maxEntries && nowMs - atMs <= this.limits.maxAgeMs) return;
      this.seen.delete(oldest);
    }
  }
}

/** No control characters stand in names and ids, so a line break keeps the three apart. */
const keyOf = (subject: string, exchange: string, id: string): string => `${subject}\n${exchange}\n${id}`;
