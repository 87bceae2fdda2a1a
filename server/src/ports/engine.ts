/**
 * Engine port: logs that take publishes and give them back in one order, entries of durable named queues, and
 * definitions.
 *
 * Invariants every adapter keeps (test/contract/engine-suite.ts): offsets of a log increase; every record taken
 * comes through the feed once, in order of offset, before or in the call of its `done`; of the durable log nothing is
 * fed or done before it is on disk; `read` gives the same records in the same order, `readBack` in the opposite one;
 * an epoch is one unbroken life of a log; a second publish with the same subject, exchange and id within the
 * window is not stored, and its `done` names the first.
 */
import type { Death, ErrorName, Headers, LogId, Payload } from '@ringhub/protocol';

/** A publish that passed all checks, on its way into a log. */
export interface NewRecord {
  /** The log it enters: its exchange's. */
  readonly log: LogId;
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
  /** Where it came from before it was dead-lettered, newest first. */
  readonly xDeath?: readonly Death[] | undefined;
}

/** A message in a log. Shared by every ring that holds it; the last four fields belong to the hub. */
export interface StoredRecord extends NewRecord {
  readonly kind: 'message';
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
  /** Its item as JSON text and as binary, once somebody needed it. */
  itemText: string | undefined;
  itemBytes: Uint8Array | undefined;
}

/** A record that the log holds but cannot be read: its bytes on disk are damaged. */
export interface CorruptRecord {
  readonly kind: 'corrupt';
  readonly offset: number;
}

export type LogEntry = StoredRecord | CorruptRecord;

/** The number by which a session's publish is known, also to a later life of the hub. */
export interface PublishNumber {
  readonly session: string;
  readonly seq: number;
  /** How many of its session may be unconfirmed at a time; where it is not known, many. */
  readonly window?: number;
}

/** What goes along with a publish, in one atomic step. */
export interface PublishExtras {
  /** Durable named queues that get a copy. */
  readonly queues?: readonly number[];
  /** Entries of durable named queues that end with it: it is their dead letter. */
  readonly settles?: readonly (readonly [queue: number, seq: number])[];
  /** Numbers to remember, if anything durable is stored: of this session, and of the lost one it is sent again for. */
  readonly numbers?: readonly PublishNumber[];
  /** Published again on purpose: its id is not looked up among the remembered ones. */
  readonly isOwn?: boolean;
  /** Called once the record has its place in the log and was fed: of a volatile log that may be long before it is done. */
  readonly placed?: (record: StoredRecord) => void;
}

export type PublishResult =
  /** `seqs`: its number in each queue of the extras, in their order. */
  | { readonly kind: 'taken'; readonly record: StoredRecord; readonly seqs: readonly number[] }
  | { readonly kind: 'duplicate'; readonly log: LogId; readonly offset: number }
  | { readonly kind: 'refused'; readonly error: ErrorName };

export interface LogBounds {
  readonly epoch: string;
  /** Offset of the oldest record kept; `last` + 1 where there is none. */
  readonly first: number;
  /** Offset of the newest record ever taken (of the durable log: that is on disk); 0 where there was none. */
  readonly last: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Whether a numbered publish of a session was stored; `unknown` where nobody can know any more. */
export type Fate = 'stored' | 'not-stored' | 'unknown' | 'store-failed';

/** Entries that were handed to the disk, and whose publish is not done yet. */
export interface Storing {
  readonly messages: number;
  readonly bytes: number;
}

/** A message of a durable named queue, as stored. */
export interface StoredEntry {
  readonly seq: number;
  /** `undefined` where its bytes are damaged. Its time is when the queue took it. */
  readonly record: StoredRecord | undefined;
  /** Failed deliveries so far. */
  readonly attempts: number;
  /** Wall clock before which it is not to be delivered again; 0 for none. */
  readonly dueMs: number;
  /** How long that was, when it was said: a clock that was set back meanwhile must not make it longer. */
  readonly delayMs: number;
}

/** A count of what a queue had when it was asked for; what ends meanwhile is counted, too. */
export interface Recount {
  readonly messages: number;
  /** Of those that are not damaged. */
  readonly bytes: number;
  readonly damaged: number;
  /** The queue was deleted before all were looked at: what was counted says nothing. */
  readonly isGone: boolean;
  /** Looks at up to `limit` more entries; true when all were looked at, or the queue is gone. */
  step(limit: number): boolean;
  stop(): void;
}

/** The durable half of named queues: which entries there are. What becomes of them is the hub's affair. */
export interface EngineQueues {
  /**
   * Entries with after < seq <= upTo, oldest first, as far as they are on disk; none follows the one with which they
   * take `maxBytes` there. `isEnd`: there are no more. May be called back at once.
   */
  read(
    queue: number,
    after: number,
    upTo: number,
    atMost: { readonly messages: number; readonly bytes: number },
    done: (entries: readonly StoredEntry[], isEnd: boolean) => void,
  ): void;
  /** An obligation ended: the entry goes with the next flush. */
  settle(queue: number, seq: number): void;
  /** Many ended: those with after < seq <= upTo. */
  drop(queue: number, after: number, upTo: number): void;
  /** Its next attempt is another one, or later: `delayMs` from now, at `dueMs` of the wall clock. */
  postpone(queue: number, seq: number, attempts: number, dueMs: number, delayMs: number): void;
  /**
   * Sets who tells the sums that are stored in the same step as a queue's changes: JSON, asked for at each such step.
   * `storing` is what the store has with this step and the hub was not told of yet: the sums have to count it.
   */
  onSums(sums: (queue: number, storing: Storing) => string | undefined): void;
  /** Has the sums of a queue stored now; called back when they, and all that was asked for before, are on disk. */
  saveSums(queue: number, done: (error?: ErrorName) => void): void;
  /** The sums stored last. */
  sums(queue: number): string | undefined;
  /** Sequence numbers of the oldest and newest entry there is; `last` is 0 where there never was one. */
  bounds(queue: number): { readonly first: number; readonly last: number };
  /** Looks through all entries on disk: for a queue whose sums are lost. */
  count(queue: number): { readonly messages: number; readonly bytes: number };
  /** Begins to count what is on disk of a queue, as it is now; `undefined` where there is nothing. */
  recount(queue: number): Recount | undefined;
  /** Takes a queue away with all its entries. */
  remove(queue: number): void;
}

/**
 * The latest message of each key of durable exchanges, as of a checkpoint: independent of what the log keeps. Behind
 * the checkpoint the log has to be looked at, and is kept for that.
 */
export interface EngineValues {
  put(incarnation: number, record: StoredRecord): void;
  remove(incarnation: number, key: string): void;
  /** Takes away what is stored of an exchange. */
  clear(incarnation: number): void;
  /** Calls back for each value stored of an exchange, in no order; without a record for one that is damaged. */
  load(incarnation: number, value: (record: StoredRecord | undefined) => void): void;
  /** What was put so far stands for everything up to this offset; stored with a text of the caller's. */
  checkpoint(offset: number, state: string): void;
  /** `damaged` where nobody knows what it stands for: the values that were put are there. */
  readonly lastCheckpoint: { readonly offset: number; readonly state: string } | 'damaged' | undefined;
}

/** Definitions: small texts by key. A cluster's engine will let them be watched. */
export interface EngineMeta {
  /** All entries whose key has this prefix, in order of key; keys of more than 200 bytes come back shortened. */
  list(prefix: string): readonly (readonly [key: string, value: string])[];
  /** Stores a value, or takes it away; called back once that is on disk, or with an error when it never will be. */
  put(key: string, value: string | undefined, done?: (error?: ErrorName) => void): void;
}

export interface Engine {
  readonly logs: readonly LogId[];
  publish(record: NewRecord, done: (result: PublishResult) => void, extras?: PublishExtras): void;
  /** What became of a numbered publish of a session: called back at once, but for one that is on its way to the disk. */
  fateOf(subject: string, number: PublishNumber, tell: (fate: Fate) => void): void;
  /** Sets the one handler of the ordered feed. */
  onFeed(handler: (record: StoredRecord) => void): void;
  /** Sets who is told, once, that nothing durable can be stored any more. */
  onFailure(handler: (why: string) => void): void;
  bounds(log: LogId): LogBounds;
  /** Up to `limit` records after an offset, oldest first; `done` may be called before `read` returns. */
  read(log: LogId, after: number, limit: number, done: (entries: readonly LogEntry[]) => void): void;
  /** Up to `limit` records before an offset, newest first; else as `read`. */
  readBack(log: LogId, before: number, limit: number, done: (entries: readonly LogEntry[]) => void): void;
  /** The offset after which all records have at least this log time; below `first` − 1 where some were trimmed. */
  offsetBefore(log: LogId, timeMs: number): number;
  /** What the store takes of the disk; absent without one. */
  readonly stored: { readonly bytes: number; readonly entries: number } | undefined;
  /** Absent without a store: then nothing durable can be declared. */
  readonly queues: EngineQueues | undefined;
  readonly values: EngineValues | undefined;
  readonly meta: EngineMeta | undefined;
  close(): Promise<void>;
}
