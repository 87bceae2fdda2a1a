/**
 * Group commit: gathers batches into transactions, one on its way at a time, and sees that they end.
 *
 *     idle ─ commit ─► gathering ─ end of turn ─► writing ─ on disk ─► idle, or writing what came meanwhile
 *                                                    └─ error, or the deadline ─► failed, for good
 *
 * A disk that neither takes nor refuses is a failure, too: the deadline says when. What such a disk answers later is
 * not believed any more.
 */
import type { Clock } from '../ports/clock.ts';
import { MAX_STORE_KEY_BYTES, type StoreError, type StoreWrite } from '../ports/store.ts';

/** Writes a transaction and says when it is on disk; a second answer is ignored. */
export type WriteTransaction = (writes: readonly StoreWrite[], settled: (error?: StoreError) => void) => void;

export interface GroupLimits {
  /** From handing a transaction to the disk until it must be there. */
  readonly flushDeadlineMs: number;
  /** A transaction takes no more batches when it has this many changes or bytes. */
  readonly maxGroupWrites: number;
  readonly maxGroupBytes: number;
}

interface Batch {
  readonly writes: readonly StoreWrite[];
  readonly bytes: number;
  readonly done: (error?: StoreError) => void;
}

export class GroupCommit {
  private waiting: Batch[] = [];
  private state: 'idle' | 'gathering' | 'writing' = 'idle';
  private failure: StoreError | undefined;
  private closed = false;
  private takingHandler: () => void = () => {};
  private failureHandler: (error: StoreError) => void = () => {};
  private whenIdle: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly limits: GroupLimits,
    private readonly write: WriteTransaction,
  ) {}

  get failed(): boolean {
    return this.failure !== undefined;
  }

  onTaking(handler: () => void): void {
    this.takingHandler = handler;
  }

  onFailure(handler: (error: StoreError) => void): void {
    this.failureHandler = handler;
  }

  commit(writes: readonly StoreWrite[], done: (error?: StoreError) => void): void {
    let bytes = 0;
    for (const { key, value } of writes) {
      if (key.length === 0 || key.length > MAX_STORE_KEY_BYTES)
        throw new RangeError(`a key has 1 to ${MAX_STORE_KEY_BYTES} bytes, not ${key.length}`);
      bytes += key.length + (value?.length ?? 0);
    }
    const refusal = this.failure ?? (this.closed ? CLOSED : undefined);
    if (refusal) {
      this.clock.endOfTurn(() => done(refusal));
      return;
    }
    this.waiting.push({ writes, bytes, done });
    if (this.state !== 'idle') return;
    this.state = 'gathering';
    this.clock.endOfTurn(() => this.next());
  }

  /** Takes nothing more; resolves when what was taken is on disk or has failed. */
  close(): Promise<void> {
    this.closed = true;
    return new Promise((resolve) => {
      if (this.state === 'idle') resolve();
      else this.whenIdle.push(resolve);
    });
  }

  private next(): void {
    if (!this.failure) this.takingHandler();
    if (this.waiting.length === 0 || this.failure) {
      this.state = 'idle';
      const refused = this.waiting;
      this.waiting = [];
      for (const { done } of refused) done(this.failure);
      for (const resolve of this.whenIdle.splice(0)) resolve();
      return;
    }
    this.state = 'writing';
    const group = this.takeGroup();
    let stopDeadline = (): void => {};
    const settle = once((error?: StoreError) => {
      stopDeadline();
      if (error) {
        this.failure = error;
        this.failureHandler(error);
      }
      // The disk has its next work before this thread goes on with what the last one has brought.
      else this.next();
      for (const { done } of group) done(error);
      if (error) this.next();
    });
    const { flushDeadlineMs } = this.limits;
    stopDeadline = this.deadline(() =>
      settle({ reason: 'deadline', text: `a commit was not on disk within ${flushDeadlineMs} ms` }),
    );
    const [first] = group;
    this.write(group.length === 1 ? first!.writes : group.flatMap(({ writes }) => writes), settle);
  }

  /**
   * Calls back after the deadline in time that this process saw pass: where it was stopped, or its thread was busy, the
   * disk may have answered long ago, and is to be heard first. So each part counts once, however late it comes.
   */
  private deadline(passed: () => void): () => void {
    let left = DEADLINE_PARTS;
    const wait = (): { stop(): void } =>
      this.clock.after(this.limits.flushDeadlineMs / DEADLINE_PARTS, () => {
        if (--left === 0) passed();
        else timer = wait();
      });
    let timer = wait();
    return () => timer.stop();
  }

  /** As many waiting batches as fit into one transaction, at least one. */
  private takeGroup(): Batch[] {
    let writes = 0;
    let bytes = 0;
    let count = 0;
    for (const batch of this.waiting) {
      writes += batch.writes.length;
      bytes += batch.bytes;
      const over = writes > this.limits.maxGroupWrites || bytes > this.limits.maxGroupBytes;
      if (over && count > 0) break;
      count++;
    }
    return this.waiting.splice(0, count);
  }
}

const DEADLINE_PARTS = 10;

const CLOSED: StoreError = { reason: 'closed', text: 'the store is closed' };

function once(run: (error?: StoreError) => void): (error?: StoreError) => void {
  let ran = false;
  return (error) => {
    if (ran) return;
    ran = true;
    run(error);
  };
}
