/**
 * The ordered feed: every record of the log comes back here and goes to the rings that want it (ARCHITECTURE, rule 4).
 *
 * Hot path. What many subscribers share is touched again and again, but what each has of its own lies all over the memory. So
 * of the records of one turn that go the same way one after the other, the first is offered to each ring, and those that
 * follow are a run, which each ring is given at once:
 *
 *     take: offered · take, take, take: wait, routed to the same subscriptions
 *                         └─ another way, a command that is no publish, the end of the turn ─► giveOut: ring by ring
 *
 * A record that waits has not been brought yet, for anybody: no ring, last value or offset tells of it. What is published by
 * what a ring does with a record comes after that record, for everybody.
 */
import type { HubExchange } from '../core/declared-queue.ts';
import type { Offered } from '../core/session-queue.ts';
import type { Subscription } from '../core/subscription.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { LastValueCheckpoints } from './last-value-checkpoints.ts';
import type { MemoryRelief } from './memory-relief.ts';
import type { Sessions } from './sessions.ts';

/** What one run may hold: it is counted in no budget yet. */
const MAX_RUN = 512;
const MAX_RUN_BYTES = 1024 * 1024;
const NOBODY: readonly Subscription[] = [];

export class Feed {
  private isOffering = false;
  /** Published meanwhile. */
  private readonly later: StoredRecord[] = [];
  private readonly run: StoredRecord[] = [];
  private runBytes = 0;
  private runFrom: HubExchange | undefined;
  /** Where the run goes: as the routing table gave it, which holds until a binding changes. */
  private runTo: readonly Subscription[] = NOBODY;
  /** Sessions that the first one reached, and so reach those that follow. */
  private runSessions = 0;

  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly sessions: Sessions,
    private readonly relief: MemoryRelief,
    private readonly checkpoints: LastValueCheckpoints,
  ) {
    hub.engine.onFeed((record) => this.take(record));
    flusher.onFlush(() => this.giveOut());
  }

  /** Everything taken is in its rings after this. */
  giveOut(): void {
    this.endRun();
    if (!this.isOffering) this.takeLater();
  }

  private take(record: StoredRecord): void {
    if (this.isOffering) {
      this.later.push(record);
      return;
    }
    if (this.joinsRun(record)) return;
    this.endRun();
    const { bindings } = this.hub;
    this.offerOne(record);
    // Where a ring that was offered it ended its session, those that follow reach one fewer.
    if (this.hub.bindings === bindings) this.beginRun(record);
    this.takeLater();
  }

  private takeLater(): void {
    for (let record = this.later.shift(); record; record = this.later.shift()) this.take(record);
  }

  // ── runs ──

  /** Those that go where this one went may follow it together. */
  private beginRun({ reached, sessions }: StoredRecord): void {
    // What reaches several exchanges may come to one ring by several of them; what nobody wants is soon offered.
    if (reached.length !== 1 || this.runTo.length === 0) return;
    // A run ends with its turn.
    this.flusher.wake();
    this.runFrom = this.hub.exchanges.ofIncarnation(reached[0]!);
    this.runSessions = sessions;
  }

  private joinsRun(record: StoredRecord): boolean {
    const { reached, key, headers } = record;
    const { runFrom } = this;
    if (!runFrom || reached.length !== 1 || reached[0] !== runFrom.incarnation) return false;
    if (this.run.length === MAX_RUN || this.runBytes > MAX_RUN_BYTES) return false;
    if (runFrom.table.route(key, headers) !== this.runTo) return false;
    record.sessions = this.runSessions;
    this.run.push(record);
    this.runBytes += record.bytes;
    return true;
  }

  private endRun(): void {
    const { run, runFrom } = this;
    // Of a ring that is being offered it something may have come here.
    if (!runFrom || this.isOffering) return;
    this.runFrom = undefined;
    if (run.length === 0) return;
    this.isOffering = true;
    try {
      for (const record of run) {
        this.reached(record);
        runFrom.lastValues.put(record);
      }
      const nowMs = this.hub.clock.nowMs();
      // Asked anew: a binding may have been taken away meanwhile by what is no command, as a permission that changed.
      const runTo = runFrom.table.route(run[0]!.key, run[0]!.headers);
      // Backwards: a session that ends by what its ring does takes its bindings out, and the last moves up.
      for (let i = runTo.length - 1; i >= 0; i--) {
        const subscription = runTo[i];
        // Its session may have ended by what another ring did with this run.
        if (subscription && !subscription.queue.closed) this.offerRun(subscription, nowMs);
      }
    } finally {
      run.length = 0;
      this.runBytes = 0;
      this.offeredAll();
    }
  }

  private offerRun(subscription: Subscription, nowMs: number): void {
    try {
      this.offered(subscription, subscription.queue.offerAll(this.run, this.runBytes, nowMs));
    } catch (error) {
      this.evict(subscription, error);
    }
  }

  // ── one record ──

  private offerOne(record: StoredRecord): void {
    this.isOffering = true;
    this.runTo = NOBODY;
    try {
      this.reached(record);
      const nowMs = this.hub.clock.nowMs();
      for (const incarnation of record.reached) {
        const exchange = this.hub.exchanges.ofIncarnation(incarnation);
        if (exchange) this.route(exchange, record, nowMs);
      }
    } finally {
      this.offeredAll();
    }
  }

  private route(exchange: HubExchange, record: StoredRecord, nowMs: number): void {
    exchange.lastValues.put(record);
    const subscriptions = exchange.table.route(record.key, record.headers);
    this.runTo = subscriptions;
    for (let i = subscriptions.length - 1; i >= 0; i--) {
      const subscription = subscriptions[i];
      // One copy, however many of its exchanges the message reached.
      if (!subscription || subscription.offered === this.hub.fed) continue;
      subscription.offered = this.hub.fed;
      try {
        this.offer(subscription, record, nowMs);
      } catch (error) {
        this.evict(subscription, error);
      }
    }
  }

  private offer(subscription: Subscription, record: StoredRecord, nowMs: number): void {
    const { session, queue } = subscription;
    if (queue.closed) return;
    if (session.reachedBy !== this.hub.fed) {
      session.reachedBy = this.hub.fed;
      record.sessions++;
    }
    this.offered(subscription, queue.offer(record, nowMs));
  }

  // ── both ──

  private reached(record: StoredRecord): void {
    this.hub.feedReached(record);
    if (record.log === 'd') this.checkpoints.fed();
  }

  private offered(subscription: Subscription, offered: Offered): void {
    if (offered === 'passed') return;
    if (subscription.session.link) this.flusher.markSubscription(subscription);
    if (offered === 'disconnect') this.sessions.happened(subscription.session, 'slow-consumer');
  }

  /** A fault in one ring must cost neither the publisher nor the other subscribers anything. */
  private evict({ session, queue }: Subscription, error: unknown): void {
    this.hub.fault(`queue ${queue.id} failed to take a message`, error);
    this.sessions.happened(session, 'evict');
  }

  private offeredAll(): void {
    try {
      if (this.hub.budget.exceeded) this.relief.relieve();
    } finally {
      this.isOffering = false;
    }
  }
}
