/**
 * One subscription: a session queue and the bindings that fill it (PROTOCOL §6). Bindings point to it.
 */
import { splitWords } from '@ringhub/protocol';
import type { Principal } from '../ports/auth.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { Exchange } from './exchanges.ts';
import type { Session } from './session.ts';
import type { SessionQueue } from './session-queue.ts';
import { topicMatches } from './topic-match.ts';

export interface Binding {
  readonly exchange: Exchange<Subscription>;
  readonly pattern: string;
  readonly words: readonly string[];
}

export const toBinding = ({ exchange, pattern }: Pick<Binding, 'exchange' | 'pattern'>): Binding => ({
  exchange,
  pattern,
  words: splitWords(pattern),
});

/** Whether a record read from a log belongs to one of these bindings. */
export function bindingsMatch(bindings: readonly Binding[], record: StoredRecord): boolean {
  const key = splitWords(record.key);
  return bindings.some(
    ({ exchange, words }) => record.reached.includes(exchange.incarnation) && topicMatches(words, key),
  );
}

export class Subscription {
  readonly bindings: readonly Binding[];

  constructor(
    readonly session: Session,
    readonly queue: SessionQueue,
    bindings: readonly Pick<Binding, 'exchange' | 'pattern'>[],
  ) {
    this.bindings = bindings.map(toBinding);
  }

  /** From now on live messages of these bindings come to this queue. */
  bind(): void {
    for (const { exchange, pattern } of this.bindings) exchange.topic.bind(pattern, this);
  }

  unbind(): void {
    for (const { exchange, pattern } of this.bindings) exchange.topic.unbind(pattern, this);
  }

  /** Whether it might be made by this principal now. */
  isPermitted(principal: Principal): boolean {
    return this.bindings.every(({ exchange, pattern }) => principal.may('subscribe', exchange.name, pattern));
  }

  matches(record: StoredRecord): boolean {
    return bindingsMatch(this.bindings, record);
  }
}
