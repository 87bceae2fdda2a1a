/**
 * The routing of one hub process, kept a second time and as naively as the protocol says it (PROTOCOL §5): lists, no
 * tables, nothing cached. It is told each change in the order in which the hub handled it, says itself what the
 * answer has to be, and says of each publish where it goes.
 *
 *     changes, as handled ─► exchanges, links, bindings of queues ─► reach of a publish ─► is it due to this queue?
 */
import type { BindingSpec, ErrorName, ExchangeOptions, ExchangeType, Headers } from '@ringhub/protocol';
import { matchesByDefinition } from '../core/topic-reference.ts';

/** One declaration of a name: another one is another exchange. */
export interface Declared {
  readonly incarnation: number;
  readonly name: string;
  readonly options: ExchangeOptions;
}

/** A binding, by the declaration it was made to. */
export interface Bound {
  readonly exchange: Declared;
  readonly spec: BindingSpec;
  readonly id: string;
}

export interface Link extends Bound {
  readonly destination: Declared;
}

/** What outlives the hub process. */
export interface Kept {
  readonly exchanges: readonly Declared[];
  readonly links: readonly Link[];
}

/** Counts declarations over all lives of the hub. */
export interface Incarnations {
  last: number;
}

export const isDurable = ({ options }: Declared): boolean => options.durable === true;

/** What routing asks of a message. */
export interface Routed {
  readonly key: string;
  readonly headers: Headers | undefined;
  /** Incarnations. */
  readonly reached: readonly number[];
}

const PREDECLARED: readonly (readonly [string, ExchangeOptions])[] = [
  ...(['direct', 'fanout', 'topic', 'headers'] as const).map((type) => [`amq.${type}`, { type }] as const),
  ['', { type: 'direct' }],
  ['hub.events', { type: 'topic', internal: true }],
];

const isReserved = (name: string): boolean => name.startsWith('amq.') || name.startsWith('hub.');

export class ReferenceRouter {
  readonly exchanges = new Map<string, Declared>();
  /** Names that were taken away at least once. */
  readonly deleted = new Set<string>();
  /** Called with each queue whose bindings have changed. */
  onRebound: (queue: number, bindings: readonly Bound[]) => void = () => {};
  /** Called after each change of what a disk keeps. */
  onKept: () => void = () => {};
  links: readonly Link[] = [];
  readonly #queues = new Map<number, readonly Bound[]>();

  /** @param kept what an earlier life of the hub has left on its disk */
  constructor(
    private readonly incarnations: Incarnations = { last: 0 },
    kept: Kept = { exchanges: [], links: [] },
  ) {
    for (const [name, options] of PREDECLARED) this.#create(name, options);
    for (const exchange of kept.exchanges) this.exchanges.set(exchange.name, exchange);
    this.links = kept.links;
  }

  /** What a disk keeps of all this. */
  get kept(): Kept {
    return {
      exchanges: [...this.exchanges.values()].filter(isDurable),
      links: this.links.filter(({ exchange }) => isDurable(exchange)),
    };
  }

  // ── changes: each returns the error that the hub has to answer ──

  declare(name: string, options: ExchangeOptions): ErrorName | undefined {
    const there = this.exchanges.get(name);
    if (there) return isSame(there.options, options) ? undefined : 'exchange-mismatch';
    if (isReserved(name)) return 'reserved-name';
    const alternate = this.exchanges.get(options.alternate ?? '');
    if (options.alternate !== undefined && alternate && isDurable(alternate) !== (options.durable === true))
      return 'durability-mismatch';
    this.#create(name, options);
    return undefined;
  }

  delete(name: string, ifUnused: boolean): ErrorName | undefined {
    const exchange = this.exchanges.get(name);
    if (!exchange) return 'unknown-exchange';
    if (isReserved(name)) return 'reserved-name';
    if (ifUnused && this.#isUsed(exchange)) return 'exchange-in-use';
    this.#remove(exchange);
    return undefined;
  }

  link(to: string, spec: BindingSpec): ErrorName | undefined {
    const bound = this.bound(spec);
    const destination = this.exchanges.get(to);
    if (!bound || !destination) return 'unknown-exchange';
    if (isDurable(bound.exchange) !== isDurable(destination)) return 'durability-mismatch';
    const isThere = this.links.some((l) => l.id === bound.id && l.destination === destination);
    if (isThere) return undefined;
    this.links = [...this.links, { ...bound, destination }];
    if (isDurable(destination)) this.onKept();
    return undefined;
  }

  unlink(to: string, spec: BindingSpec): ErrorName | undefined {
    const bound = this.bound(spec);
    const destination = this.exchanges.get(to);
    if (!bound || !destination) return 'unknown-exchange';
    const left = this.links.filter((l) => l.id !== bound.id || l.destination !== destination);
    if (left.length === this.links.length) return 'unknown-binding';
    this.links = left;
    this.#leave(bound.exchange);
    if (isDurable(destination)) this.onKept();
    return undefined;
  }

  bind(queue: number, spec: BindingSpec): ErrorName | undefined {
    const bound = this.bound(spec);
    if (!bound) return 'unknown-exchange';
    const bindings = this.bindingsOf(queue);
    if (!bindings.some(({ id }) => id === bound.id)) this.#rebind(queue, [...bindings, bound]);
    return undefined;
  }

  unbind(queue: number, spec: BindingSpec): ErrorName | undefined {
    const bound = this.bound(spec);
    if (!bound) return 'unknown-exchange';
    const bindings = this.bindingsOf(queue);
    if (!bindings.some(({ id }) => id === bound.id)) return 'unknown-binding';
    this.#rebind(
      queue,
      bindings.filter(({ id }) => id !== bound.id),
    );
    this.#leave(bound.exchange);
    return undefined;
  }

  /** A queue is over, and with it its bindings. */
  end(queue: number): void {
    const bindings = this.bindingsOf(queue);
    this.#queues.delete(queue);
    for (const { exchange } of bindings) this.#leave(exchange);
  }

  // ── questions ──

  bindingsOf(queue: number): readonly Bound[] {
    return this.#queues.get(queue) ?? [];
  }

  /** What a binding of the wire means now. */
  bound(spec: BindingSpec): Bound | undefined {
    const exchange = this.exchanges.get(spec[0]);
    return exchange && { exchange, spec, id: idOf(exchange, spec) };
  }

  /** Incarnations of all exchanges a publish reaches. */
  reach(name: string, key: string, headers: Headers | undefined): Declared[] {
    const reached: Declared[] = [];
    const visit = (exchange: Declared | undefined): void => {
      if (!exchange || reached.includes(exchange)) return;
      reached.push(exchange);
      const takes = (bound: Bound): boolean =>
        bound.exchange === exchange && bindingTakes(bound, key, headers);
      const links = this.links.filter(takes);
      for (const { destination } of links) visit(destination);
      const isTaken = links.length > 0 || [...this.#queues.values()].some((bindings) => bindings.some(takes));
      const alternate = this.exchanges.get(exchange.options.alternate ?? '');
      // Declared later, it may be of the other log: then it takes nothing.
      const leads = exchange.options.alternate !== undefined && alternate !== undefined && !isTaken;
      if (leads && isDurable(alternate) === isDurable(exchange)) visit(alternate);
    };
    visit(this.exchanges.get(name));
    return reached;
  }

  /** All bindings as text, to be held against what the hub lists. */
  get listed(): string[] {
    const lines = this.links.map((link) => `${link.id} to ${link.destination.name}`);
    for (const [queue, bindings] of this.#queues)
      for (const { id } of bindings) lines.push(`${id} to ${queue}`);
    return lines.map((line) => line.slice(line.indexOf(' ') + 1)).sort();
  }

  // ── ends of exchanges ──

  #create(name: string, options: ExchangeOptions): void {
    this.exchanges.set(name, { incarnation: ++this.incarnations.last, name, options });
    if (options.durable) this.onKept();
  }

  #rebind(queue: number, bindings: readonly Bound[]): void {
    this.#queues.set(queue, bindings);
    this.onRebound(queue, bindings);
  }

  #isUsed(exchange: Declared): boolean {
    const isOf = (bound: Bound): boolean => bound.exchange === exchange;
    return this.links.some(isOf) || [...this.#queues.values()].some((bindings) => bindings.some(isOf));
  }

  /** One of its bindings is gone: it may have lived by it. */
  #leave(exchange: Declared): void {
    const isThere = this.exchanges.get(exchange.name) === exchange;
    if (isThere && exchange.options.autoDelete && !this.#isUsed(exchange)) this.#remove(exchange);
  }

  #remove(exchange: Declared): void {
    this.exchanges.delete(exchange.name);
    this.deleted.add(exchange.name);
    const sources = this.links.filter((l) => l.destination === exchange).map((l) => l.exchange);
    this.links = this.links.filter((l) => l.destination !== exchange && l.exchange !== exchange);
    for (const [queue, bindings] of this.#queues) {
      const left = bindings.filter((bound) => bound.exchange !== exchange);
      if (left.length < bindings.length) this.#rebind(queue, left);
    }
    for (const source of sources) this.#leave(source);
    if (isDurable(exchange)) this.onKept();
  }
}

/** Whether a message is for a queue with these bindings. */
export const isFor = (bindings: readonly Bound[], { key, headers, reached }: Routed): boolean =>
  bindings.some((b) => reached.includes(b.exchange.incarnation) && bindingTakes(b, key, headers));

function bindingTakes({ exchange, spec: [, wanted, args] }: Bound, key: string, headers?: Headers): boolean {
  const type: ExchangeType = exchange.options.type;
  switch (type) {
    case 'direct':
      return key === wanted;
    case 'fanout':
      return true;
    case 'topic':
      return patternTakes(wanted, key);
    case 'headers':
      return headersTake(args ?? {}, headers ?? {});
    default:
      return type satisfies never;
  }
}

function headersTake(args: Headers, headers: Headers): boolean {
  const wanted = Object.keys(args).filter((name) => !name.startsWith('x-'));
  const has = (name: string): boolean =>
    Object.hasOwn(headers, name) && (args[name] === null || args[name] === headers[name]);
  return args['x-match'] === 'any' ? wanted.some(has) : wanted.every(has);
}

const memo = new Map<string, boolean>();

function patternTakes(pattern: string, key: string): boolean {
  const pair = `${pattern}\n${key}`;
  let found = memo.get(pair);
  if (found === undefined) {
    found = matchesByDefinition(pattern, key);
    memo.set(pair, found);
  }
  return found;
}

/** The same for the same binding, whatever the order of its arguments. */
export function idOf(
  { incarnation, name }: Pick<Declared, 'incarnation' | 'name'>,
  [, key, args]: BindingSpec,
) {
  const values = Object.entries(args ?? {}).filter(([header]) => header !== 'x-match');
  const match = args && (args['x-match'] === 'any' ? 'any' : 'all');
  const sorted = values.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${incarnation} ${name} ${JSON.stringify([key, match, sorted])}`;
}

const isSame = (a: ExchangeOptions, b: ExchangeOptions): boolean =>
  a.type === b.type &&
  Boolean(a.durable) === Boolean(b.durable) &&
  Boolean(a.internal) === Boolean(b.internal) &&
  Boolean(a.autoDelete) === Boolean(b.autoDelete) &&
  a.alternate === b.alternate;
