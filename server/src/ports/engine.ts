/**
 * Engine port: logs that take publishes and give them back in one order.
 *
 * Invariants every adapter keeps (test/contract/engine-suite.ts): offsets of a log increase; every record taken
 * comes through the feed once, in order of offset, before or in the call of its `done`; `read` gives the same
 * records in the same order, `readBack` in the opposite one; an epoch changes only with a new engine instance; a second publish with the
 * same subject, exchange and id within the window is not stored, and its `done` names the first.
 */
import type { ErrorName, Headers, LogId, Payload } from '@ringhub/protocol';

/** A publish that passed all checks, on its way into a log. */
export interface NewRecord {
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly payloadBytes: number;
  readonly contentType: string;
  readonly headers: Headers | undefined;
  readonly id: string | undefined;
  readonly ttlMs: number | undefined;
  /** Who published it: ids are remembered per subject. */
  readonly subject: string;
  /** Taken only as a duplicate: refuse with this what was not published before under its id. */
  readonly refuseNew?: ErrorName | undefined;
  /** Incarnation ids of the exchanges it reached; feed and replay match bindings against these only. */
  readonly reached: readonly number[];
}

/** A message in a log. Shared by every ring that holds it; the last fields belong to the hub. */
export interface StoredRecord extends NewRecord {
  readonly kind: 'message';
  readonly log: LogId;
  readonly offset: number;
  /** Log time: the wall clock, never going back. */
  readonly timeMs: number;
  /** Monotonic time after which its own TTL forbids delivery; Infinity without one. */
  readonly expiresMs: number;
  /** What it costs to keep: payload, key, headers and a constant. */
  readonly bytes: number;
  /** Rings holding it. */
  holders: number;
  /** Sessions of this node it was routed to. */
  sessions: number;
  /** Its item as JSON text and as binary, each once somebody needed it. */
  itemText: string | undefined;
  itemBytes: Uint8Array | undefined;
}

export type PublishResult =
  | { readonly kind: 'taken'; readonly record: StoredRecord }
  | { readonly kind: 'duplicate'; readonly log: LogId; readonly offset: number }
  | { readonly kind: 'refused'; readonly error: ErrorName };

export interface LogBounds {
  readonly epoch: string;
  /** Offset of the oldest record kept; `last` + 1 where there is none. */
  readonly first: number;
  /** Offset of the newest record ever taken; 0 where there was none. */
  readonly last: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface Engine {
  readonly logs: readonly LogId[];
  publish(record: NewRecord, done: (result: PublishResult) => void): void;
  /** Sets the one handler of the ordered feed. */
  onFeed(handler: (record: StoredRecord) => void): void;
  bounds(log: LogId): LogBounds;
  /** Up to `limit` records after an offset, oldest first; `done` may be called before `read` returns. */
  read(log: LogId, after: number, limit: number, done: (records: readonly StoredRecord[]) => void): void;
  /** Up to `limit` records before an offset, newest first; else as `read`. */
  readBack(log: LogId, before: number, limit: number, done: (records: readonly StoredRecord[]) => void): void;
  /** The offset after which all records have at least this log time; below `first` − 1 where some were trimmed. */
  offsetBefore(log: LogId, timeMs: number): number;
  close(): Promise<void>;
}
