/**
 * What one session queue owes of one log, and has sent of it: a part of the queue's account. A queue reads the volatile
 * log, the durable one, or both.
 */
import type { LogId } from '@ringhub/protocol';
import { Duty } from './duty.ts';
import type { Bound } from './reference-router.ts';
import type { Taken, Truth } from './truth.ts';

export class LogAccount {
  /** Which records after the start are due. */
  readonly duty: Duty;
  /** Tags by offset. */
  readonly sentBy = new Map<number, number>();
  /** Of the message sent last. */
  lastOffset = 0;

  /**
   * @param start everything after this offset is due, the snapshot aside
   * @param reads whether the queue reads this log at all; a binding may add it later
   * @param snapshot the latest of each key as of the start, due before everything else
   */
  constructor(
    truth: Truth,
    readonly log: LogId,
    readonly epoch: string,
    readonly start: number,
    private readonly reads: () => boolean,
    bindings: readonly Bound[],
    readonly snapshot: readonly Taken[],
  ) {
    this.duty = new Duty(truth, epoch, start, bindings);
  }

  get isRead(): boolean {
    return this.reads();
  }
}
