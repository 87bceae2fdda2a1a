/**
 * The four numbers of a queue (or of several, added up), exactly defined:
 *
 * - *mean response time*: the mean of T over all processed messages; T is how long a message waited in its queue, all its
 *   waits together, until it was sent to the consumer that processed it;
 * - *throughput*: processed messages per second, in the last ten whole seconds;
 * - *loss rate*: lost ÷ total; total is every message the queue took or refused, lost every outcome that is neither processed
 *   nor still waiting nor asked for (purged, deleted, conflated), by reason;
 * - *delay*: the mean of t − T; t is the time from the message's arrival at the hub to its consumer's ack.
 *
 * Processed means acked, or written to a consumer that does not ack. Loss is read off the ledger: it has no count of its own.
 */
import { Histogram, type HistogramSums } from './histogram.ts';
import type { DropReason, Ledger, Outcome } from './ledger.ts';

export interface FigureSums {
  readonly response: HistogramSums;
  readonly delay: HistogramSums;
}

const SECONDS = 10;

export class QueueFigures {
  /** T of each processed message. */
  readonly response = new Histogram();
  /** t − T of each processed message. */
  readonly delay = new Histogram();

  /** Processed in each of the last seconds, by second modulo the length; one more slot for the second that runs. */
  private readonly perSecond = new Array<number>(SECONDS + 1).fill(0);
  private second: number;

  /** @param startMs monotonic time at which counting begins */
  constructor(private readonly startMs: number) {
    this.second = Math.floor(startMs / 1000);
  }

  get processed(): number {
    return this.response.count;
  }

  /**
   * A message was processed.
   *
   * @param waitedMs T
   * @param totalMs t
   */
  observe(waitedMs: number, totalMs: number, nowMs: number): void {
    this.response.observe(Math.max(0, waitedMs));
    this.delay.observe(Math.max(0, totalMs - waitedMs));
    this.turnTo(nowMs);
    this.perSecond[this.second % this.perSecond.length]!++;
  }

  /** Processed per second in the last ten whole seconds of the monotonic clock, or as many as there were. */
  throughputPerSec(nowMs: number): number {
    this.turnTo(nowMs);
    const seconds = Math.min(SECONDS, this.second - Math.floor(this.startMs / 1000));
    if (seconds < 1) return 0;
    let processed = 0;
    for (let i = 1; i <= seconds; i++)
      processed += this.perSecond[(this.second - i) % this.perSecond.length]!;
    return processed / seconds;
  }

  /** Adds those of another queue, or what was saved of this one; the rates are not saved. */
  add(sums: FigureSums): void {
    this.response.add(sums.response);
    this.delay.add(sums.delay);
  }

  toSums(): FigureSums {
    return { response: this.response.toSums(), delay: this.delay.toSums() };
  }

  private turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const turns = Math.min(second - this.second, this.perSecond.length);
    for (let i = 0; i < turns; i++) this.perSecond[(second - i) % this.perSecond.length] = 0;
    if (turns > 0) this.second = second;
  }
}

/** Ends that somebody asked for, and that are therefore no loss. */
const ASKED_FOR: readonly DropReason[] = ['purged', 'deleted', 'conflated'];

/** What a ledger lost, by reason; without those that are 0. */
export function lostBy(ledger: Ledger): Map<Outcome, number> {
  const lost = new Map<Outcome, number>();
  const note = (outcome: Outcome, count: number): void => {
    if (count > 0) lost.set(outcome, count);
  };
  note('rejected', ledger.rejected);
  note('expired', ledger.expired);
  note('dead-lettered', ledger.deadLettered);
  for (const [reason, count] of ledger.droppedBy ?? []) if (!ASKED_FOR.includes(reason)) note(reason, count);
  return lost;
}

/** Lost ÷ total, 0 to 1; 0 where there was nothing. */
export function lossRate(ledger: Ledger): number {
  let lost = 0;
  for (const count of lostBy(ledger).values()) lost += count;
  return ledger.routed === 0 ? 0 : lost / ledger.routed;
}
