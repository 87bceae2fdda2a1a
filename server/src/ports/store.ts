/**
 * Store port: durable bytes under ordered keys, for one engine.
 *
 *     commit(a) commit(b) │ a transaction is on its way │ commit(c) commit(d)
 *     └────── one transaction ──────┘                    └── the next one ──┘
 *
 * Invariants every adapter keeps (test/contract/store-suite.ts): a batch is on disk whole or not at all; batches
 * take effect, and are told, in the order they were given; `done` without an error means that the batch survives
 * `kill -9` and a power cut; after an error nothing more is ever written, so no batch follows one that failed.
 */

/** One change of a batch: a value put, or (`undefined`) a key deleted; deleting what is not there is no fault. */
export interface StoreWrite {
  /** 1 to MAX_STORE_KEY_BYTES bytes. The store may hold key and value until `done`: do not change them. */
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** An entry that was read: both are copies, which are the caller's. */
export interface StoreEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface RangeOptions {
  /** The most entries to return, 0 or more. */
  readonly limit: number;
  /** From the highest key down; default false. */
  readonly reverse?: boolean;
  /** No entry follows the one with which the values have so many bytes together; by default as many as there are. */
  readonly maxBytes?: number;
}

/**
 * Why a store failed. `disk-full`: no room; `io`: the disk or the store refused; `deadline`: not on disk in time;
 * `closed`: committed after `close`. `text` is for people.
 */
export interface StoreError {
  readonly reason: 'disk-full' | 'io' | 'deadline' | 'closed';
  readonly text: string;
}

export const MAX_STORE_KEY_BYTES = 511;

/** A commit that is not on disk after this long fails the store. */
export const DEFAULT_FLUSH_DEADLINE_MS = 5_000;

export interface Store {
  /** A copy of the value as of the last batch whose `done` was called, or of a later batch. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Entries with from <= key < to, bytewise ascending (or descending with `reverse`), at most `limit`. */
  range(from: Uint8Array, to: Uint8Array, options: RangeOptions): StoreEntry[];
  /** The keys with from <= key < to, ascending, at most `limit`: as `range`, without reading what may be large. */
  keys(from: Uint8Array, to: Uint8Array, limit: number): Uint8Array[];
  /**
   * Applies a batch atomically, after all earlier ones; several may be under way, and those given while one is being
   * written go to disk together. `done` comes once, never within the call: without an error when the batch is on
   * disk, with one when the store failed. After an error the batch may be on disk or not, whole or not at all, as
   * after a crash: only opening the store again tells.
   */
  commit(writes: readonly StoreWrite[], done: (error?: StoreError) => void): void;
  /**
   * Sets the one handler that is called just before a transaction is made up of what was committed: what it commits
   * goes with it. So whoever gathers while the disk is busy gives it the next work at once, and only once.
   */
  onTaking(handler: () => void): void;
  /** Sets the one handler that is told, once, that the store failed for good, before the `done`s are. */
  onFailure(handler: (error: StoreError) => void): void;
  /** Bytes in use on disk, about; number of entries. */
  readonly size: { readonly bytes: number; readonly entries: number };
  /** Waits until what was committed is on disk or has failed, then lets go of the store. */
  close(): Promise<void>;
}
