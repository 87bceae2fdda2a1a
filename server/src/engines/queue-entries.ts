/**
 * The entries of durable named queues on disk: what was put into each, until its obligation ends. What becomes of an
 * entry, and when, is decided by the hub; the sums of its ledger are stored in the same step as the entries.
 */
import type { EngineQueues, StoredEntry, StoredRecord } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { Now } from './durable-log.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';
import { entryKey, queueKey, seqOfKey } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

/** Entries taken away in one turn when a whole queue goes. */
const REMOVE_AT_ONCE = 2_000;

/** Stored beside an entry that was delivered in vain. */
interface Postponed {
  readonly attempts: number;
  readonly dueMs: number;
}

export class QueueEntries implements EngineQueues {
  /** The number the next entry of each queue gets. */
  private readonly next = new Map<number, number>();
  private readonly changed = new Set<number>();
  /** Queues with entries that still have to be taken away. */
  private readonly removed = new Set<number>();
  private sumsOf: (queue: number) => string | undefined = () => undefined;

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly now: () => Now,
  ) {
    group.onCommit(() => this.saveSums());
  }

  /** Puts a copy of a message into a queue; it counts once the batch is on disk. */
  add(queue: number, record: StoredRecord): number {
    const seq = this.nextSeq(queue);
    this.next.set(queue, seq + 1);
    this.group.put(entryKey('entries', queue, seq), encodeRecord(record, seq));
    this.changed.add(queue);
    return seq;
  }

  read(queue: number, after: number, limit: number, done: (entries: readonly StoredEntry[]) => void): void {
    const from = entryKey('entries', queue, after + 1);
    const to = entryKey('entries', queue, Number.MAX_SAFE_INTEGER);
    const now = this.now();
    done(
      this.store.range(from, to, { limit }).map(({ key, value }) => {
        const seq = seqOfKey(key);
        const record = decodeRecord(value, seq, now);
        const postponed = this.postponedOf(queue, seq);
        return {
          seq,
          record,
          bytes: record?.bytes ?? value.length,
          enqueuedMs: record?.timeMs ?? now.wallMs,
          attempts: postponed?.attempts ?? 0,
          dueMs: postponed?.dueMs ?? 0,
        };
      }),
    );
  }

  settle(queue: number, seq: number): void {
    this.group.put(entryKey('entries', queue, seq), undefined);
    this.group.put(entryKey('attempts', queue, seq), undefined);
    this.changed.add(queue);
  }

  postpone(queue: number, seq: number, attempts: number, dueMs: number): void {
    const value: Postponed = { attempts, dueMs };
    this.group.put(entryKey('attempts', queue, seq), encoder.encode(JSON.stringify(value)));
    this.changed.add(queue);
  }

  onSums(sums: (queue: number) => string | undefined): void {
    this.sumsOf = sums;
  }

  sums(queue: number): string | undefined {
    const stored = this.stored(queue);
    return stored?.sums ? JSON.stringify(stored.sums) : undefined;
  }

  bounds(queue: number): { readonly first: number; readonly last: number } {
    const from = entryKey('entries', queue, 0);
    const to = entryKey('entries', queue, Number.MAX_SAFE_INTEGER);
    const [oldest] = this.store.range(from, to, { limit: 1 });
    const last = this.nextSeq(queue) - 1;
    return { first: oldest ? seqOfKey(oldest.key) : last + 1, last };
  }

  /** Queue ids are never used twice, so what is left of it can go by and by. */
  remove(queue: number): void {
    this.changed.delete(queue);
    this.group.put(queueKey(queue), undefined);
    this.removed.add(queue);
    this.removeSome();
  }

  /** Takes away some more of the queues that are gone. */
  removeSome(): void {
    for (const queue of this.removed) {
      let left = 0;
      for (const table of ['entries', 'attempts'] as const) {
        const from = entryKey(table, queue, 0);
        const to = entryKey(table, queue, Number.MAX_SAFE_INTEGER);
        const found = this.store.range(from, to, { limit: REMOVE_AT_ONCE });
        left += found.length;
        for (const { key } of found) this.group.put(key, undefined);
      }
      if (left === 0) this.removed.delete(queue);
    }
  }

  private nextSeq(queue: number): number {
    const known = this.next.get(queue);
    if (known !== undefined) return known;
    const from = entryKey('entries', queue, 0);
    const to = entryKey('entries', queue, Number.MAX_SAFE_INTEGER);
    const [newest] = this.store.range(from, to, { limit: 1, reverse: true });
    const next = Math.max(this.stored(queue)?.lastSeq ?? 0, newest ? seqOfKey(newest.key) : 0) + 1;
    this.next.set(queue, next);
    return next;
  }

  private stored(queue: number): { readonly lastSeq: number; readonly sums: unknown } | undefined {
    const value = this.store.get(queueKey(queue));
    return value && JSON.parse(decoder.decode(value));
  }

  private postponedOf(queue: number, seq: number): Postponed | undefined {
    const value = this.store.get(entryKey('attempts', queue, seq));
    return value && (JSON.parse(decoder.decode(value)) as Postponed);
  }

  /** Stored with the number of the newest entry, which must not be given to another even if all are gone. */
  private saveSums(): void {
    for (const queue of this.changed) {
      const sums = this.sumsOf(queue) ?? 'null';
      const value = `{"lastSeq":${this.nextSeq(queue) - 1},"sums":${sums}}`;
      this.group.put(queueKey(queue), encoder.encode(value));
    }
    this.changed.clear();
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
