/**
 * Dead letters: what is published to a queue's dead-letter exchange, with `x-death` as RabbitMQ keeps it.
 *
 * `x-death` is a list, newest first, with one entry for each {queue, reason}: a message that dies there again moves
 * the entry to the front and counts it up; time, exchange, keys and TTL in it stay those of the first death. A
 * message that comes back to a queue in which it has died before goes round in circles, and is dropped there, unless
 * a consumer rejected it on the way.
 */
import type { DeadLetterReason, Death } from '@ringhub/protocol';
import type { NewRecord, StoredRecord } from '../ports/engine.ts';

export type DeathReason = DeadLetterReason;

/** Newest first. */
export type DeathHistory = readonly Death[];

/** A message with more deaths than this to tell is not published again. */
export const MAX_DEATHS = 64;

/** A publish to a dead-letter exchange. It carries the message's id, but is no second publish under it. */
export interface DeadLetter extends Omit<NewRecord, 'log'> {
  readonly xDeath: DeathHistory;
}

export interface DeathPlace {
  readonly queue: string;
  readonly reason: DeathReason;
  readonly wallMs: number;
  readonly deadLetterExchange: string;
  readonly deadLetterKey: string | undefined;
}

/**
 * The publish for a message that died.
 *
 * @returns `undefined` where it has too many deaths behind it; then it is dropped
 */
export function deadLetterOf(record: StoredRecord, place: DeathPlace): DeadLetter | undefined {
  const xDeath = withDeath(record.xDeath ?? [], {
    queue: place.queue,
    reason: place.reason,
    count: 1,
    timeMs: place.wallMs,
    exchange: record.exchange,
    keys: [record.key],
    ...(record.ttlMs === undefined ? {} : { originalTtlMs: record.ttlMs }),
  });
  if (xDeath.length > MAX_DEATHS) return undefined;
  return {
    exchange: place.deadLetterExchange,
    key: place.deadLetterKey ?? record.key,
    payload: record.payload,
    payloadBytes: record.payloadBytes,
    contentType: record.contentType,
    headers: record.headers,
    id: record.id,
    ttlMs: undefined,
    subject: record.subject,
    reached: [],
    xDeath,
  };
}

/** A history with one more death, which counts up one of the same queue and reason. */
export function withDeath(history: DeathHistory, death: Death): DeathHistory {
  const isSame = (d: Death): boolean => d.queue === death.queue && d.reason === death.reason;
  const before = history.find(isSame);
  if (!before) return [death, ...history];
  return [{ ...before, count: before.count + 1 }, ...history.filter((d) => !isSame(d))];
}

/** Whether a dead letter, its newest death included, must not enter a queue: it would go in circles by itself. */
export function isDeathCycle(history: DeathHistory, targetQueue: string): boolean {
  if (history[0]?.reason === 'rejected') return false;
  const last = history.findIndex(({ queue }) => queue === targetQueue);
  return last >= 0 && history.slice(0, last + 1).every(({ reason }) => reason !== 'rejected');
}
