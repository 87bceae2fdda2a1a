/**
 * A store on a disk in memory: as durable as that disk, for tests and the simulation.
 */
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
import type { MemoryDisk } from './memory-disk.ts';

export interface MemoryStoreOptions {
  /** For the deadline; default: the disk's. */
  readonly clock?: Clock;
  readonly flushDeadlineMs?: number;
}

export class MemoryStore implements Store {
  private readonly commits: GroupCommit;

  constructor(
    private readonly disk: MemoryDisk,
    options: MemoryStoreOptions = {},
  ) {
    const { clock = disk.clock, flushDeadlineMs = DEFAULT_FLUSH_DEADLINE_MS } = options;
    disk.recover();
    const limits = { flushDeadlineMs, maxGroupWrites: 20_000, maxGroupBytes: 16 * 1024 * 1024 };
    this.commits = new GroupCommit(clock, limits, (writes, settled) => disk.write(writes, settled));
  }

  get size(): { bytes: number; entries: number } {
    const { bytes, count } = this.disk.entries;
    return { bytes, entries: count };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.disk.entries.get(key);
  }

  range(from: Uint8Array, to: Uint8Array, options: RangeOptions): StoreEntry[] {
    return this.disk.entries.range(from, to, options);
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): Uint8Array[] {
    return this.disk.entries.range(from, to, { limit }).map(({ key }) => key);
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

  close(): Promise<void> {
    return this.commits.close();
  }
}
