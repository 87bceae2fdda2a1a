/**
 * What is due with time: resume windows, tokens that expire, expired messages, starved readers, and the ledger's check each second.
 */
import type { Session } from '../core/session.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { NamedQueues } from './named-queues.ts';
import type { Sessions } from './sessions.ts';

const EVERY_MS = 1000;

export class Sweeper {
  /** Sum over queues of what the ledger's law left over at the last check. */
  residual = 0;
  private readonly timer: { stop(): void };

  constructor(
    private readonly hub: HubContext,
    private readonly sessions: Sessions,
    private readonly queues: NamedQueues,
    private readonly flusher: Flusher,
  ) {
    this.timer = hub.clock.every(EVERY_MS, () => this.sweep());
  }

  stop(): void {
    this.timer.stop();
  }

  sweep(): void {
    const nowMs = this.hub.clock.nowMs();
    this.sessions.expire(nowMs);
    this.queues.sweep();
    let residual = this.hub.endedResidual + this.hub.storeResidual;
    for (const { state } of this.hub.namedQueues.values()) residual += Math.abs(state.residual);
    for (const session of this.hub.sessions.values()) {
      try {
        this.sessions.checkToken(session);
        residual += this.sweepSession(session, nowMs);
      } catch (error) {
        this.hub.fault(`session ${session.id} could not be swept`, error);
        this.sessions.happened(session, 'evict');
      }
    }
    // Rings of parked sessions let go of messages too, and nobody flushes then.
    this.hub.budget.forgetItems();
    if (residual !== 0 && this.residual === 0) this.hub.fault(`ledger residual is ${residual}`);
    this.residual = residual;
  }

  /** Returns what the laws of its queues leave over. */
  private sweepSession(session: Session, nowMs: number): number {
    let residual = 0;
    for (const subscription of session.subscriptions.values()) {
      const { queue } = subscription;
      queue.expire(nowMs);
      residual += Math.abs(queue.residual);
      // A reader that waits for another ring of its session to make room is woken by nobody else.
      if (session.link && (!queue.readers.isLive || queue.hasSomethingToSend)) {
        this.flusher.markSubscription(subscription);
      }
    }
    return residual;
  }
}
