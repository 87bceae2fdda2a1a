/**
 * Topologies from a seed: exchanges, queues and bindings first, then whatever may be done with them, in any order.
 *
 * Each topology has a leaning (routing, limits, dead letters, consumers, mistakes), so that what it is about comes up more
 * than once in it. What RabbitMQ leaves to chance, or to a clock, is not made: messages that expire at once in queues that
 * could also be full.
 */
import { EXCHANGE_TYPES, type Headers } from '@ringhub/protocol';
import { Random } from '../../sim/random.ts';
import {
  type Actor,
  type BindingWish,
  type ExchangeWish,
  MAX_UNITS,
  type Operation,
  type QueueWish,
  type Topology,
} from './topology.ts';

const LEANINGS = ['routing', 'limits', 'dead-letters', 'consumers', 'mistakes'] as const;
type Leaning = (typeof LEANINGS)[number];

type Bound = { readonly binding: BindingWish } & ({ readonly queue: string } | { readonly to: string });

const LONG_MS = 3_600_000;
const WORDS = ['a', 'b', 'c', ''];
const PATTERN_WORDS = ['a', 'b', '*', '#', '*', '#', 'a', ''];

class Generator {
  private readonly random: Random;
  private readonly leaning: Leaning;
  private readonly exchanges: string[];
  private readonly queues: string[];
  /** How each was declared first, to be declared so again. */
  private readonly declaredExchanges = new Map<string, ExchangeWish>();
  private readonly declaredQueues = new Map<string, QueueWish>();
  /** What was bound, and how. */
  private readonly bindings: Bound[] = [];
  private readonly consumers: string[] = [];
  /** Their queues. */
  private readonly consumed: string[] = [];
  private readonly isDurable: boolean;
  private readonly expiresAtOnce: boolean;
  /** Bounded queues are consumed from without acknowledging at once: there the two differ on purpose. */
  private readonly boundsMeetConsumers: boolean;
  private number = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const { random } = this;
    this.leaning = random.pick(LEANINGS);
    this.exchanges = names('x', random.int(1, 5));
    this.queues = names('q', random.int(2, 5));
    this.isDurable = random.chance(0.2);
    this.expiresAtOnce = random.chance(0.25);
    this.boundsMeetConsumers = random.chance(0.1);
  }

  operations(): Operation[] {
    const { random } = this;
    const setUp = [
      ...this.exchanges.map((name) => this.declareExchange(name)),
      ...this.queues.map((name) => this.declareQueue(name)),
      ...Array.from({ length: random.int(this.queues.length, 10) }, () => this.bindQueue()),
      ...Array.from({ length: random.int(0, 4) }, () => this.bindExchange()),
    ];
    const length = random.int(8, 24);
    const rest = Array.from({ length }, () => this.any()).flat();
    return [...setUp, ...rest, ...this.queues.map((queue) => this.drain(queue))];
  }

  private any(): Operation | Operation[] {
    const { random } = this;
    const times = (leaning: Leaning, much: number, little: number): number =>
      this.leaning === leaning ? much : little;
    return random.weighted<() => Operation | Operation[]>([
      [10, () => this.publish()],
      [times('consumers', 5, times('dead-letters', 8, 0.5)), () => this.work()],
      [times('dead-letters', 4, 0.3), () => this.deaths()],
      [times('consumers', 6, times('dead-letters', 4, 1.5)), () => this.consume()],
      [times('consumers', 8, times('dead-letters', 8, 2)), () => this.settle()],
      [times('consumers', 1.5, 0.4), () => this.leave()],
      [times('routing', 3, 0.6), () => this.bindQueue()],
      [times('routing', 2, 0.5), () => this.bindExchange()],
      [times('routing', 2, 0.5), () => this.unbind()],
      [times('dead-letters', 1, 0.5), () => this.drain(random.pick(this.queues))],
      [times('mistakes', 3, 0.2), () => this.declareAgain()],
      [times('mistakes', 2, 0.3), () => this.deleteQueue()],
      [times('mistakes', 2, 0.3), () => this.deleteExchange()],
      [0.4, () => this.purge()],
      [times('mistakes', 1, 0.15), () => this.mistake()],
      [0.2, () => ({ does: 'disconnect' })],
    ])();
  }

  // ── what there is ──

  private declareExchange(name: string): Operation {
    const options = this.exchangeWish();
    if (!this.declaredExchanges.has(name)) this.declaredExchanges.set(name, options);
    return { does: 'declare-exchange', name, options };
  }

  private exchangeWish(): ExchangeWish {
    const { random } = this;
    return {
      type: random.pick(EXCHANGE_TYPES),
      durable: random.chance(0.01) ? !this.isDurable : this.isDurable,
      internal: random.chance(0.1),
      autoDelete: random.chance(0.2),
      ...(random.chance(this.leaning === 'routing' ? 0.4 : 0.15) && { alternate: this.exchangeName() }),
    };
  }

  private declareQueue(name: string): Operation {
    const options = this.queueWish(name);
    if (!this.declaredQueues.has(name)) this.declaredQueues.set(name, options);
    return { does: 'declare-queue', by: options.exclusive ? this.actor(0.4) : 'a', name, options };
  }

  private queueWish(name: string): QueueWish {
    const { random } = this;
    const exclusive = random.chance(0.08);
    return {
      durable: this.isDurable && !exclusive,
      exclusive,
      autoDelete: random.chance(0.07),
      ...this.boundsWish(),
      ...this.ttlWish(),
      ...(random.chance(this.leaning === 'dead-letters' ? 0.85 : 0.3) && this.deadLetterWish(name)),
    };
  }

  private boundsWish(): Partial<QueueWish> {
    const { random } = this;
    if (this.expiresAtOnce || !random.chance(this.leaning === 'limits' ? 0.8 : 0.15)) return {};
    return {
      ...(random.chance(0.75) ? { maxMessages: random.int(1, 4) } : { maxUnits: random.int(1, 6) }),
      ...(random.chance(0.1) && { maxUnits: random.int(2, 6) }),
      ...(random.chance(0.45) && { overflow: random.chance(0.8) ? 'reject-publish' : 'drop-head' }),
    };
  }

  private ttlWish(): Partial<QueueWish> {
    const { random } = this;
    if (this.expiresAtOnce && random.chance(0.3)) return { messageTtlMs: 0 };
    return random.chance(0.08) ? { messageTtlMs: LONG_MS } : {};
  }

  private deadLetterWish(name: string): Partial<QueueWish> {
    const { random } = this;
    const key = random.chance(0.6) ? random.pick(this.queues) : this.key();
    // The default exchange, by the name of a queue, makes short cycles; by its own name, the shortest.
    if (random.chance(0.2)) return { deadLetterExchange: '', deadLetterKey: name };
    if (random.chance(0.5)) return { deadLetterExchange: '', deadLetterKey: random.pick(this.queues) };
    return {
      deadLetterExchange: this.exchangeName(),
      ...(random.chance(0.5) && { deadLetterKey: key }),
    };
  }

  // ── bindings ──

  private bindQueue(): Operation {
    const bound = { queue: this.random.pick(this.queues), binding: this.bindingWish() };
    this.bindings.push(bound);
    return { does: 'bind-queue', by: this.actor(0.04), ...bound };
  }

  private bindExchange(): Operation {
    const bound = { to: this.exchangeName(), binding: this.bindingWish() };
    this.bindings.push(bound);
    return { does: 'bind-exchange', ...bound };
  }

  private unbind(): Operation {
    const { random } = this;
    const isThere = random.chance(0.8) && this.bindings.length > 0;
    const bound = isThere
      ? random.pick(this.bindings)
      : { queue: random.pick(this.queues), binding: this.bindingWish() };
    return 'queue' in bound
      ? { does: 'unbind-queue', by: 'a', ...bound }
      : { does: 'unbind-exchange', ...bound };
  }

  private bindingWish(): BindingWish {
    const { random } = this;
    const from = this.exchangeName();
    const type = this.declaredExchanges.get(from)?.type ?? random.pick(EXCHANGE_TYPES);
    switch (type) {
      case 'topic':
        return { from, key: this.pattern() };
      case 'headers':
        return {
          from,
          key: '',
          args: {
            'x-match': random.chance(0.006) ? 'any-with-x' : random.pick(['all', 'any']),
            ...this.headers(0, 3),
          },
        };
      case 'direct':
      case 'fanout':
        return { from, key: random.chance(0.15) ? random.pick(this.queues) : this.key(2) };
      default:
        return type satisfies never;
    }
  }

  // ── messages ──

  private publish(): Operation {
    const { random } = this;
    const hasUnits = [...this.declaredQueues.values()].some(({ maxUnits }) => maxUnits !== undefined);
    return {
      does: 'publish',
      tag: `m${++this.number}`,
      ...this.target(),
      count: random.chance(0.3) ? random.int(2, 5) : 1,
      units: hasUnits ? random.int(1, MAX_UNITS) : 0,
      mandatory: random.chance(0.25),
      ...(this.expiresAtOnce && random.chance(0.2) && { ttlMs: 0 }),
      ...(random.chance(0.05) && { ttlMs: LONG_MS }),
    };
  }

  /** Where to: by a queue's name, by something that a binding may match, or by chance. */
  private target(): { exchange: string; key: string; headers?: Headers } {
    const { random } = this;
    const headers = random.chance(0.4) && { headers: this.headers(0, 3) };
    const consumed = this.consumed.slice(-2);
    if (consumed.length > 0 && random.chance(0.35))
      return { exchange: '', key: random.pick(consumed), ...headers };
    if (random.chance(0.12)) return { exchange: '', key: random.pick(this.queues), ...headers };
    if (this.bindings.length > 0 && random.chance(0.6)) {
      const { from, key, args } = random.pick(this.bindings).binding;
      const { 'x-match': _, ...wanted } = args ?? {};
      const isExact = this.declaredExchanges.get(from)?.type === 'direct';
      return {
        exchange: from,
        key: isExact ? key : this.matching(key),
        ...(args ? { headers: { ...wanted, ...this.headers(0, 1) } } : headers),
      };
    }
    const key = random.chance(0.1) ? random.pick(this.queues) : this.key(random.chance(0.5) ? 2 : 4);
    return { exchange: this.exchangeName(), key, ...headers };
  }

  /** A key that a pattern may match. */
  private matching(pattern: string): string {
    const words = pattern === '' ? [] : pattern.split('.');
    return words
      .flatMap((word) => {
        if (word === '*') return [this.random.pick(WORDS)];
        if (word === '#') return Array.from({ length: this.random.int(0, 2) }, () => this.random.pick(WORDS));
        return [word];
      })
      .join('.');
  }

  private consume(): Operation {
    const { random } = this;
    const consumer = `c${++this.number}`;
    const queue = this.queueToConsume();
    this.consumers.push(consumer);
    this.consumed.push(queue);
    const mayHold = this.boundsMeetConsumers || !isBounded(this.declaredQueues.get(queue));
    return {
      does: 'consume',
      by: this.actor(0.25),
      consumer,
      queue,
      ...(mayHold && random.chance(0.88) && { prefetch: random.int(1, 4) }),
      exclusive: random.chance(0.06),
    };
  }

  /** Something to consume, and what becomes of it. */
  private work(): Operation[] {
    const consumers = this.consumers.length === 0 || this.random.chance(0.3) ? [this.consume()] : [];
    const publish = {
      ...this.publish(),
      exchange: '',
      key: this.random.pick(this.consumed.slice(-3)),
    } as Operation;
    const settles = Array.from({ length: this.random.int(1, 4) }, () => this.settle());
    return [...consumers, publish, ...settles];
  }

  /** A message that dies in one queue after the other. */
  private deaths(): Operation[] {
    let queue = this.random.pick(this.queues);
    const operations: Operation[] = [{ ...this.publish(), exchange: '', key: queue } as Operation];
    for (let i = this.random.int(1, 3); i > 0; i--) {
      const consume = { ...this.consume(), queue, prefetch: 2, exclusive: false } as Operation;
      const settle = { ...this.settle(), consumer: this.consumers.at(-1)!, how: 'reject' } as Operation;
      operations.push(consume, settle);
      const next = this.declaredQueues.get(queue)?.deadLetterKey;
      queue = this.queues.find((name) => name === next) ?? queue;
    }
    return operations;
  }

  private queueToConsume(): string {
    const open = this.queues.filter(
      (name) => this.boundsMeetConsumers || !isBounded(this.declaredQueues.get(name)),
    );
    return this.random.pick(open.length > 0 ? open : this.queues);
  }

  private settle(): Operation {
    const { random } = this;
    if (this.consumers.length === 0) return this.consume();
    return {
      does: 'settle',
      consumer: random.pick(this.consumers.slice(-3)),
      how: random.weighted([
        [3, 'ack'],
        [this.leaning === 'dead-letters' ? 6 : 2, 'reject'],
        [3, 'requeue'],
      ]),
      at: random.int(0, 3),
      multiple: random.chance(0.3),
    };
  }

  private leave(): Operation {
    if (this.consumers.length === 0) return this.consume();
    return { does: 'leave', consumer: this.random.pick(this.consumers) };
  }

  private drain(queue: string): Operation {
    const by = this.declaredQueues.get(queue)?.exclusive ? this.actor(0.4) : 'a';
    return { does: 'drain', by, consumer: `d${++this.number}`, queue };
  }

  // ── ends and mistakes ──

  private declareAgain(): Operation {
    const { random } = this;
    const isSame = random.chance(0.5);
    if (random.chance(0.4)) {
      const name = this.exchangeName();
      const before = this.declaredExchanges.get(name);
      if (isSame && before) return { does: 'declare-exchange', name, options: before };
      return this.declareExchange(name);
    }
    const name = random.pick(this.queues);
    const before = this.declaredQueues.get(name)!;
    const options = isSame
      ? before
      : { ...before, ...random.pick([this.queueWish(name), this.deadLetterWish(name)]) };
    return { does: 'declare-queue', by: this.actor(0.15), name, options };
  }

  private deleteQueue(): Operation {
    const { random } = this;
    const name = random.chance(0.1) ? 'q9' : random.pick(this.queues);
    const [ifUnused, ifEmpty] = [random.chance(0.3), random.chance(0.3)];
    return { does: 'delete-queue', by: this.actor(0.15), name, ifUnused, ifEmpty };
  }

  private deleteExchange(): Operation {
    const name = this.random.chance(0.1) ? 'amq.topic' : this.exchangeName();
    return { does: 'delete-exchange', name, ifUnused: this.random.chance(0.4) };
  }

  private purge(): Operation {
    const name = this.random.chance(0.1) ? 'q9' : this.random.pick(this.queues);
    return { does: 'purge', by: this.actor(0.15), name };
  }

  private mistake(): Operation {
    const { random } = this;
    const wish = this.exchangeWish();
    const queue = random.pick(this.queues);
    return random.pick<Operation>([
      { does: 'declare-exchange', name: 'amq.x1', options: wish },
      { does: 'declare-exchange', name: 'hub.x1', options: wish },
      { does: 'declare-exchange', name: '', options: wish },
      {
        does: 'declare-exchange',
        name: `amq.${random.pick(EXCHANGE_TYPES)}`,
        options: { ...wish, type: 'topic', internal: false, autoDelete: false },
      },
      { does: 'declare-queue', by: 'a', name: 'amq.q1', options: this.queueWish(queue) },
      { does: 'bind-queue', by: 'a', queue, binding: { from: '', key: queue } },
      { does: 'bind-exchange', to: '', binding: this.bindingWish() },
      { does: 'bind-exchange', to: this.exchangeName(), binding: { from: '', key: queue } },
      { does: 'bind-queue', by: 'a', queue: 'q9', binding: this.bindingWish() },
      { does: 'settle-again', consumer: random.pick([...this.consumers, 'c0']) },
    ]);
  }

  // ── small things ──

  private actor(otherShare: number): Actor {
    return this.random.chance(otherShare) ? 'b' : 'a';
  }

  private exchangeName(): string {
    return this.random.chance(0.02) ? 'x9' : this.random.pick(this.exchanges);
  }

  private key(words = 3): string {
    return this.words(WORDS, words);
  }

  private pattern(): string {
    const pattern = this.words(PATTERN_WORDS, 4);
    // A third `#` is refused here: that is met now and then.
    const isTooMuch = pattern.split('.').filter((word) => word === '#').length > 2;
    return isTooMuch && this.random.chance(0.9) ? '#' : pattern;
  }

  private words(of: readonly string[], most: number): string {
    return Array.from({ length: this.random.int(0, most) }, () => this.random.pick(of)).join('.');
  }

  private headers(least: number, most: number): Headers {
    const { random } = this;
    const headers: Record<string, string | number | boolean | null> = {};
    for (let i = random.int(least, most); i > 0; i--) {
      const name = random.chance(0.05) ? 'x-h' : random.pick(['h1', 'h2', 'h3']);
      headers[name] = random.pick(['a', 'a', 'b', '1', 1, 1.5, true, false, null]);
    }
    return headers;
  }
}

const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i}`);

const isBounded = (wish: QueueWish | undefined): boolean =>
  wish?.maxMessages !== undefined || wish?.maxUnits !== undefined;

/** The topology of a seed: always the same. */
export const topologyOf = (seed: number): Topology => ({
  seed,
  operations: new Generator(seed).operations(),
});
