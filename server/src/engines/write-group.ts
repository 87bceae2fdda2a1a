/**
 * Group commit: everything that is to be stored while the disk is busy, or in one turn of the loop, goes into one
 * atomic batch.
 *
 *     put, put ───────┐ end of the turn, or
 *     put, whenStored ┤ the disk is free ─► before (sums) ─► store.commit ─► on disk ─► each `whenStored`, in order
 *
 * While a batch is being flushed, the next one fills: the slower the disk, the larger the groups, and the fewer sums
 * are stored. What waits is bounded in bytes; above the bound new publishes are refused, so that memory does not grow
 * behind a stalled disk.
 */
import type { Clock } from '../ports/clock.ts';
import type { Store, StoreWrite } from '../ports/store.ts';

/** Bytes of batches that were begun and are not on disk yet. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** A batch that is as large as this does not wait for the one before. */
const MAX_GATHERED_WRITES = 20_000;
const MAX_GATHERED_BYTES = 16 * 1024 * 1024;
/** What a write costs beside its key and value. */
const WRITE_BYTES = 64;

type Done = (failed: boolean) => void;

/** What there are thousands of in a batch is one object, where a function would be two with what it holds. */
export interface Storing {
  told(failed: boolean): void;
}

export class WriteGroup {
  private writes: StoreWrite[] = [];
  private afterwards: (Done | Storing)[] = [];
  private bytes = 0;
  private waitingBytes = 0;
  private isScheduled = false;
  /** Batches handed over that are not on disk. */
  private underWay = 0;
  private hasFailed = false;
  private readonly before: (() => void)[] = [];

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly onFault: (fault: string, error: unknown) => void = () => {},
  ) {
    store.onTaking(() => this.flush());
  }

  /** Whether so much waits for the disk that nothing more should be taken. */
  get isFull(): boolean {
    return this.waitingBytes + this.bytes >= MAX_WAITING_BYTES;
  }

  get failed(): boolean {
    return this.hasFailed;
  }

  /** Called just before each batch is handed over: the last chance to add to it. */
  onCommit(before: () => void): void {
    this.before.push(before);
  }

  put(key: Uint8Array, value: Uint8Array | undefined): void {
    this.writes.push({ key, value });
    this.bytes += key.length + (value?.length ?? 0) + WRITE_BYTES;
    this.schedule();
  }

  /** Called back when everything put so far is on disk, or will never be. */
  whenStored(done: Done | Storing): void {
    this.afterwards.push(done);
    this.schedule();
  }

  /** Everything put so far is handed over now. */
  flush(): void {
    this.isScheduled = false;
    for (const one of this.before) one();
    const { writes, afterwards, bytes } = this;
    if (writes.length === 0 && afterwards.length === 0) return;
    this.writes = [];
    this.afterwards = [];
    this.bytes = 0;
    this.waitingBytes += bytes;
    this.underWay++;
    this.store.commit(writes, (error) => {
      this.waitingBytes -= bytes;
      this.underWay--;
      if (error) this.hasFailed = true;
      for (const done of afterwards) this.tell(done, error !== undefined);
      // What these have put, and what a store that failed does not ask for.
      if (this.writes.length > 0 || this.afterwards.length > 0) this.schedule();
    });
  }

  /** A fault of one must not keep the others from hearing. */
  private tell(done: Done | Storing, failed: boolean): void {
    try {
      if (typeof done === 'function') done(failed);
      else done.told(failed);
    } catch (error) {
      this.onFault('what was stored could not be told', error);
    }
  }

  private schedule(): void {
    if (this.isScheduled) return;
    const isLarge = this.writes.length >= MAX_GATHERED_WRITES || this.bytes >= MAX_GATHERED_BYTES;
    // The store asks for it when it can take it.
    if (this.underWay > 0 && !isLarge) return;
    this.isScheduled = true;
    this.clock.endOfTurn(() => {
      if (this.isScheduled) this.flush();
    });
  }
}
