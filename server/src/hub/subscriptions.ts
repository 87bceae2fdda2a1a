/**
 * Makes and ends subscriptions: what was asked for, what is granted, and where it starts (PROTOCOL §6, §10).
 */
import {
  type BindingSpec,
  type ErrorDetail,
  type ErrorName,
  formatCursor,
  type GapRange,
  type Granted,
  parseCursor,
  type Since,
  type Subscribed,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Exchange } from '../core/exchanges.ts';
import { Snapshot } from '../core/last-values.ts';
import type { DropReason } from '../core/ledger.ts';
import type { SessionLimits } from '../core/limits.ts';
import { LogReader } from '../core/log-reader.ts';
import { toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import { SessionQueue } from '../core/session-queue.ts';
import { bindingsMatch, Subscription, toBinding, type Wanted } from '../core/subscription.ts';
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
        severalExchanges: new Set(wanted.map((w) => w.exchange)).size > 1,
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
    const sources = [...this.hub.exchanges.exchangeBindings]
      .filter(({ destination }) => destination === exchange)
      .map(({ source }) => source);
    const before = this.hub.exchanges.exchangeBindings.size;
    this.hub.exchanges.delete(exchange);
    this.hub.bindings -= before - this.hub.exchanges.exchangeBindings.size;
    for (const session of this.hub.sessions.values()) {
      for (const subscription of session.subscriptions.values()) {
        for (const binding of subscription.bindings.slice()) {
          if (binding.exchange === exchange) this.unbind(subscription, binding);
        }
      }
    }
    for (const source of sources) if (this.hub.exchanges.isLeftOver(source)) this.deleteExchange(source);
  }

  /** What a binding of the wire means for this principal, or why it may not be. */
  find(session: Session, [name, key, args]: BindingSpec): Wanted | Refusal {
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) return { error: 'unknown-exchange', detail: { exchange: name } };
    if (!session.principal.may('subscribe', name, key)) {
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
      const found = this.find(session, binding);
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
    const { epoch, last } = this.hub.engine.bounds('v');
    const { offset } = position;
    if (position.epoch !== epoch) {
      // Nothing of the new life of the log can have been seen: after the gap it is read from its start.
      const lost: GapRange = {
        log: 'v',
        epoch: position.epoch,
        from: offset + 1,
        to: null,
        count: null,
        reason: 'epoch',
      };
      return { after: 0, from: 'reading', lost };
    }
    if (offset > last) {
      const lost: GapRange = { log: 'v', epoch, from: last + 1, to: offset, count: null, reason: 'epoch' };
      return { after: last, from: 'reading', lost };
    }
    return { after: offset, from: 'reading' };
  }

  private snapshot(wanted: readonly Wanted[]): Snapshot {
    const bindings = wanted.map(toBinding);
    const values = [];
    let complete = true;
    for (const exchange of new Set(wanted.map((w) => w.exchange))) {
      const part = exchange.lastValues.snapshot((record) => bindingsMatch(bindings, record));
      values.push(...part.values);
      complete &&= part.complete;
    }
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
