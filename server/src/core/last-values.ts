/**
 * The latest message of each routing key of an exchange, for `since: last-per-key` (PROTOCOL §10).
 *
 * Bounded in entries for each exchange and in bytes for all together, apart from the log's retention. Over a bound
 * the value published longest ago is forgotten, of this exchange or of all, and later snapshots of its exchange say
 * so (`complete: false`): no exchange can keep the others from having values.
 */
import type { LogId } from '@ringhub/protocol';
import type { StoredRecord } from '../ports/engine.ts';
import { OldestFirstMap } from './oldest-first-map.ts';

/** One key's latest message; `undefined` once the index has forgotten it. Shared with snapshots under way. */
export interface LastValue {
  record: StoredRecord | undefined;
  readonly forget: () => void;
}

/** The values of all exchanges together, and the bound on their bytes. */
export class LastValueBytes {
  held = 0;
  /** In order of publishing. */
  private readonly order = new OldestFirstMap<LastValue, undefined>();

  constructor(readonly max: number) {}

  /** A value came, or came anew; others are forgotten until all fit. */
  put(value: LastValue, grownBy: number): void {
    this.held += grownBy;
    this.order.put(value, undefined);
    while (this.held > this.max && this.order.oldest) this.order.oldest.key.forget();
  }

  remove(value: LastValue): void {
    this.held -= value.record?.bytes ?? 0;
    this.order.delete(value);
  }
}

export class LastValues {
  /** Not every key is here: some gave way to others. */
  forgotten = false;
  /** Keys that came or went since they were last stored; only of durable exchanges. */
  private changes: Set<string> | undefined;
  /** In order of publishing: a key moves to the end when it is published again. */
  private readonly byKey = new OldestFirstMap<string, LastValue>();

  constructor(
    private readonly maxEntries: number,
    private readonly bytes: LastValueBytes,
    isDurable = false,
  ) {
    if (isDurable) this.changes = new Set();
  }

  get size(): number {
    return this.byKey.size;
  }

  put(record: StoredRecord): void {
    const { key } = record;
    const value = this.byKey.get(key) ?? this.newValue(key);
    const grownBy = record.bytes - (value.record?.bytes ?? 0);
    value.record = record;
    this.changes?.add(key);
    this.byKey.put(key, value);
    this.bytes.put(value, grownBy);
    if (this.byKey.size > this.maxEntries) this.forgetOldest();
  }

  /** What is to be stored: each changed key with its message, or without one if it is forgotten. */
  takeChanges(): (readonly [key: string, record: StoredRecord | undefined])[] {
    const changes = Array.from(this.changes ?? [], (key) => [key, this.byKey.get(key)?.record] as const);
    this.changes?.clear();
    return changes;
  }

  /** The exchange is gone. */
  clear(): void {
    while (this.byKey.size > 0) this.forgetOldest();
  }

  /** The values of the keys that match, as they are now and as far as they still are when read. */
  snapshot(matches: (record: StoredRecord) => boolean): { values: LastValue[]; complete: boolean } {
    const values: LastValue[] = [];
    for (const { value } of this.byKey) if (value.record && matches(value.record)) values.push(value);
    return { values, complete: !this.forgotten };
  }

  private newValue(key: string): LastValue {
    const value: LastValue = { record: undefined, forget: () => this.forget(key, value) };
    return value;
  }

  private forgetOldest(): void {
    const { oldest } = this.byKey;
    if (oldest) this.forget(oldest.key, oldest.value);
  }

  private forget(key: string, value: LastValue): void {
    this.bytes.remove(value);
    value.record = undefined;
    this.changes?.add(key);
    this.byKey.delete(key);
    this.forgotten = true;
  }
}

/**
 * A snapshot being read by one subscription as its credit allows. A value that was published again since it was
 * taken is passed over: the log gives it.
 */
export class Snapshot {
  private next = 0;

  constructor(
    private readonly values: readonly LastValue[],
    /** Offset in each log at which it was taken; the logs are read from there afterwards. */
    private readonly heads: (log: LogId) => number,
    public complete: boolean,
  ) {}

  /** The next value still to be given, or `undefined` at the end. Does not move on. */
  peek(): StoredRecord | undefined {
    for (; this.next < this.values.length; this.next++) {
      const record = this.values[this.next]!.record;
      if (record && record.offset <= this.heads(record.log)) return record;
      if (!record) this.complete = false;
    }
    return undefined;
  }

  advance(): void {
    this.next++;
  }
}
