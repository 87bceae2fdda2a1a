/**
 * The ordered feed: every record of the log comes back here and goes to the rings that want it (ARCHITECTURE, rule 4).
 */
import type { HubExchange } from '../core/declared-queue.ts';
import type { Subscription } from '../core/subscription.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { LastValueCheckpoints } from './last-value-checkpoints.ts';
import type { MemoryRelief } from './memory-relief.ts';
import type { Sessions } from './sessions.ts';

export class Feed {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly sessions: Sessions,
    private readonly relief: MemoryRelief,
    private readonly checkpoints: LastValueCheckpoints,
  ) {
    hub.engine.onFeed((record) => this.take(record));
  }

  private take(record: StoredRecord): void {
    this.hub.feedReached(record);
    for (const incarnation of record.reached) {
      const exchange = this.hub.exchanges.ofIncarnation(incarnation);
      if (exchange) this.route(exchange, record);
    }
    if (record.log === 'd') this.checkpoints.fed();
    if (this.hub.budget.exceeded) this.relief.relieve();
  }

  private route(exchange: HubExchange, record: StoredRecord): void {
    exchange.lastValues.put(record);
    const nowMs = this.hub.clock.nowMs();
    const subscriptions = exchange.table.route(record.key, record.headers);
    // Backwards: a session that ends by what its ring does takes its bindings out, and the last moves up.
    for (let i = subscriptions.length - 1; i >= 0; i--) {
      const subscription = subscriptions[i];
      // One copy, however many of its exchanges the message reached.
      if (!subscription || subscription.offered === this.hub.fed) continue;
      subscription.offered = this.hub.fed;
      try {
        this.offer(subscription, record, nowMs);
      } catch (error) {
        // A fault in one ring must cost neither the publisher nor the other subscribers anything.
        this.hub.fault(`queue ${subscription.queue.id} failed to take a message`, error);
        this.sessions.happened(subscription.session, 'evict');
      }
    }
  }

  private offer(subscription: Subscription, record: StoredRecord, nowMs: number): void {
    const { session, queue } = subscription;
    // Its session may have ended by what another ring did with this message.
    if (queue.closed) return;
    if (session.reachedBy !== this.hub.fed) {
      session.reachedBy = this.hub.fed;
      record.sessions++;
    }
    const offered = queue.offer(record, nowMs);
    if (offered === 'passed') return;
    if (session.link) this.flusher.markSubscription(subscription);
    if (offered === 'disconnect') this.sessions.happened(session, 'slow-consumer');
  }
}
