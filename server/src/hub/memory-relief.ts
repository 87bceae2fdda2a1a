/**
 * Over the memory budget: who gives way, and in which order (PROTOCOL §15).
 *
 * Waiting messages first: of parked sessions, then of attached ones, the largest rings of each first. Should
 * even all waiting messages not be enough, whole sessions: parked ones, then attached ones. Publishers never wait.
 */
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { Sessions } from './sessions.ts';

/** Relief goes on to here, so that it does not run for every record. */
const TARGET_SHARE = 0.9;

export class MemoryRelief {
  constructor(
    private readonly hub: HubContext,
    private readonly sessions: Sessions,
    private readonly flusher: Flusher,
  ) {}

  relieve(): void {
    const target = this.hub.budget.budgetBytes * TARGET_SHARE;
    this.trimRings(target);
    if (this.hub.budget.heldBytes > target) this.evictSessions(target);
  }

  private trimRings(target: number): void {
    const subscriptions: Subscription[] = [];
    for (const session of this.hub.sessions.values()) {
      for (const subscription of session.subscriptions.values()) {
        if (subscription.queue.ready.bytes > 0) subscriptions.push(subscription);
      }
    }
    subscriptions.sort(
      (a, b) => parkedFirst(a.session, b.session) || b.queue.ready.bytes - a.queue.ready.bytes,
    );
    for (const subscription of subscriptions) {
      const excess = this.hub.budget.heldBytes - target;
      if (excess <= 0) return;
      this.trim(subscription, excess);
    }
  }

  private trim(subscription: Subscription, bytes: number): void {
    const { session, queue } = subscription;
    try {
      queue.trim(bytes);
      if (session.link) this.flusher.markSubscription(subscription);
    } catch (error) {
      // It runs where somebody publishes, who has no part in it.
      this.hub.fault(`queue ${queue.id} could not be trimmed`, error);
      this.sessions.happened(session, 'evict');
    }
  }

  private evictSessions(target: number): void {
    const sessions = [...this.hub.sessions.values()].filter((s) => s.bytes.held > 0);
    sessions.sort((a, b) => parkedFirst(a, b) || b.bytes.held - a.bytes.held);
    for (const session of sessions) {
      if (this.hub.budget.heldBytes <= target) return;
      this.sessions.happened(session, 'evict');
    }
  }
}

const parkedFirst = (a: Session, b: Session): number =>
  Number(b.state === 'parked') - Number(a.state === 'parked');
