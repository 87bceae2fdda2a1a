/**
 * A disk in memory, for tests and the simulation: what is on it outlives the stores opened on it, and it can be made
 * to crash, stall, refuse and rot. Time and chance come from its maker, so that every run can be had again.
 */
import type { Clock } from '../ports/clock.ts';
import type { StoreEntry, StoreError, StoreWrite } from '../ports/store.ts';
import { SortedEntries } from './sorted-entries.ts';

export interface MemoryDiskOptions {
  readonly clock: Clock;
  /** How long a sync takes; default 1 ms. */
  readonly syncMs?: number | (() => number);
}

/** A transaction the disk has been given and has not synced. */
interface Unsynced {
  readonly writes: readonly StoreWrite[];
  readonly settled: (error?: StoreError) => void;
}

export class MemoryDisk {
  readonly clock: Clock;
  /** What is on the platter. */
  entries = new SortedEntries();
  /** What reached the platter of a transaction whose sync was cut off: without its end, it counts for nothing. */
  torn: readonly StoreWrite[] = [];

  private readonly syncMs: () => number;
  private unsynced: Unsynced[] = [];
  private refusal: StoreError | undefined;
  private stalled = false;

  constructor({ clock, syncMs = 1 }: MemoryDiskOptions) {
    this.clock = clock;
    this.syncMs = typeof syncMs === 'number' ? () => syncMs : syncMs;
  }

  /** Takes a transaction; it is on the disk when its sync has ended. */
  write(writes: readonly StoreWrite[], settled: (error?: StoreError) => void): void {
    const transaction: Unsynced = {
      writes: writes.map(({ key, value }) => ({ key: key.slice(), value: value?.slice() })),
      settled,
    };
    this.unsynced.push(transaction);
    this.clock.after(this.syncMs(), () => {
      if (!this.stalled) this.sync(transaction);
    });
  }

  /**
   * Power cut: stores opened before hear nothing more. A transaction that was not synced is lost, or has happened to
   * reach the disk, whole or in part: `fateOf`, asked for each, decides (default: all are lost). Those behind one that
   * is lost or torn are lost, too.
   *
   * @param reaches asked for each write of a transaction that is torn: whether it has reached the platter
   */
  crash(fateOf: () => boolean | 'torn' = () => false, reaches: () => boolean = () => true): void {
    const unsynced = this.unsynced;
    this.unsynced = [];
    this.stalled = false;
    this.refusal = undefined;
    this.torn = [];
    for (const { writes } of unsynced) {
      const fate = fateOf();
      if (fate === 'torn') this.torn = writes.filter(reaches);
      if (fate !== true) return;
      this.entries.apply(writes);
    }
  }

  /** A store is opened on what a crash has left: a transaction without its end is as if it had never been. */
  recover(): void {
    this.torn = [];
  }

  /** From now on every sync is refused, until the next crash. */
  refuse(error: StoreError): void {
    this.refusal = error;
  }

  /** From now on no sync ends, until `resume` or the next crash. */
  stall(): void {
    this.stalled = true;
  }

  resume(): void {
    this.stalled = false;
    for (const transaction of this.unsynced.slice()) this.sync(transaction);
  }

  /** Rot: changes an entry behind the store's back. */
  damage(key: Uint8Array, change: (value: Uint8Array) => Uint8Array): void {
    const value = this.entries.get(key);
    if (value) this.entries.apply([{ key, value: change(value) }]);
  }

  all(): StoreEntry[] {
    return this.entries.range(undefined, undefined, { limit: Number.POSITIVE_INFINITY });
  }

  private sync(transaction: Unsynced): void {
    const at = this.unsynced.indexOf(transaction);
    // Lost in a crash.
    if (at === -1) return;
    this.unsynced.splice(at, 1);
    if (!this.refusal) this.entries.apply(transaction.writes);
    transaction.settled(this.refusal);
  }
}
