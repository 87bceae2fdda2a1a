/**
 * The exchange graph: exchanges by name, their bindings to subscriptions and to each other (PROTOCOL §5).
 *
 *     publish ─► exchange ──bindings──► subscriptions
 *                   │ └──bindings──► exchange ─► …        each exchange once, whatever the cycles
 *                   └─ nothing matches ─► alternate exchange ─► …
 *
 * The graph is resolved once, where the publish arrives: the record carries the incarnation ids of the exchanges
 * it reached, and feed and replay only match subscriptions against those. An incarnation is one declaration: a
 * name declared anew never shows what was published under the old one.
 */
import { type ErrorName, type ExchangeOptions, type Headers, nameFault } from '@ringhub/protocol';
import { DirectTable } from './direct-table.ts';
import { EvictionClock } from './eviction-clock.ts';
import { FanoutTable } from './fanout-table.ts';
import { HeadersTable } from './headers-table.ts';
import { LastValueBytes, LastValues } from './last-values.ts';
import type { BindingArguments, RoutingTable } from './routing-table.ts';
import { TopicTable } from './topic-table.ts';

export interface Exchange<T extends object> {
  readonly name: string;
  readonly incarnation: number;
  readonly options: ExchangeOptions;
  /** Bindings to subscriptions. */
  readonly table: RoutingTable<T>;
  /** Bindings to other exchanges. */
  readonly destinations: RoutingTable<Exchange<T>>;
  readonly lastValues: LastValues;
  /** What its records carry if they reach nothing else; one array for all of them. */
  readonly self: readonly number[];
}

/** A binding from one exchange to another. */
export interface ExchangeBinding<T extends object> {
  readonly source: Exchange<T>;
  readonly destination: Exchange<T>;
  readonly binding: BindingArguments;
}

export interface ExchangeLimits {
  readonly maxExchanges: number;
  readonly lastPerKeyEntries: number;
  readonly lastPerKeyBytes: number;
}

/** The hub's own life in messages: who may see them is granted like any exchange (PROTOCOL §5). */
export const EVENTS_EXCHANGE = 'hub.events';

const MATCH_CACHE = { maxEntries: 65_536, maxBytes: 32 * 1024 * 1024 };
const RESERVED = ['amq.', 'hub.'];
const PREDECLARED: readonly (readonly [string, ExchangeOptions])[] = [
  ['amq.direct', { type: 'direct' }],
  ['amq.fanout', { type: 'fanout' }],
  ['amq.topic', { type: 'topic' }],
  ['amq.headers', { type: 'headers' }],
  [EVENTS_EXCHANGE, { type: 'topic', internal: true }],
];

export class Exchanges<T extends object> {
  private readonly byName = new Map<string, Exchange<T>>();
  private readonly byIncarnation = new Map<number, Exchange<T>>();
  /** Bindings between exchanges, by what makes them the same. */
  private readonly links = new Map<string, ExchangeBinding<T>>();
  private incarnations = 0;
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
  get exchangeBindings(): readonly ExchangeBinding<T>[] {
    return [...this.links.values()];
  }

  get exchangeBindingCount(): number {
    return this.links.size;
  }

  get(name: string): Exchange<T> | undefined {
    return this.byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<Exchange<T>> {
    return this.byName.values();
  }

  /** An exchange of a record, if it still exists. */
  ofIncarnation(incarnation: number): Exchange<T> | undefined {
    return this.byIncarnation.get(incarnation);
  }

  /** Makes an exchange, or finds the one there with the same attributes. */
  declare(name: string, options: ExchangeOptions): ErrorName | undefined {
    // What is not kept must not look as if it were.
    if (options.durable) return 'unavailable';
    const there = this.byName.get(name);
    if (there) return sameOptions(there.options, options) ? undefined : 'exchange-mismatch';
    const fault = nameFault(name);
    if (fault) return fault;
    if (isReserved(name)) return 'reserved-name';
    if (this.byName.size >= this.limits.maxExchanges) return 'too-many-exchanges';
    this.create(name, options);
    return undefined;
  }

  /** Takes an exchange out of the graph; the caller has taken its subscriptions' bindings back. */
  delete(exchange: Exchange<T>): void {
    this.byName.delete(exchange.name);
    this.byIncarnation.delete(exchange.incarnation);
    exchange.lastValues.clear();
    for (const link of this.links.values()) {
      if (link.source === exchange || link.destination === exchange) this.unlink(link);
    }
  }

  /** Why an exchange may not be deleted, or `undefined`. */
  deletionFault(exchange: Exchange<T>, ifUnused: boolean): ErrorName | undefined {
    if (isReserved(exchange.name)) return 'reserved-name';
    return ifUnused && isUsed(exchange) ? 'exchange-in-use' : undefined;
  }

  /** Binds an exchange to another; false where it was bound so already. */
  bindExchange(link: ExchangeBinding<T>): boolean {
    const id = idOf(link);
    if (this.links.has(id)) return false;
    link.source.destinations.bind(link.binding, link.destination);
    this.links.set(id, link);
    return true;
  }

  /** Takes a binding between exchanges back; false where there is none. */
  unbindExchange(link: ExchangeBinding<T>): boolean {
    const there = this.links.get(idOf(link));
    if (!there) return false;
    this.unlink(there);
    return true;
  }

  /** Whether the last binding of an exchange that lives by them is gone. */
  isLeftOver(exchange: Exchange<T>): boolean {
    return (
      exchange.options.autoDelete === true && !isUsed(exchange) && this.byName.get(exchange.name) === exchange
    );
  }

  /**
   * Every exchange a message reaches, the one it is published to first.
   *
   * @returns their incarnations, and whether a subscription is bound to one of them for this message
   */
  resolve(
    start: Exchange<T>,
    key: string,
    headers: Headers | undefined,
  ): { readonly reached: readonly number[]; readonly routable: boolean } {
    const isBound = start.table.route(key, headers).length > 0;
    const isAlone =
      start.destinations.bindingCount === 0 && (isBound || start.options.alternate === undefined);
    return isAlone ? { reached: start.self, routable: isBound } : this.walk(start, key, headers);
  }

  private walk(start: Exchange<T>, key: string, headers: Headers | undefined) {
    const seen = new Set([start]);
    let routable = false;
    for (const exchange of seen) {
      const isBound = exchange.table.route(key, headers).length > 0;
      routable ||= isBound;
      const next = exchange.destinations.route(key, headers);
      for (const destination of next) seen.add(destination);
      if (isBound || next.length > 0 || exchange.options.alternate === undefined) continue;
      const alternate = this.byName.get(exchange.options.alternate);
      if (alternate) seen.add(alternate);
    }
    return { reached: Array.from(seen, ({ incarnation }) => incarnation), routable };
  }

  private unlink(link: ExchangeBinding<T>): void {
    link.source.destinations.unbind(link.binding, link.destination);
    this.links.delete(idOf(link));
  }

  private create(name: string, options: ExchangeOptions): void {
    const incarnation = ++this.incarnations;
    const exchange: Exchange<T> = {
      name,
      incarnation,
      options,
      table: this.tableOf<T>(options),
      destinations: this.tableOf<Exchange<T>>(options),
      lastValues: new LastValues(this.limits.lastPerKeyEntries, this.lastValueBytes),
      self: [incarnation],
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

function idOf<T extends object>({ source, destination, binding }: ExchangeBinding<T>): string {
  return JSON.stringify([
    source.incarnation,
    destination.incarnation,
    binding.key,
    binding.headers?.match,
    Object.entries(binding.headers?.values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** Whether anything is bound to it as a source. */
function isUsed<T extends object>({ table, destinations }: Exchange<T>): boolean {
  return table.bindingCount > 0 || destinations.bindingCount > 0;
}

const isReserved = (name: string): boolean => RESERVED.some((prefix) => name.startsWith(prefix));

const sameOptions = (a: ExchangeOptions, b: ExchangeOptions): boolean =>
  a.type === b.type &&
  (a.internal ?? false) === (b.internal ?? false) &&
  (a.autoDelete ?? false) === (b.autoDelete ?? false) &&
  a.alternate === b.alternate;
