/**
 * The latest message of each routing key of an exchange, for `since: last-per-key` (PROTOCOL §10).
 *
 * Bounded in entries for each exchange and in bytes for all together, apart from the log's retention. Over a bound
 * the value published longest ago is forgotten, of this exchange or of all, and later snapshots of its exchange say
 * so (`complete: false`): no exchange can keep the others from having values.
 */
import type { LogId } from '@ringhub/protocol';
import type { StoredRecord } from '../ports/engine.ts';
import { type Linked, OldestFirstList } from './oldest-first-list.ts';

/** One key's latest message. Shared with snapshots under way. Hot: one of these is made, or renewed, with each message. */
export class LastValue implements Linked<LastValue> {
  /** `undefined` once the index has forgotten it. */
  record: StoredRecord | undefined = undefined;
  /** In its own index. */
  older: LastValue | undefined = undefined;
  newer: LastValue | undefined = undefined;
  /** Among those of all. */
  readonly place = new Place(this);

  constructor(
    private readonly index: LastValues,
    readonly key: string,
  ) {}

  forget(): void {
    this.index.forget(this);
  }
}

class Place implements Linked<Place> {
  older: Place | undefined = undefined;
  newer: Place | undefined = undefined;

  constructor(readonly value: LastValue) {}
}

/** The values of all exchanges together, and the bound on their bytes. */
export class LastValueBytes {
  held = 0;
  /** In order of publishing. */
  private readonly order = new OldestFirstList<Place>();

  constructor(readonly max: number) {}

  add({ place }: LastValue): void {
    this.order.append(place);
  }

  /** A value came, or came anew; others are forgotten until all fit. */
  renew({ place }: LastValue, grownBy: number): void {
    this.held += grownBy;
    this.order.renew(place);
    while (this.held > this.max && this.order.oldest) this.order.oldest.value.forget();
  }

  remove({ place, record }: LastValue): void {
    this.held -= record?.bytes ?? 0;
    this.order.remove(place);
  }
}

export class LastValues {
  /** Not every key is here: some gave way to others. */
  forgotten = false;
  /** Keys that came or went since they were last stored; only of durable exchanges. */
  private changes: Set<string> | undefined;
  private readonly byKey = new Map<string, LastValue>();
  /** In order of publishing: a key moves to the end when it is published again. */
  private readonly order = new OldestFirstList<LastValue>();

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
    const known = this.byKey.get(key);
    const value = known ?? this.newValue(key);
    if (known) this.order.renew(known);
    const grownBy = record.bytes - (value.record?.bytes ?? 0);
    value.record = record;
    this.changes?.add(key);
    this.bytes.renew(value, grownBy);
    if (this.byKey.size > this.maxEntries) this.order.oldest?.forget();
  }

  /** What is to be stored: each changed key with its message, or without one if it is forgotten. */
  takeChanges(): (readonly [key: string, record: StoredRecord | undefined])[] {
    const changes = Array.from(this.changes ?? [], (key) => [key, this.byKey.get(key)?.record] as const);
    this.changes?.clear();
    return changes;
  }

  /** The exchange is gone. */
  clear(): void {
    while (this.order.oldest) this.order.oldest.forget();
  }

  /** The values of the keys that match, as they are now and as far as they still are when read. */
  snapshot(matches: (record: StoredRecord) => boolean): { values: LastValue[]; complete: boolean } {
    const values: LastValue[] = [];
    for (const value of this.order) if (value.record && matches(value.record)) values.push(value);
    return { values, complete: !this.forgotten };
  }

  /** For its values: this one gives way. */
  forget(value: LastValue): void {
    this.bytes.remove(value);
    this.order.remove(value);
    value.record = undefined;
    this.changes?.add(value.key);
    this.byKey.delete(value.key);
    this.forgotten = true;
  }

  private newValue(key: string): LastValue {
    const value = new LastValue(this, key);
    this.byKey.set(key, value);
    this.order.append(value);
    this.bytes.add(value);
    return value;
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
