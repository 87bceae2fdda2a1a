/**
 * What a broker made of one operation, as far as both can say it: its answer, what consumers got, and what is there after it.
 */
import type { Headers } from '@ringhub/protocol';

/** How one command, or one message of a publish, was answered. */
export type Said =
  | 'ok'
  /** There was nothing to do it with: no such consumer, nothing unsettled. */
  | 'nothing'
  | 'unroutable'
  | 'queue-refused'
  | 'not-found'
  | 'mismatch'
  | 'in-use'
  | 'not-empty'
  | 'refused'
  | 'locked'
  | 'bad-argument';

export interface Answer {
  /** One for a command, one for each message of a publish. */
  readonly said: readonly Said[];
  /** Of a purge or a deletion: how many went. */
  readonly messages?: number;
}

export interface SeenDeath {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
  readonly exchange: string;
  readonly keys: readonly string[];
  readonly originalTtlMs?: number;
}

/** One delivery. */
export interface Seen {
  /** The beginning of its payload, which no other message has. */
  readonly message: string;
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  /** Where the queue has a delivery limit: how often it failed before. */
  readonly failed?: number;
  readonly headers: Headers;
  readonly deaths: readonly SeenDeath[];
}

export interface QueueState {
  readonly ready: number;
  readonly consumers: number;
}

export interface BrokerState {
  readonly queues: ReadonlyMap<string, QueueState>;
  readonly exchanges: ReadonlySet<string>;
}

export interface Outcome {
  readonly answer: Answer;
  /** Of each consumer, in order, since the last operation. */
  readonly deliveries: ReadonlyMap<string, readonly Seen[]>;
  /** Consumers whose queue went. */
  readonly ended: ReadonlySet<string>;
  readonly state: BrokerState;
}

/** A plain object in one order, to be compared and printed. */
export function plain({ answer, deliveries, ended, state }: Outcome) {
  const sorted = <T>(entries: Iterable<readonly [string, T]>): Record<string, T> =>
    Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    said: answer.said.every((said) => said === answer.said[0]) ? answer.said[0] : answer.said.join(' '),
    ...(answer.messages === undefined ? {} : { messages: answer.messages }),
    deliveries: sorted([...deliveries].filter(([, seen]) => seen.length > 0)),
    ended: [...ended].sort(),
    queues: sorted(state.queues),
    exchanges: [...state.exchanges].sort(),
  };
}

/** A delivery, short: `m3.1!` is one that is redelivered. */
export function seenText({ message, exchange, key, redelivered, failed, headers, deaths }: Seen): string {
  const died = deaths.map(
    ({ queue, reason, count, exchange: from, keys, originalTtlMs }) =>
      `${reason}@${queue}×${count}(${from}:${keys.join()}${originalTtlMs === undefined ? '' : ` ttl ${originalTtlMs}`})`,
  );
  const shown = Object.keys(headers).length > 0 ? ` ${JSON.stringify(headers)}` : '';
  return `${message}${redelivered ? '!' : ''}${failed ?? ''}(${exchange}:${key}${shown})${died.length > 0 ? `†${died.join('†')}` : ''}`;
}

/** What an outcome says, in a line of a table. */
export function outcomeText(outcome: Outcome): string {
  const { said, messages, deliveries, ended, queues, exchanges } = plain(outcome);
  const got = Object.entries(deliveries).map(
    ([consumer, seen]) => `${consumer}←${seen.map(seenText).join(' ')}`,
  );
  const there = Object.entries(queues).map(
    ([name, { ready, consumers }]) => `${name}:${ready}${consumers > 0 ? `/${consumers}c` : ''}`,
  );
  return [
    `${said}${messages === undefined ? '' : ` (${messages})`}`,
    ...got,
    ...(ended.length > 0 ? [`ended ${ended.join()}`] : []),
    `[${there.join(' ')}] {${exchanges.join()}}`,
  ].join('  ');
}
