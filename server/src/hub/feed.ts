/**
 * The ordered feed: every record of the log comes back here and goes to the rings that want it (DESIGN §3).
 */
import type { Subscription } from '../core/subscription.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { MemoryRelief } from './memory-relief.ts';
import type { Sessions } from './sessions.ts';

export class Feed {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly sessions: Sessions,
    private readonly relief: MemoryRelief,
  ) {
    hub.engine.onFeed((record) => this.take(record));
  }

  private take(record: StoredRecord): void {
    this.hub.feedOffset = record.offset;
    const exchange = this.hub.exchanges.ofRecord(record);
    if (!exchange) return;
    exchange.lastValues.put(record);
    const nowMs = this.hub.clock.nowMs();
    for (const subscription of exchange.topic.route(record.key)) {
      try {
        this.offer(subscription, record, nowMs);
      } catch (error) {
        // A fault in one ring must cost neither the publisher nor the other subscribers anything.
        this.hub.fault(`queue ${subscription.queue.id} failed to take a message`, error);
        this.sessions.happened(subscription.session, 'evict');
      }
    }
    if (record.sessions === 0) this.hub.counters.unroutable++;
    if (this.hub.budget.exceeded) this.relief.relieve();
  }

  private offer(subscription: Subscription, record: StoredRecord, nowMs: number): void {
    const { session, queue } = subscription;
    // Its session may have ended by what another ring did with this message.
    if (queue.closed) return;
    if (session.reachedBy !== record.offset) {
      session.reachedBy = record.offset;
      record.sessions++;
    }
    const offered = queue.offer(record, nowMs);
    if (offered === 'passed') return;
    if (session.link) this.flusher.markSubscription(subscription);
    if (offered === 'disconnect') this.sessions.happened(session, 'slow-consumer');
  }
}
