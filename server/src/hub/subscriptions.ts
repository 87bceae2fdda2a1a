/**
 * Makes and ends subscriptions: what was asked for, what is granted, and where it starts (PROTOCOL §6, §10).
 */
import {
  type BindingSpec,
  ERRORS,
  type ErrorDetail,
  type ErrorName,
  encodeServerFrame,
  formatCursor,
  type GapRange,
  type Granted,
  parseCursor,
  type Since,
  type Subscribed,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Exchange } from '../core/exchanges.ts';
import { type LastValue, Snapshot } from '../core/last-values.ts';
import type { DropReason } from '../core/ledger.ts';
import type { SessionLimits } from '../core/limits.ts';
import { LogReader } from '../core/log-reader.ts';
import { startAfter } from '../core/log-start.ts';
import { toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import { SessionQueue } from '../core/session-queue.ts';
import { bindingsMatch, Subscription, toBinding, type Wanted } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type { HubContext } from './context.ts';
import type { HubEvents } from './events.ts';
import type { Flusher } from './flusher.ts';

export interface Refusal {
  readonly error: ErrorName;
  readonly detail?: ErrorDetail;
}

/** Where reading starts, and the loss to tell first if there is one. */
interface Start {
  readonly after: number;
  readonly from: 'live' | 'reading' | Snapshot;
  readonly lost?: GapRange;
}

export class Subscriptions {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly events: HubEvents,
  ) {}

  subscribe(session: Session, options: SubscribeOptions): Subscribed | Refusal {
    const wanted = this.check(session, options);
    if (!Array.isArray(wanted)) return wanted;
    const start = this.startAt(options.since ?? 'live', wanted);
    if ('error' in start) return start;

    const granted = grant(options, session.limits);
    const { epoch } = this.hub.engine.bounds('v');
    const queue = new SessionQueue(
      this.hub.nextQueueId(),
      {
        ...granted,
        conflationHeader: options.conflationHeader,
        maxRedeliveries: this.hub.limits.maxRedeliveries,
      },
      new LogReader('v', epoch, start.after, start.from),
      this.hub.budget,
      session.bytes,
    );
    if (start.lost) queue.tellLoss(start.lost);
    const subscription = new Subscription(session, queue);
    session.subscriptions.set(queue.id, subscription);
    for (const one of wanted) this.bind(subscription, one);
    this.flusher.markSubscription(subscription);
    const cursor =
      queue.reader.phase === 'snapshot' ? null : formatCursor([{ log: 'v', epoch, offset: start.after }]);
    return { queue: queue.id, cursor, granted };
  }

  end(subscription: Subscription, reason: DropReason): void {
    const { session, queue } = subscription;
    for (const binding of subscription.bindings.slice()) this.unbind(subscription, binding);
    session.subscriptions.delete(queue.id);
    session.dirty.delete(subscription);
    this.settleRest(queue, reason);
    this.hub.ended.add(queue.ledger);
    this.hub.endedResidual += Math.abs(queue.residual);
  }

  /** Has live messages of one more binding come; false where it was there already. */
  bind(subscription: Subscription, wanted: Wanted): boolean {
    if (!subscription.bind(wanted)) return false;
    subscription.session.bindings++;
    this.hub.bindings++;
    this.events.bound(subscription, wanted);
    return true;
  }

  /** Takes a binding back, and the exchange with it if it was its last; false where there is none. */
  unbind(subscription: Subscription, wanted: Wanted): boolean {
    if (!subscription.unbind(wanted)) return false;
    subscription.session.bindings--;
    this.hub.bindings--;
    this.events.unbound(subscription, wanted);
    if (this.hub.exchanges.isLeftOver(wanted.exchange)) this.deleteExchange(wanted.exchange);
    return true;
  }

  /** Takes an exchange away, with all bindings from and to it. */
  deleteExchange(exchange: Exchange<Subscription>): void {
    const sources = this.hub.exchanges.exchangeBindings
      .filter(({ destination }) => destination === exchange)
      .map(({ source }) => source);
    const before = this.hub.exchanges.exchangeBindingCount;
    this.hub.exchanges.delete(exchange);
    this.hub.bindings -= before - this.hub.exchanges.exchangeBindingCount;
    for (const session of this.hub.sessions.values()) {
      for (const subscription of session.subscriptions.values()) {
        const lost = subscription.bindings.filter((binding) => binding.exchange === exchange);
        for (const binding of lost) this.unbind(subscription, binding);
        if (lost.length > 0) this.tellDeleted(subscription, exchange);
      }
    }
    for (const source of sources) if (this.hub.exchanges.isLeftOver(source)) this.deleteExchange(source);
  }

  /** A queue must not fall silent unnoticed: nothing will come from this exchange any more. */
  private tellDeleted({ session, queue }: Subscription, { name }: Exchange<Subscription>): void {
    const { code, text } = ERRORS['unknown-exchange'];
    const detail = { queue: queue.id, exchange: name };
    this.flusher.write(session, encodeServerFrame({ type: 'error', ref: null, code, text, detail }));
  }

  /** What a binding of the wire means for this principal, or why it may not be. */
  find(principal: Principal, [name, key, args]: BindingSpec): Wanted | Refusal {
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) return { error: 'unknown-exchange', detail: { exchange: name } };
    if (!principal.may('subscribe', name, key)) {
      return { error: 'forbidden', detail: { exchange: name, pattern: key } };
    }
    return { exchange, spec: toArguments(key, args) };
  }

  /** A fault on the way is told, and keeps nothing else of the queue from being let go of. */
  private settleRest(queue: SessionQueue, reason: DropReason): void {
    for (let left = queue.window.unsettled + queue.ready.length; left >= 0; left--) {
      try {
        queue.close(reason);
        return;
      } catch (error) {
        this.hub.fault(`queue ${queue.id} could not be settled`, error);
      }
    }
  }

  private check(session: Session, { bindings }: SubscribeOptions): Wanted[] | Refusal {
    const fault = session.subscriptionFault(bindings.length);
    if (fault) return { error: fault };
    if (this.hub.bindings + bindings.length > this.hub.limits.maxBindings)
      return { error: 'too-many-bindings' };
    const wanted: Wanted[] = [];
    for (const binding of bindings) {
      const found = this.find(session.principal, binding);
      if ('error' in found) return found;
      wanted.push(found);
    }
    return wanted;
  }

  private startAt(since: Since, wanted: readonly Wanted[]): Start | Refusal {
    const { first } = this.hub.engine.bounds('v');
    if (since === 'live') return { after: this.hub.feedOffset, from: 'live' };
    if (since === 'earliest') return { after: first - 1, from: 'reading' };
    if (since === 'last-per-key') return { after: this.hub.feedOffset, from: this.snapshot(wanted) };
    if ('timeMs' in since) return { after: this.hub.engine.offsetBefore('v', since.timeMs), from: 'reading' };
    return this.startAtCursor(since.cursor);
  }

  private startAtCursor(cursor: string): Start | Refusal {
    const position = parseCursor(cursor)?.find((p) => p.log === 'v');
    if (!position) return { error: 'bad-cursor', detail: { field: 'since' } };
    return { from: 'reading', ...startAfter(position, this.hub.engine.bounds('v')) };
  }

  private snapshot(wanted: readonly Wanted[]): Snapshot {
    // One copy of a message that is the latest of its key in several exchanges.
    const byOffset = new Map<number, LastValue>();
    let complete = true;
    for (const exchange of new Set(wanted.map((w) => w.exchange))) {
      const bindings = wanted.filter((w) => w.exchange === exchange).map(toBinding);
      const part = exchange.lastValues.snapshot((record) => bindingsMatch(bindings, record));
      for (const value of part.values) byOffset.set(value.record!.offset, value);
      complete &&= part.complete;
    }
    const values = [...byOffset.values()];
    values.sort((a, b) => (a.record?.offset ?? 0) - (b.record?.offset ?? 0));
    return new Snapshot(values, this.hub.feedOffset, complete);
  }
}

function grant(options: SubscribeOptions, limits: SessionLimits): Granted {
  // Two at least: the credit window has to be smaller than the ring.
  const capacity = Math.max(
    2,
    Math.min(options.capacity ?? limits.defaultQueueCapacity, limits.maxQueueCapacity),
  );
  const prefetch = Math.min(options.prefetch ?? limits.defaultPrefetch, limits.maxPrefetch, capacity - 1);
  return {
    overflow: options.overflow ?? 'drop-oldest',
    ack: options.ack ?? 'auto',
    capacity,
    capacityBytes: Math.min(options.capacityBytes ?? limits.defaultQueueBytes, limits.maxQueueBytes),
    prefetch,
    ...(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
  };
}
