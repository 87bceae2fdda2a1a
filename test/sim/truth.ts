/**
 * What was really published: every record that an engine took, by epoch and offset, seen at the engine itself. All
 * accounts are held against it, with the naive matcher.
 */
import type { BindingSpec, Headers } from '@ringhub/protocol';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { matchesByDefinition } from '../core/topic-reference.ts';

export type Bindings = readonly BindingSpec[];

export interface Taken {
  readonly epoch: string;
  readonly offset: number;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Headers | undefined;
  /** The text its publisher made, unlike any other: `publisher/number` and filling. */
  readonly payload: string;
  readonly id: string | undefined;
  readonly subject: string;
  readonly timeMs: number;
  /** On the world's clock. */
  readonly expiresMs: number;
}

export class Truth {
  readonly #logs = new Map<string, Taken[]>();
  readonly #epochs: string[] = [];
  readonly #byPayload = new Map<string, Taken[]>();
  readonly #matches = new Map<string, boolean>();

  begin(epoch: string): void {
    this.#logs.set(epoch, []);
    this.#epochs.push(epoch);
  }

  /** Adds a record; false where its offset is not the next one. */
  take(epoch: string, record: StoredRecord, nowMs: number): boolean {
    const log = this.#logs.get(epoch)!;
    const { offset, exchange, key, headers, id, subject, timeMs, ttlMs } = record;
    const payload = String(record.payload);
    const expiresMs = ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + ttlMs;
    const taken = { epoch, offset, exchange, key, headers, payload, id, subject, timeMs, expiresMs };
    log.push(taken);
    const same = this.#byPayload.get(payload);
    if (same) same.push(taken);
    else this.#byPayload.set(payload, [taken]);
    return offset === log.length;
  }

  at(epoch: string, offset: number): Taken | undefined {
    return this.#logs.get(epoch)?.[offset - 1];
  }

  last(epoch: string): number {
    return this.#logs.get(epoch)?.length ?? 0;
  }

  /** Where a payload stands, in all epochs: once at most, or a promise is broken. */
  ofPayload(payload: string): readonly Taken[] {
    return this.#byPayload.get(payload) ?? [];
  }

  /** A number that tells positions of all epochs apart. */
  place(epoch: string, offset: number): number {
    return this.#epochs.indexOf(epoch) * 10_000_000 + offset;
  }

  indexOf(epoch: string): number {
    return this.#epochs.indexOf(epoch);
  }

  matches(bindings: Bindings, exchange: string, key: string): boolean {
    return bindings.some(([name, pattern]) => name === exchange && this.#patternMatches(pattern, key));
  }

  /** The records after one offset up to another that belong to some bindings. */
  matching(epoch: string, bindings: Bindings, after: number, upTo: number): Taken[] {
    const log = this.#logs.get(epoch) ?? [];
    return log.slice(after, upTo).filter((t) => this.matches(bindings, t.exchange, t.key));
  }

  /** The latest record of each key that matches, up to an offset. */
  lastPerKey(epoch: string, bindings: Bindings, upTo: number): Taken[] {
    const latest = new Map<string, Taken>();
    for (const taken of this.matching(epoch, bindings, 0, upTo)) {
      latest.set(`${taken.exchange}\n${taken.key}`, taken);
    }
    return [...latest.values()];
  }

  #patternMatches(pattern: string, key: string): boolean {
    const memo = `${pattern}\n${key}`;
    let found = this.#matches.get(memo);
    if (found === undefined) {
      found = matchesByDefinition(pattern, key);
      this.#matches.set(memo, found);
    }
    return found;
  }
}

/** What tells messages apart for `conflate`. */
export function conflationKey({ exchange, key, headers }: Taken, header: string | undefined): string {
  const value = header === undefined ? undefined : headers?.[header];
  return value === undefined ? `key ${exchange} ${key}` : `header ${typeof value} ${value}`;
}
