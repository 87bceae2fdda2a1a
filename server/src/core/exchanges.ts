/**
 * The exchanges of this hub by name, and the way from a record to the queues it goes to (PROTOCOL §5).
 *
 * Each declaration has an incarnation id. A record carries the ids of the exchanges it reached, so that a
 * name declared anew never shows what was published under the old one.
 */
import { type ErrorName, type ExchangeOptions, nameFault } from '@ringhub/protocol';
import type { NewRecord } from '../ports/engine.ts';
import { EvictionClock } from './eviction-clock.ts';
import { type LastValueBytes, LastValues } from './last-values.ts';
import { TopicExchange } from './topic-exchange.ts';

export interface Exchange<T extends object> {
  readonly name: string;
  readonly incarnation: number;
  readonly options: ExchangeOptions;
  readonly topic: TopicExchange<T>;
  readonly lastValues: LastValues;
  /** What its records carry; one array for all of them. */
  readonly reached: readonly number[];
}

export interface ExchangeLimits {
  readonly maxExchanges: number;
  readonly lastPerKeyEntries: number;
  readonly lastPerKeyBytes: number;
}

const MATCH_CACHE = { maxEntries: 65_536, maxBytes: 32 * 1024 * 1024 };

const RESERVED = ['amq.', 'hub.'];

export class Exchanges<T extends object> {
  private readonly byName = new Map<string, Exchange<T>>();
  private readonly byIncarnation = new Map<number, Exchange<T>>();
  private incarnations = 0;
  /** One bound for the cached routes of all exchanges. */
  private readonly matchCache = new EvictionClock(MATCH_CACHE);
  private readonly lastValueBytes: LastValueBytes;

  constructor(private readonly limits: ExchangeLimits) {
    this.lastValueBytes = { held: 0, max: limits.lastPerKeyBytes };
    this.create('amq.topic', { type: 'topic' });
  }

  get size(): number {
    return this.byName.size;
  }

  get(name: string): Exchange<T> | undefined {
    return this.byName.get(name);
  }

  /** The exchanges a record reached, as far as they still exist. */
  ofRecord(record: NewRecord): Exchange<T> | undefined {
    return this.byIncarnation.get(record.reached[0] ?? -1);
  }

  /** Makes an exchange, or finds the one there with the same attributes. */
  declare(name: string, options: ExchangeOptions): ErrorName | undefined {
    const there = this.byName.get(name);
    if (there) return there.options.type === options.type ? undefined : 'exchange-mismatch';
    const fault = nameFault(name);
    if (fault) return fault;
    if (RESERVED.some((prefix) => name.startsWith(prefix))) return 'reserved-name';
    if (this.byName.size >= this.limits.maxExchanges) return 'too-many-exchanges';
    this.create(name, options);
    return undefined;
  }

  private create(name: string, options: ExchangeOptions): void {
    const incarnation = ++this.incarnations;
    const exchange: Exchange<T> = {
      name,
      incarnation,
      options,
      topic: new TopicExchange<T>(this.matchCache),
      lastValues: new LastValues(this.limits.lastPerKeyEntries, this.lastValueBytes),
      reached: [incarnation],
    };
    this.byName.set(name, exchange);
    this.byIncarnation.set(incarnation, exchange);
  }
}
