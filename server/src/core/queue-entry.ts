/**
 * One message in one named queue: its place, when it came, until when it may be delivered, and how often that failed.
 *
 * Only what waits loaded, is in flight or is delayed has such an object; the rest of a durable queue lies in the store.
 * Its mutable fields belong to the queue it is in. Times said `wall` are ms since 1970, as they outlive a process.
 */
import type { StoredRecord } from '../ports/engine.ts';

/** The two clocks, read once for a batch of calls; and chance, for the jitter of retries. */
export interface Moment {
  /** Monotonic: delays and rates. */
  readonly nowMs: number;
  /** Since 1970: TTLs, figures, whatever is stored. */
  readonly wallMs: number;
  /** From 0 up to, not including, 1. */
  readonly random: number;
}

export interface QueueEntry {
  readonly kind: 'message';
  /** Place in its queue: ascending from 1, holes allowed, kept for life. */
  readonly seq: number;
  readonly record: StoredRecord;
  /** Counts towards the queue's bounds. */
  readonly bytes: number;
  /** Wall time after which it must not be delivered; Infinity without a TTL. */
  readonly expiresAtMs: number;
  /** Deliveries so far that failed. */
  attempts: number;
  /** May have been delivered before, also where nobody knows of an attempt: after a crash. */
  redelivered: boolean;
  /** Until this wall time it is not delivered again; 0 for at once. */
  dueWallMs: number;
  /** Wall time since which it waits, and what it had waited before. */
  waitsSinceMs: number;
  waitedMs: number;
}

/** What a stored entry carries beside its message; given again when it is loaded. */
export interface SavedEntry {
  readonly seq: number;
  readonly record: StoredRecord;
  /** Wall time at which the queue took it. */
  readonly enqueuedMs: number;
  readonly expiresAtMs: number;
  readonly attempts?: number;
  readonly dueWallMs?: number;
}

/** The entry of a message that a queue takes, with the earlier one of its own TTL and the queue's. */
export const newEntry = (
  seq: number,
  record: StoredRecord,
  messageTtlMs: number | undefined,
  wallMs: number,
): QueueEntry =>
  entryOf({
    seq,
    record,
    enqueuedMs: wallMs,
    expiresAtMs: wallMs + Math.min(record.ttlMs ?? Infinity, messageTtlMs ?? Infinity),
  });

/** A stored entry, as it is read back. */
export const entryOf = (saved: SavedEntry): QueueEntry => ({
  kind: 'message',
  seq: saved.seq,
  record: saved.record,
  bytes: saved.record.bytes,
  expiresAtMs: saved.expiresAtMs,
  attempts: saved.attempts ?? 0,
  redelivered: (saved.attempts ?? 0) > 0,
  dueWallMs: saved.dueWallMs ?? 0,
  waitsSinceMs: saved.enqueuedMs,
  waitedMs: 0,
});

/** A TTL of 0 allows delivery in the very millisecond of arrival. */
export const isExpired = (entry: QueueEntry, wallMs: number): boolean => wallMs > entry.expiresAtMs;
