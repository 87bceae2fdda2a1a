/**
 * What was really published: every record that an engine took, by epoch and offset, seen at the engine itself. All
 * accounts are held against it, with the naive router's word on which exchanges each one reached.
 */
import type { Headers, LogId } from '@ringhub/protocol';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { type Bound, type Declared, isFor } from './reference-router.ts';

export interface Taken {
  readonly log: LogId;
  readonly epoch: string;
  readonly offset: number;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Headers | undefined;
  /** By the reference router, in incarnations of its own. */
  readonly reached: readonly number[];
  /** These, as they were then. */
  readonly exchanges: readonly Declared[];
  /** The text its publisher made, unlike any other: `publisher/number` and filling. */
  readonly payload: string;
  readonly id: string | undefined;
  readonly subject: string;
  readonly timeMs: number;
  readonly ttlMs: number | undefined;
  /** On the world's clock. */
  readonly expiresMs: number;
  /** Number of the hub that took it. */
  readonly process: number;
}

/** The one epoch of the durable log: no crash of the hub ends it. */
export const DISK_EPOCH = 'disk';

/** What the engine was given, as it will stand in the truth once the log has it. */
export function takenOf(
  epoch: string,
  record: StoredRecord,
  { reached, exchanges }: Pick<Taken, 'reached' | 'exchanges'>,
  nowMs: number,
  process: number,
): Taken {
  const { log, offset, exchange, key, headers, id, subject, timeMs, ttlMs } = record;
  const payload = String(record.payload);
  const expiresMs = ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + ttlMs;
  return {
    log,
    epoch,
    offset,
    exchange,
    key,
    headers,
    reached,
    exchanges,
    payload,
    id,
    subject,
    timeMs,
    ttlMs,
    expiresMs,
    process,
  };
}

export class Truth {
  readonly #logs = new Map<string, Taken[]>();
  readonly epochs: string[] = [];
  readonly #byPayload = new Map<string, Taken[]>();

  begin(epoch: string): void {
    this.#logs.set(epoch, []);
    this.epochs.push(epoch);
  }

  /** Adds a record; false where its offset is not the next one. */
  take(taken: Taken): boolean {
    const log = this.#logs.get(taken.epoch)!;
    log.push(taken);
    const same = this.#byPayload.get(taken.payload);
    if (same) same.push(taken);
    else this.#byPayload.set(taken.payload, [taken]);
    return taken.offset === log.length;
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
    return this.epochs.indexOf(epoch) * 10_000_000 + offset;
  }

  indexOf(epoch: string): number {
    return this.epochs.indexOf(epoch);
  }

  /** The records after one offset, up to another. */
  between(epoch: string, after: number, upTo: number): Taken[] {
    return (this.#logs.get(epoch) ?? []).slice(after, upTo);
  }

  /** Of each exchange and key the latest record up to an offset, where that one matches. */
  lastPerKey(epoch: string, bindings: readonly Bound[], upTo: number): Taken[] {
    const found = new Set<Taken>();
    for (const incarnation of new Set(bindings.map((b) => b.exchange.incarnation))) {
      const own = bindings.filter((b) => b.exchange.incarnation === incarnation);
      const latest = new Map<string, Taken>();
      for (const taken of this.between(epoch, 0, upTo)) {
        if (taken.reached.includes(incarnation)) latest.set(taken.key, taken);
      }
      for (const taken of latest.values()) if (isFor(own, taken)) found.add(taken);
    }
    return [...found];
  }
}

/** What tells messages apart for `conflate`. */
export function conflationKey({ exchange, key, headers }: Taken, header: string | undefined): string {
  const value = header === undefined ? undefined : headers?.[header];
  return value === undefined ? `key ${exchange} ${key}` : `header ${typeof value} ${value}`;
}

/**
 * Whether nobody may be given a message any more. Of the durable log it may be read from disk, where a TTL goes by the wall
 * clock, which jumps: it has expired for certain where both clocks say so.
 */
export function isExpired({ log, timeMs, ttlMs, expiresMs }: Taken, nowMs: number, wallMs: number): boolean {
  if (expiresMs >= nowMs) return false;
  return log === 'v' || timeMs + ttlMs! < wallMs;
}

/** Whether one of them does. */
export function mayBeExpired(
  { log, timeMs, ttlMs, expiresMs }: Taken,
  nowMs: number,
  wallMs: number,
): boolean {
  return expiresMs <= nowMs || (log === 'd' && ttlMs !== undefined && timeMs + ttlMs <= wallMs);
}
