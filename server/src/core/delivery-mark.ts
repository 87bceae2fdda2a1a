/**
 * Up to which number a durable queue's messages may have been delivered, as the store knows it: so that after a restart none that
 * was says that it was not.
 *
 *     1 … redelivered ┊ … assigned ┊ … deliverable ┊ … marked ┊ … last
 *                                    │ stored        └─ on its way to the store
 *                                    └─ nothing behind it is delivered yet
 *
 * Stored well ahead of what is delivered, so that nobody has to wait for the disk. What is not durable needs no mark.
 */

/** Messages for which one mark is stored. */
const MARK_AHEAD = 1024;

export class DeliveryMark {
  /** The highest number ever given to a consumer. */
  private assignedUpTo = 0;
  /** Of an earlier process: messages up to here may have been delivered. */
  private redeliveredUpTo = 0;
  private deliverableUpTo: number;
  private markedUpTo = 0;

  constructor(private readonly isDurable: boolean) {
    this.deliverableUpTo = isDurable ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Goes on from what is stored; the mark is ahead of what was delivered, and may be ahead of what there was. */
  restore(markedUpTo: number, lastSeq: number): void {
    this.redeliveredUpTo = this.assignedUpTo = Math.min(markedUpTo, lastSeq);
    this.deliverableUpTo = this.markedUpTo = markedUpTo;
  }

  /** Whether a message may be given to a consumer now. */
  allows(seq: number): boolean {
    return seq <= this.deliverableUpTo;
  }

  /** Whether an earlier process may have delivered a message. */
  isBehind(seq: number): boolean {
    return seq <= this.redeliveredUpTo;
  }

  assigned(seq: number): void {
    this.assignedUpTo = Math.max(this.assignedUpTo, seq);
  }

  /** Whether it is time to store a mark, where `next` is delivered next. */
  isDue(next: number): boolean {
    return this.isDurable && next + MARK_AHEAD / 2 >= this.markedUpTo;
  }

  /** The mark to be stored now, as it is due. */
  ahead(next: number): number {
    this.markedUpTo = next + MARK_AHEAD;
    return this.markedUpTo;
  }

  stored(upTo: number): void {
    this.deliverableUpTo = Math.max(this.deliverableUpTo, upTo);
  }

  /** What is to be stored: whatever may be before it is stored again. */
  get value(): number {
    return Math.max(this.markedUpTo, this.assignedUpTo);
  }

  /** Nothing is delivered any more: the mark is what was. */
  stop(): void {
    this.deliverableUpTo = this.markedUpTo = 0;
  }
}
