/**
 * A store in one LMDB file.
 *
 * How it keeps the port's promise: every group of batches is one LMDB transaction, written and synced on a thread of
 * the pool (never on the main thread), and `overlappingSync` is off, so that LMDB shows a transaction to readers, and
 * resolves its promise, only after `fdatasync` of the pages and a synchronous write of the meta page. With it on, a
 * transaction is visible before it is durable, and on the same boot an unsynced one is taken for good.
 *
 * LMDB's promise may never settle after a failed commit, and what it would do next is unknown: the first failure, or
 * the deadline, is the end. The process is then to be ended; the file is not closed, as that could wait for ever.
 * Opening a damaged file can kill the process: data-folder.ts has it checked before.
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { open } from 'lmdb';
import type { Clock } from '../ports/clock.ts';
import {
  DEFAULT_FLUSH_DEADLINE_MS,
  type RangeOptions,
  type Store,
  type StoreEntry,
  type StoreError,
  type StoreWrite,
} from '../ports/store.ts';
import { GroupCommit } from './group-commit.ts';
import { COMMON_OPTIONS, DEFAULT_MAP_BYTES, type LmdbDatabase, LmdbReader } from './lmdb-reader.ts';

export interface LmdbStoreOptions {
  readonly clock: Clock;
  readonly flushDeadlineMs?: number;
  /**
   * Address space set aside at once (no memory, no disk); default 128 GiB. No limit: LMDB maps a larger file anew, but
   * keeps the old maps, which is for the rare case.
   */
  readonly mapBytes?: number;
  /** For the control of the crash tests only: confirms what is not on disk. */
  readonly unsafeNoSync?: boolean;
}

const MAX_GROUP_WRITES = 20_000;
const MAX_GROUP_BYTES = 16 * 1024 * 1024;

export class LmdbStore implements Store {
  private readonly reader: LmdbReader;
  private readonly commits: GroupCommit;
  private closing: Promise<void> | undefined;
  private closedHandler: () => void = () => {};

  constructor(
    readonly path: string,
    private readonly db: LmdbDatabase,
    { clock, flushDeadlineMs = DEFAULT_FLUSH_DEADLINE_MS }: LmdbStoreOptions,
  ) {
    this.reader = new LmdbReader(db);
    const limits = { flushDeadlineMs, maxGroupWrites: MAX_GROUP_WRITES, maxGroupBytes: MAX_GROUP_BYTES };
    this.commits = new GroupCommit(clock, limits, (writes, settled) => this.write(writes, settled));
  }

  /** Opens the file, or makes an empty one. Throws what LMDB says where it cannot. */
  static open(path: string, options: LmdbStoreOptions): LmdbStore {
    const db = open<Uint8Array, Uint8Array>({
      ...COMMON_OPTIONS,
      path,
      mapSize: options.mapBytes ?? DEFAULT_MAP_BYTES,
      // Turns are gathered by GroupCommit; LMDB's own way leaves a promise nobody can catch.
      eventTurnBatching: false,
      useWritemap: false,
      noSync: options.unsafeNoSync ?? false,
    });
    return new LmdbStore(path, db, options);
  }

  get size(): { bytes: number; entries: number } {
    return this.reader.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.reader.get(key);
  }

  range(from: Uint8Array, to: Uint8Array, options: RangeOptions): StoreEntry[] {
    return this.reader.range(from, to, options);
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): Uint8Array[] {
    return this.reader.keys(from, to, limit);
  }

  commit(writes: readonly StoreWrite[], done: (error?: StoreError) => void): void {
    this.commits.commit(writes, done);
  }

  onTaking(handler: () => void): void {
    this.commits.onTaking(handler);
  }

  onFailure(handler: (error: StoreError) => void): void {
    this.commits.onFailure(handler);
  }

  /** A consistent copy as of now, made on a thread while commits go on. The path must not exist. */
  copyTo(path: string): Promise<void> {
    return this.reader.copyTo(path);
  }

  /** Sets the one handler that is told when the file is closed, which that of a failed store is by the process's end. */
  onClosed(handler: () => void): void {
    this.closedHandler = handler;
  }

  close(): Promise<void> {
    this.closing ??= this.commits.close().then(async () => {
      if (this.commits.failed) return;
      await this.db.close();
      this.closedHandler();
    });
    return this.closing;
  }

  /** One LMDB transaction, as none is under way: LMDB may begin it at once, and ends it behind the whole block. */
  private write(writes: readonly StoreWrite[], settled: (error?: StoreError) => void): void {
    try {
      const committed = this.db.batch(() => {
        for (const { key, value } of writes) {
          if (value) this.db.put(key, value);
          else this.db.remove(key);
        }
      });
      committed.then(
        () => settled(),
        (error: unknown) =>
          rootCause(error)
            .then((cause) => this.errorOf(cause))
            .then(settled),
      );
    } catch (error) {
      this.errorOf(error).then(settled);
    }
  }

  /** What to call an error. A write cut short by a full disk is `EIO` to LMDB: the disk is asked. */
  private async errorOf(error: unknown): Promise<StoreError> {
    const { code, message = String(error) } = error as { code?: unknown; message?: string };
    let isFull = code === ENOSPC;
    if (code === EIO) {
      const space = await statfs(dirname(this.path)).catch(() => undefined);
      isFull = space !== undefined && space.bavail * space.bsize < FULL_BELOW_BYTES;
    }
    return { reason: isFull ? 'disk-full' : 'io', text: message };
  }
}

/** LMDB rejects with a wrapper whose `commitError` rejects with the true error. */
async function rootCause(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<never> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

const EIO = 5;
const ENOSPC = 28;
/** No more than a write of one transaction may have needed. */
const FULL_BELOW_BYTES = 1024 * 1024;
