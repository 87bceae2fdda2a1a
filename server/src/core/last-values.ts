/**
 * The latest message of each routing key of an exchange, for `since: last-per-key` (PROTOCOL §10).
 *
 * Bounded in entries for each exchange and in bytes for all together, apart from the log's retention: over a bound
 * the key that was published longest ago is forgotten, and later snapshots say so (`complete: false`).
 */
import type { StoredRecord } from '../ports/engine.ts';

/** One key's latest message; `undefined` once the index has forgotten it. Shared with snapshots under way. */
export interface LastValue {
  record: StoredRecord | undefined;
}

/** Bytes of the last values of all exchanges, against their bound. */
export interface LastValueBytes {
  held: number;
  readonly max: number;
}

export class LastValues {
  private forgotten = false;
  /** In order of publishing: a key moves to the end when it is published again. */
  private readonly byKey = new Map<string, LastValue>();

  constructor(
    private readonly maxEntries: number,
    private readonly bytes: LastValueBytes,
  ) {}

  get size(): number {
    return this.byKey.size;
  }

  put(record: StoredRecord): void {
    const value = this.byKey.get(record.key) ?? { record: undefined };
    this.bytes.held += record.bytes - (value.record?.bytes ?? 0);
    value.record = record;
    this.byKey.delete(record.key);
    this.byKey.set(record.key, value);
    while (this.byKey.size > 0 && (this.byKey.size > this.maxEntries || this.bytes.held > this.bytes.max))
      this.forgetOldest();
  }

  /** The exchange is gone. */
  clear(): void {
    while (this.byKey.size > 0) this.forgetOldest();
  }

  /** The values of the keys that match, as they are now and as far as they still are when read. */
  snapshot(matches: (record: StoredRecord) => boolean): { values: LastValue[]; complete: boolean } {
    const values: LastValue[] = [];
    for (const value of this.byKey.values()) if (value.record && matches(value.record)) values.push(value);
    return { values, complete: !this.forgotten };
  }

  private forgetOldest(): void {
    for (const [key, value] of this.byKey) {
      this.bytes.held -= value.record?.bytes ?? 0;
      value.record = undefined;
      this.byKey.delete(key);
      this.forgotten = true;
      return;
    }
  }
}

/**
 * A snapshot being read by one subscription as its credit allows. A value that was published again after
 * `head` is passed over: the log gives it.
 */
export class Snapshot {
  private next = 0;

  constructor(
    private readonly values: readonly LastValue[],
    /** Offset at which it was taken; the log is read from here afterwards. */
    readonly head: number,
    public complete: boolean,
  ) {}

  /** The next value still to be given, or `undefined` at the end. Does not move on. */
  peek(): StoredRecord | undefined {
    for (; this.next < this.values.length; this.next++) {
      const record = this.values[this.next]!.record;
      if (record && record.offset <= this.head) return record;
      if (!record) this.complete = false;
    }
    return undefined;
  }

  advance(): void {
    this.next++;
  }
}
