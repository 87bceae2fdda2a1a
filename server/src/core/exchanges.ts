/**
 * The exchange graph: exchanges by name, their bindings to subscriptions, named queues and each other (PROTOCOL §5).
 *
 *     publish ─► exchange ──bindings──► subscriptions, named queues
 *                   │ └──bindings──► exchange ─► …        each exchange once, whatever the cycles
 *                   └─ nothing matches ─► alternate exchange ─► …
 *
 * The graph is resolved once, where the publish arrives: the record carries the incarnation ids of the exchanges
 * it reached, and feed and replay only match subscriptions against those. An incarnation is one declaration: a
 * name declared anew never shows what was published under the old one. Those of durable exchanges are positive and
 * stored, those of volatile ones negative.
 */
import { type ErrorName, type ExchangeOptions, type Headers, type LogId, nameFault } from '@ringhub/protocol';
import { DirectTable } from './direct-table.ts';
import { EvictionClock } from './eviction-clock.ts';
import { FanoutTable } from './fanout-table.ts';
import { HeadersTable } from './headers-table.ts';
import { LastValueBytes, LastValues } from './last-values.ts';
import { type BindingArguments, NO_TARGETS, type RoutingTable } from './routing-table.ts';
import { TopicTable } from './topic-table.ts';

export interface Exchange<T extends object, Q extends object = object> {
  readonly name: string;
  readonly incarnation: number;
  readonly options: ExchangeOptions;
  /** The subject that declared it; the operator's own have none. */
  readonly declaredBy: string | undefined;
  /** The log its messages enter. */
  readonly log: LogId;
  /** Bindings to subscriptions. */
  readonly table: RoutingTable<T>;
  /** Bindings to named queues. */
  readonly queues: RoutingTable<Q>;
  /** Bindings to other exchanges. */
  readonly destinations: RoutingTable<Exchange<T, Q>>;
  readonly lastValues: LastValues;
  /** What its records carry if they reach nothing else; one array for all of them. Empty for the default exchange. */
  readonly self: readonly number[];
}

/** A binding from one exchange to another. */
export interface ExchangeBinding<T extends object, Q extends object = object> {
  readonly source: Exchange<T, Q>;
  readonly destination: Exchange<T, Q>;
  readonly binding: BindingArguments;
}

/** Where a message goes. */
export interface Route<Q extends object> {
  /** The exchanges it reaches that can be subscribed to, by incarnation, the one it is published to first. */
  readonly reached: readonly number[];
  /** Whether a subscription or a named queue is bound to one of them for this message. */
  readonly routable: boolean;
  /** The named queues it reaches, each once. The array may be a table's own: to be read at once. */
  readonly queues: readonly Q[];
}

export interface ExchangeLimits {
  readonly maxExchanges: number;
  readonly lastPerKeyEntries: number;
  readonly lastPerKeyBytes: number;
}

/** Who declares an exchange. */
export interface Declarer {
  readonly subject: string;
  /** Has declared all it may. */
  readonly isFull: boolean;
}

/** Direct to the named queue of the routing key's name. */
export const DEFAULT_EXCHANGE = '';

/** The hub's own life in messages: who may see them is granted like any exchange (PROTOCOL §5). */
export const EVENTS_EXCHANGE = 'hub.events';

const MATCH_CACHE = { maxEntries: 65_536, maxBytes: 32 * 1024 * 1024 };
const RESERVED = ['amq.', 'hub.'];
const PREDECLARED: readonly (readonly [string, ExchangeOptions])[] = [
  [DEFAULT_EXCHANGE, { type: 'direct' }],
  ['amq.direct', { type: 'direct' }],
  ['amq.fanout', { type: 'fanout' }],
  ['amq.topic', { type: 'topic' }],
  ['amq.headers', { type: 'headers' }],
  [EVENTS_EXCHANGE, { type: 'topic', internal: true }],
];

export class Exchanges<T extends object, Q extends object = object> {
  /** The highest incarnation a durable exchange ever had; stored with each, so that none is used again. */
  durableIncarnations = 0;

  private readonly byName = new Map<string, Exchange<T, Q>>();
  private readonly byIncarnation = new Map<number, Exchange<T, Q>>();
  /** Bindings between exchanges, by what makes them the same. */
  private readonly links = new Map<string, ExchangeBinding<T, Q>>();
  private volatileIncarnations = 0;
  /** One bound for the cached routes of all exchanges. */
  private readonly matchCache = new EvictionClock(MATCH_CACHE);
  private readonly lastValueBytes: LastValueBytes;

  constructor(private readonly limits: ExchangeLimits) {
    this.lastValueBytes = new LastValueBytes(limits.lastPerKeyBytes);
    for (const [name, options] of PREDECLARED) this.create(name, options);
  }

  get size(): number {
    return this.byName.size;
  }

  /** Bindings between exchanges. */
  get exchangeBindings(): readonly ExchangeBinding<T, Q>[] {
    return [...this.links.values()];
  }

  /** Routing keys whose routes are remembered. */
  get cachedRoutes(): number {
    return this.matchCache.size;
  }

  get exchangeBindingCount(): number {
    return this.links.size;
  }

  get(name: string): Exchange<T, Q> | undefined {
    return this.byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<Exchange<T, Q>> {
    return this.byName.values();
  }

  /** An exchange of a record, if it still exists. */
  ofIncarnation(incarnation: number): Exchange<T, Q> | undefined {
    return this.byIncarnation.get(incarnation);
  }

  /**
   * Makes an exchange, or finds the one there with the same attributes.
   *
   * @param declarer whose it is, and whether that one may have one more
   */
  declare(name: string, options: ExchangeOptions, declarer?: Declarer): ErrorName | undefined {
    const fault = nameFault(name);
    if (fault) return fault;
    const there = this.byName.get(name);
    if (there) return sameOptions(there.options, options) ? undefined : 'exchange-mismatch';
    if (isReserved(name)) return 'reserved-name';
    if (this.byName.size >= this.limits.maxExchanges || declarer?.isFull) return 'too-many-exchanges';
    const alternate = options.alternate === undefined ? undefined : this.byName.get(options.alternate);
    if (alternate && alternate.log !== logOf(options)) return 'durability-mismatch';
    this.create(name, options, declarer?.subject);
    return undefined;
  }

  /** A durable exchange that was there before the hub started. */
  restore(name: string, options: ExchangeOptions, incarnation: number, declaredBy?: string): void {
    this.create(name, options, declaredBy, incarnation);
    this.durableIncarnations = Math.max(this.durableIncarnations, incarnation);
  }

  /** Takes an exchange out of the graph; the caller has taken its subscriptions' bindings back. */
  delete(exchange: Exchange<T, Q>): void {
    this.byName.delete(exchange.name);
    this.byIncarnation.delete(exchange.incarnation);
    exchange.lastValues.clear();
    for (const link of this.links.values()) {
      if (link.source === exchange || link.destination === exchange) this.unlink(link);
    }
  }

  /** Why an exchange may not be deleted, or `undefined`. */
  deletionFault(exchange: Exchange<T, Q>, ifUnused: boolean): ErrorName | undefined {
    if (isPredeclared(exchange.name)) return 'reserved-name';
    return ifUnused && isUsed(exchange) ? 'exchange-in-use' : undefined;
  }

  /** Binds an exchange to another; false where it was bound so already. */
  bindExchange(link: ExchangeBinding<T, Q>): boolean {
    const id = idOf(link);
    if (this.links.has(id)) return false;
    link.source.destinations.bind(link.binding, link.destination);
    this.links.set(id, link);
    return true;
  }

  /** Takes a binding between exchanges back; false where there is none. */
  unbindExchange(link: ExchangeBinding<T, Q>): boolean {
    const there = this.links.get(idOf(link));
    if (!there) return false;
    this.unlink(there);
    return true;
  }

  /** Whether the last binding of an exchange that lives by them is gone. */
  isLeftOver(exchange: Exchange<T, Q>): boolean {
    return (
      exchange.options.autoDelete === true && !isUsed(exchange) && this.byName.get(exchange.name) === exchange
    );
  }

  /** Where a message goes: the graph is followed once, each exchange at most once. */
  resolve(start: Exchange<T, Q>, key: string, headers: Headers | undefined): Route<Q> {
    const queues = start.queues.bindingCount > 0 ? start.queues.route(key, headers) : NO_TARGETS;
    const isBound = queues.length > 0 || start.table.route(key, headers).length > 0;
    const isAlone =
      start.destinations.bindingCount === 0 && (isBound || start.options.alternate === undefined);
    return isAlone ? { reached: start.self, routable: isBound, queues } : this.walk(start, key, headers);
  }

  private walk(start: Exchange<T, Q>, key: string, headers: Headers | undefined): Route<Q> {
    const seen = new Set([start]);
    const queues = new Set<Q>();
    let routable = false;
    for (const exchange of seen) {
      const bound = exchange.queues.route(key, headers);
      for (const queue of bound) queues.add(queue);
      const isBound = bound.length > 0 || exchange.table.route(key, headers).length > 0;
      routable ||= isBound;
      const next = exchange.destinations.route(key, headers);
      for (const destination of next) seen.add(destination);
      if (isBound || next.length > 0 || exchange.options.alternate === undefined) continue;
      const alternate = this.byName.get(exchange.options.alternate);
      // Declared later, it may be of the other log: then it takes nothing.
      if (alternate?.log === exchange.log) seen.add(alternate);
    }
    return {
      reached: Array.from(seen, ({ incarnation }) => incarnation),
      routable,
      queues: queues.size === 0 ? NO_TARGETS : [...queues],
    };
  }

  private unlink(link: ExchangeBinding<T, Q>): void {
    link.source.destinations.unbind(link.binding, link.destination);
    this.links.delete(idOf(link));
  }

  private create(name: string, options: ExchangeOptions, declaredBy?: string, restored?: number): void {
    const log = logOf(options);
    const incarnation = restored ?? (log === 'd' ? ++this.durableIncarnations : -++this.volatileIncarnations);
    const exchange: Exchange<T, Q> = {
      name,
      incarnation,
      options,
      declaredBy,
      log,
      table: this.tableOf<T>(options),
      queues: this.tableOf<Q>(options),
      destinations: this.tableOf<Exchange<T, Q>>(options),
      lastValues: new LastValues(this.limits.lastPerKeyEntries, this.lastValueBytes, log === 'd'),
      // Nobody can subscribe to the default exchange: what goes through it is read in queues only.
      self: name === DEFAULT_EXCHANGE ? [] : [incarnation],
    };
    this.byName.set(name, exchange);
    this.byIncarnation.set(incarnation, exchange);
  }

  private tableOf<U extends object>({ type }: ExchangeOptions): RoutingTable<U> {
    switch (type) {
      case 'direct':
        return new DirectTable();
      case 'fanout':
        return new FanoutTable();
      case 'topic':
        return new TopicTable(this.matchCache);
      case 'headers':
        return new HeadersTable();
      default:
        return type satisfies never;
    }
  }
}

function idOf<T extends object, Q extends object>({
  source,
  destination,
  binding,
}: ExchangeBinding<T, Q>): string {
  return JSON.stringify([
    source.incarnation,
    destination.incarnation,
    binding.key,
    binding.headers?.match,
    Object.entries(binding.headers?.values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** Whether anything is bound to it as a source. */
function isUsed<T extends object, Q extends object>(exchange: Exchange<T, Q>): boolean {
  const { table, queues, destinations } = exchange;
  return table.bindingCount > 0 || queues.bindingCount > 0 || destinations.bindingCount > 0;
}

/** Always there, whatever is stored. */
export const isPredeclared = (name: string): boolean => name === DEFAULT_EXCHANGE || isReserved(name);

export const isReserved = (name: string): boolean => RESERVED.some((prefix) => name.startsWith(prefix));

const logOf = ({ durable }: ExchangeOptions): LogId => (durable ? 'd' : 'v');

const sameOptions = (a: ExchangeOptions, b: ExchangeOptions): boolean =>
  a.type === b.type &&
  (a.durable ?? false) === (b.durable ?? false) &&
  (a.internal ?? false) === (b.internal ?? false) &&
  (a.autoDelete ?? false) === (b.autoDelete ?? false) &&
  a.alternate === b.alternate;
