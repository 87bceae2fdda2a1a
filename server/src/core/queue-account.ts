/**
 * The books of a named queue: ledger, figures, and the effects that tell how each obligation ended.
 *
 *   routed = acked + written + rejected + expired + dropped{…} + deadLettered + ready + inflight   (delayed counts as ready)
 */
import type { DeathReason } from './dead-letter.ts';
import { type DropReason, Ledger, type LedgerSums, type Outcome } from './ledger.ts';
import type { QueueEffect } from './queue-effects.ts';
import type { Moment, QueueEntry } from './queue-entry.ts';
import { type FigureSums, QueueFigures } from './queue-figures.ts';

/** The books as a plain object, to be stored with the messages. */
export interface QueueSums {
  readonly ledger: LedgerSums;
  readonly figures: FigureSums;
}

/** How a death is counted where there is no dead-letter exchange. */
const OUTCOME_OF_DEATH = {
  rejected: 'rejected',
  expired: 'expired',
  maxlen: 'overflow',
  delivery_limit: 'redelivery-limit',
} as const satisfies Record<DeathReason, Outcome>;

export class QueueAccount {
  readonly ledger = new Ledger();
  readonly figures: QueueFigures;

  constructor(
    private readonly deadLetters: boolean,
    nowMs: number,
  ) {
    this.figures = new QueueFigures(nowMs);
  }

  /** The only way out for one message. */
  settle(entry: QueueEntry, outcome: Outcome, moment: Moment, effects: QueueEffect[]): void {
    if (outcome === 'acked' || outcome === 'written')
      this.figures.observe(entry.waitedMs, moment.wallMs - entry.record.timeMs, moment.nowMs);
    effects.push({ kind: 'settled', entry, outcome });
    this.ledger.settle(outcome);
  }

  /** A message died: a dead letter, or lost where there is no exchange for them. */
  bury(entry: QueueEntry, reason: DeathReason, moment: Moment, effects: QueueEffect[]): void {
    if (!this.deadLetters) {
      this.settle(entry, OUTCOME_OF_DEATH[reason], moment, effects);
      return;
    }
    effects.push({ kind: 'dead-letter', entry, reason });
    this.ledger.settle('dead-lettered');
  }

  /** The way out for messages that are not loaded. */
  dropRange(after: number, upTo: number, count: number, outcome: DropReason, effects: QueueEffect[]): void {
    if (count === 0) return;
    effects.push({ kind: 'dropped-range', after, upTo, count, outcome });
    this.ledger.settle(outcome, count);
  }

  /** A damaged message was met. */
  dropCorrupt(seq: number, effects: QueueEffect[]): void {
    effects.push({ kind: 'corrupt', seq });
    this.ledger.settle('corrupt');
  }

  /** Messages were counted that are not there. */
  dropMissing(count: number, effects: QueueEffect[]): void {
    if (count === 0) return;
    effects.push({ kind: 'missing', count });
    this.ledger.settle('corrupt', count);
  }

  /**
   * The books, to be stored.
   *
   * @param routedMore messages in the same batch, or on their way to the store before it, that are not pushed yet
   */
  toSums(routedMore = 0): QueueSums {
    const ledger = this.ledger.toSums();
    return {
      ledger: { ...ledger, routed: ledger.routed + routedMore },
      figures: this.figures.toSums(),
    };
  }

  /** Goes on from stored books. */
  add(sums: QueueSums): void {
    this.ledger.add(sums.ledger);
    this.figures.add(sums.figures);
  }
}
