/**
 * The messages a queue holds: what they cost, when they came in, what their receiver is told beside them, and
 * the ledger in which each one's obligation begins and ends.
 *
 *   begin ─┬─ hold ── release(outcome)
 *          └─ refuse(outcome)
 */

import type { Note } from '@ringhub/protocol';
import type { StoredRecord } from '../ports/engine.ts';
import { LazyMap } from './lazy-map.ts';
import { Ledger, type Outcome } from './ledger.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Entry } from './ready-ring.ts';

/** Bytes in all rings of one session, against its limit. */
export interface SessionBytes {
  held: number;
  readonly max: number;
}

type MutableNote = { -readonly [K in keyof Note]: Note[K] };

export class HeldMessages {
  readonly ledger = new Ledger();
  /** What differs by receiver, for the few messages that have it. */
  private readonly notes = new LazyMap<StoredRecord, MutableNote>();
  /** When each waiting message came in; only with a queue TTL. */
  private readonly enteredMs: Map<StoredRecord, number> | undefined;

  constructor(
    private readonly budget: MemoryBudget,
    private readonly sessionBytes: SessionBytes,
    private readonly ttlMs: number | undefined,
  ) {
    if (ttlMs !== undefined) this.enteredMs = new Map();
  }

  begin(record: StoredRecord, nowMs: number): void {
    this.ledger.begin();
    this.enteredMs?.set(record, nowMs);
  }

  hold(record: StoredRecord): void {
    this.budget.hold(record);
    this.sessionBytes.held += record.bytes;
  }

  /** Many at once, which came in now: as `begin` and `hold` of each. `bytes` is what they take together. */
  holdAll(records: readonly StoredRecord[], bytes: number, nowMs: number): void {
    this.ledger.begin(records.length);
    this.sessionBytes.held += bytes;
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      this.budget.hold(record);
      this.enteredMs?.set(record, nowMs);
    }
  }

  /** The only way out for a message that is held. */
  release(record: StoredRecord, outcome: Outcome): void {
    this.letGo(record);
    // Last, as it asserts: a fault in the books must not keep memory held.
    this.ledger.settle(outcome);
  }

  /** The first half of `release`, for many that end in the same way: their outcome is told once, by `settled`. */
  letGo(record: StoredRecord): void {
    this.enteredMs?.delete(record);
    if (this.notes.size > 0) this.notes.delete(record);
    this.sessionBytes.held -= record.bytes;
    this.budget.release(record);
  }

  settled(outcome: Outcome, count: number): void {
    if (count > 0) this.ledger.settle(outcome, count);
  }

  /** The only way out for one that never was. */
  refuse(record: StoredRecord, outcome: Outcome): void {
    this.enteredMs?.delete(record);
    this.ledger.settle(outcome);
  }

  noteOf(entry: Entry): Note | undefined {
    return this.notes.size > 0 && entry.kind === 'message' ? this.notes.get(entry) : undefined;
  }

  /** `record` takes the place of `old`, which ends here. */
  replace(old: StoredRecord, record: StoredRecord): void {
    const replaced = (this.notes.get(old)?.replaced ?? 0) + 1;
    this.hold(record);
    this.release(old, 'conflated');
    this.notes.set(record, { replaced });
  }

  /** Counts a redelivery; returns how many it were with this one. */
  redeliver(record: StoredRecord): number {
    const note = this.notes.get(record) ?? {};
    note.redelivered = (note.redelivered ?? 0) + 1;
    this.notes.set(record, note);
    return note.redelivered;
  }

  /** When a waiting message expires: by its own TTL or the queue's, whichever is first. */
  expiresMs(record: StoredRecord): number {
    const entered = this.enteredMs?.get(record);
    if (entered === undefined || this.ttlMs === undefined) return record.expiresMs;
    return Math.min(record.expiresMs, entered + this.ttlMs);
  }
}
