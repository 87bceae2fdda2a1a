/**
 * The ledger of one queue: each obligation begins once and ends once (ARCHITECTURE, rule 1).
 *
 *   routed = acked + written + rejected + expired + dropped{…} + deadLettered + ready + inflight
 *
 * `settle` is the only way out. More settled than routed is a bug, and asserts; the rest of the law is
 * checked against what the rings count themselves, by {@link residualOf}.
 */

/** Why a message was dropped; `conflated`, `purged` and `deleted` were asked for and are no loss. */
export const DROP_REASONS = [
  'overflow',
  'refused',
  'conflated',
  'slow-consumer',
  'session-bytes',
  'memory',
  'redelivery-limit',
  'unsubscribed',
  'closed',
  'resume-expired',
  'evicted',
  'purged',
  'deleted',
  'corrupt',
  'revoked',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export type Outcome = 'acked' | 'written' | 'rejected' | 'expired' | 'dead-lettered' | DropReason;

/** A ledger as a plain object. */
export interface LedgerSums {
  readonly routed: number;
  readonly acked: number;
  readonly written: number;
  readonly rejected: number;
  readonly expired: number;
  readonly deadLettered: number;
  readonly dropped: number;
  readonly droppedBy?: Readonly<Partial<Record<DropReason, number>>>;
}

export class Ledger {
  routed = 0;
  acked = 0;
  written = 0;
  rejected = 0;
  expired = 0;
  deadLettered = 0;
  dropped = 0;
  /** By reason; made at the first drop, as most queues have none. */
  droppedBy: Map<DropReason, number> | undefined;

  /** A queue took or refused a message, or several: as many obligations begin. */
  begin(count = 1): void {
    this.routed += count;
  }

  /** One obligation ends, or several at once in the same way. */
  settle(outcome: Outcome, count = 1): void {
    switch (outcome) {
      case 'acked':
        this.acked += count;
        break;
      case 'written':
        this.written += count;
        break;
      case 'rejected':
        this.rejected += count;
        break;
      case 'expired':
        this.expired += count;
        break;
      case 'dead-lettered':
        this.deadLettered += count;
        break;
      default:
        this.dropped += count;
        this.droppedBy ??= new Map();
        this.droppedBy.set(outcome, (this.droppedBy.get(outcome) ?? 0) + count);
    }
    if (this.settled > this.routed) throw new Error(`ledger: settled twice (${outcome})`);
  }

  get settled(): number {
    return this.acked + this.written + this.rejected + this.expired + this.deadLettered + this.dropped;
  }

  /** Adds another ledger's sums: of a queue that ended, or what was saved of this one. */
  add(other: Ledger | LedgerSums): void {
    this.routed += other.routed;
    this.acked += other.acked;
    this.written += other.written;
    this.rejected += other.rejected;
    this.expired += other.expired;
    this.deadLettered += other.deadLettered;
    this.dropped += other.dropped;
    const drops = other instanceof Ledger ? other.droppedBy : dropsOf(other.droppedBy);
    if (!drops) return;
    this.droppedBy ??= new Map();
    for (const [reason, n] of drops) this.droppedBy.set(reason, (this.droppedBy.get(reason) ?? 0) + n);
  }

  /** A plain copy, to be stored and added again. */
  toSums(): LedgerSums {
    const { routed, acked, written, rejected, expired, deadLettered, dropped } = this;
    const droppedBy = Object.fromEntries(this.droppedBy ?? []);
    return { routed, acked, written, rejected, expired, deadLettered, dropped, droppedBy };
  }
}

const dropsOf = (droppedBy: LedgerSums['droppedBy']): [DropReason, number][] =>
  DROP_REASONS.flatMap((reason): [DropReason, number][] => {
    const count = droppedBy?.[reason];
    return count ? [[reason, count]] : [];
  });

/** What the law leaves over for a queue with so many messages waiting and unacknowledged; 0 if all is well. */
export const residualOf = (ledger: Ledger, ready: number, inflight: number): number =>
  ledger.routed - ledger.settled - ready - inflight;
