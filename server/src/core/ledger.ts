/**
 * The ledger of one queue: each obligation begins once and ends once (DESIGN promise 1).
 *
 *   routed = acked + written + rejected + expired + dropped{…} + deadLettered + ready + inflight
 *
 * `settle` is the only way out. More settled than routed is a bug, and asserts; the rest of the law is
 * checked against what the rings count themselves, by {@link residualOf}.
 */

/** Why a message was dropped; `conflated` was asked for and is no loss. */
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
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export type Outcome = 'acked' | 'written' | 'rejected' | 'expired' | 'dead-lettered' | DropReason;

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

  /** A queue took or refused a message: an obligation begins. */
  begin(): void {
    this.routed++;
  }

  /** One obligation ends. */
  settle(outcome: Outcome): void {
    switch (outcome) {
      case 'acked':
        this.acked++;
        break;
      case 'written':
        this.written++;
        break;
      case 'rejected':
        this.rejected++;
        break;
      case 'expired':
        this.expired++;
        break;
      case 'dead-lettered':
        this.deadLettered++;
        break;
      default:
        this.dropped++;
        this.droppedBy ??= new Map();
        this.droppedBy.set(outcome, (this.droppedBy.get(outcome) ?? 0) + 1);
    }
    if (this.settled > this.routed) throw new Error(`ledger: settled twice (${outcome})`);
  }

  get settled(): number {
    return this.acked + this.written + this.rejected + this.expired + this.deadLettered + this.dropped;
  }

  /** Adds another ledger's sums: of a queue that ended. */
  add(other: Ledger): void {
    this.routed += other.routed;
    this.acked += other.acked;
    this.written += other.written;
    this.rejected += other.rejected;
    this.expired += other.expired;
    this.deadLettered += other.deadLettered;
    this.dropped += other.dropped;
    if (!other.droppedBy) return;
    this.droppedBy ??= new Map();
    for (const [reason, n] of other.droppedBy)
      this.droppedBy.set(reason, (this.droppedBy.get(reason) ?? 0) + n);
  }
}

/** What the law leaves over for a queue with so many messages waiting and unacknowledged; 0 if all is well. */
export const residualOf = (ledger: Ledger, ready: number, inflight: number): number =>
  ledger.routed - ledger.settled - ready - inflight;
