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
  type LogId,
  parseCursor,
  type Since,
  type Subscribed,
  type SubscribeOptions,
} from '@ringhub/protocol';
import { mayByBinding } from '../core/binding-permission.ts';
import { DEFAULT_EXCHANGE } from '../core/exchanges.ts';
import { type LastValue, Snapshot } from '../core/last-values.ts';
import type { DropReason } from '../core/ledger.ts';
import type { SessionLimits } from '../core/limits.ts';
import { LogReader, type ReaderPhase } from '../core/log-reader.ts';
import { LogReaders } from '../core/log-readers.ts';
import { startAfter } from '../core/log-start.ts';
import type { RingSettings } from '../core/ring-settings.ts';
import { toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import { SessionQueue } from '../core/session-queue.ts';
import { bindingsMatch, Subscription, toBinding, type Wanted } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type { HubContext } from './context.ts';
import type { HubEvents } from './events.ts';
import type { ExchangeDeletion } from './exchange-deletion.ts';
import type { Flusher } from './flusher.ts';

export interface Refusal {
  readonly error: ErrorName;
  readonly detail?: ErrorDetail;
}

/** Where reading of one log starts, and the loss to tell first if there is one. */
interface Start {
  readonly after: number;
  readonly from: ReaderPhase;
  readonly lost?: GapRange;
}

export class Subscriptions {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly deletion: ExchangeDeletion,
    private readonly events: HubEvents,
  ) {}

  subscribe(session: Session, options: SubscribeOptions): Subscribed | Refusal {
    const wanted = this.check(session, options);
    if (!Array.isArray(wanted)) return wanted;
    const since = options.since ?? 'live';
    const starts = this.startAt(since, new Set(wanted.map(({ exchange }) => exchange.log)));
    if (!Array.isArray(starts)) return starts;

    const granted = grant(options, session.limits);
    const readers = starts.map(
      ([log, { after, from }]) => new LogReader(log, this.hub.epochOf(log), after, from),
    );
    const queue = new SessionQueue(
      this.hub.nextQueueId(),
      settingsOf(granted, options.conflationHeader, this.hub.limits.maxRedeliveries),
      new LogReaders(readers, since === 'last-per-key' ? this.snapshot(wanted, starts) : undefined),
      this.hub.budget,
      session.bytes,
    );
    for (const [, { lost }] of starts) if (lost) queue.tellLoss(lost);
    const subscription = new Subscription(session, queue);
    session.subscriptions.set(queue.id, subscription);
    for (const one of wanted) this.bind(subscription, one);
    this.flusher.markSubscription(subscription);
    const cursor = queue.readers.snapshot ? null : formatCursor(queue.readers.starts);
    return { queue: queue.id, cursor, granted };
  }

  end(subscription: Subscription, reason: DropReason): void {
    const { session, queue } = subscription;
    for (const binding of subscription.bindings.slice()) this.unbind(subscription, binding);
    session.subscriptions.delete(queue.id);
    this.settleRest(queue, reason);
    this.hub.ended.add(queue.ledger);
    this.hub.endedResidual += Math.abs(queue.residual);
  }

  /** Has live messages of one more binding come; false where it was there already. */
  bind(subscription: Subscription, wanted: Wanted): boolean {
    if (!subscription.bind(wanted)) return false;
    const { log } = wanted.exchange;
    subscription.queue.readers.add(log, this.hub.epochOf(log), this.hub.feedOffset(log));
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
    this.deletion.deleteIfLeftOver(wanted.exchange);
    return true;
  }

  /** What a binding of the wire means for this principal, or why it may not be. */
  find(principal: Principal, [name, key, args]: BindingSpec): Wanted | Refusal {
    const forbidden: Refusal = { error: 'forbidden', detail: { exchange: name, pattern: key } };
    // Whoever may not read it is not told whether it is there.
    if (!principal.maySome('subscribe', name)) return forbidden;
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) return { error: 'unknown-exchange', detail: { exchange: name } };
    if (!mayByBinding(principal, 'subscribe', name, exchange.options, key)) return forbidden;
    if (name === DEFAULT_EXCHANGE) return { error: 'default-exchange' };
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

  private startAt(since: Since, logs: ReadonlySet<LogId>): [LogId, Start][] | Refusal {
    const starts = (start: (log: LogId) => Start): [LogId, Start][] =>
      Array.from(logs, (log) => [log, start(log)]);
    const live = (log: LogId): Start => ({ after: this.hub.feedOffset(log), from: 'live' });
    if (since === 'live') return starts(live);
    if (since === 'last-per-key') {
      return starts((log) => ({ after: this.hub.feedOffset(log), from: 'snapshot' }));
    }
    const { engine } = this.hub;
    if (since === 'earliest')
      return starts((log) => ({ after: engine.bounds(log).first - 1, from: 'reading' }));
    if ('timeMs' in since) {
      return starts((log) => ({ after: engine.offsetBefore(log, since.timeMs), from: 'reading' }));
    }
    const positions = parseCursor(since.cursor)?.filter(({ log }) => logs.has(log)) ?? [];
    if (positions.length === 0) return { error: 'bad-cursor', detail: { field: 'since' } };
    return starts((log) => {
      const position = positions.find((one) => one.log === log);
      // A log that the cursor says nothing of is read from here on.
      if (!position) return live(log);
      return { from: 'reading', ...startAfter(position, engine.bounds(log)) };
    });
  }

  private snapshot(wanted: readonly Wanted[], starts: readonly [LogId, Start][]): Snapshot {
    // One copy of a message that is the latest of its key in several exchanges.
    const byPlace = new Map<string, LastValue>();
    let complete = true;
    for (const exchange of new Set(wanted.map((w) => w.exchange))) {
      const bindings = wanted.filter((w) => w.exchange === exchange).map(toBinding);
      const part = exchange.lastValues.snapshot((record) => bindingsMatch(bindings, record));
      for (const value of part.values) byPlace.set(`${exchange.log}${value.record!.offset}`, value);
      complete &&= part.complete;
    }
    const values = [...byPlace.values()];
    values.sort((a, b) => (a.record?.offset ?? 0) - (b.record?.offset ?? 0));
    const heads = new Map(starts.map(([log, { after }]) => [log, after]));
    return new Snapshot(values, (log) => heads.get(log) ?? 0, complete);
  }
}

function grant(options: SubscribeOptions, limits: SessionLimits): Granted {
  // Two at least: the credit window has to be smaller than the ring.
  const capacity = Math.max(
    2,
    Math.min(options.capacity ?? limits.defaultQueueCapacity, limits.maxQueueCapacity),
  );
  const prefetch = Math.min(options.prefetch ?? limits.defaultPrefetch, limits.maxPrefetch, capacity - 1);
  const granted: Granted = {
    overflow: options.overflow ?? 'drop-oldest',
    ack: options.ack ?? 'auto',
    capacity,
    capacityBytes: Math.min(options.capacityBytes ?? limits.defaultQueueBytes, limits.maxQueueBytes),
    prefetch,
  };
  return options.ttlMs === undefined ? granted : { ...granted, ttlMs: options.ttlMs };
}

/** Field by field: an object put together by spreading another has a layout of its own, which weighs more than it does. */
function settingsOf(
  { overflow, ack, capacity, capacityBytes, prefetch, ttlMs }: Granted,
  conflationHeader: string | undefined,
  maxRedeliveries: number,
): RingSettings {
  const settings = {
    overflow,
    ack,
    capacity,
    capacityBytes,
    prefetch,
    conflationHeader,
    maxRedeliveries,
  };
  return ttlMs === undefined ? settings : { ...settings, ttlMs };
}
