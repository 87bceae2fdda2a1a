/**
 * One subscription: a session queue and the bindings that fill it (PROTOCOL §6). Bindings point to it.
 */

import { type ExchangeType, splitWords } from '@ringhub/protocol';
import type { Principal } from '../ports/auth.ts';
import type { StoredRecord } from '../ports/engine.ts';
import { mayByBinding, mayReadKey } from './binding-permission.ts';
import type { HubExchange } from './declared-queue.ts';
import { LazySet } from './lazy-map.ts';
import type { BindingArguments, Matcher } from './routing-table.ts';
import type { Session } from './session.ts';
import type { SessionQueue } from './session-queue.ts';
import { isWildcard } from './topic-match.ts';

export interface Binding {
  readonly exchange: HubExchange;
  readonly spec: BindingArguments;
  /** The one key that matches, where there is only one: compared as it is, as most keys of a log are another. */
  readonly matches: string | Matcher;
}

/** What was asked to be bound, found to exist and to be permitted. */
export type Wanted = Pick<Binding, 'exchange' | 'spec'>;

export const toBinding = ({ exchange, spec }: Wanted): Binding => ({
  exchange,
  spec,
  matches: onlyKeyOf(exchange.options.type, spec.key) ?? exchange.table.matcher(spec),
});

const onlyKeyOf = (type: ExchangeType, key: string): string | undefined =>
  type === 'direct' || (type === 'topic' && !isWildcard(key)) ? key : undefined;

/** Whether a record read from a log belongs to one of these bindings. */
export function bindingsMatch(bindings: readonly Binding[], record: StoredRecord): boolean {
  const { key, headers, reached } = record;
  let words: readonly string[] | undefined;
  return bindings.some(({ exchange, matches }) => {
    if (!reached.includes(exchange.incarnation)) return false;
    if (typeof matches === 'string') return key === matches;
    words ??= splitWords(key);
    return matches(words, headers);
  });
}

const isSame = (a: Wanted, b: Wanted): boolean =>
  a.exchange === b.exchange && JSON.stringify(a.spec) === JSON.stringify(b.spec);

export class Subscription {
  readonly bindings: Binding[] = [];
  /** The last record of the feed that was offered: one that reached several of its exchanges is offered once. */
  offered = 0;
  /** Of the session's list of those that may have something to send. */
  isDirty = false;
  nextDirty: Subscription | undefined;
  /** Exchanges of bindings that were taken back while the queue held what they had brought. */
  private readonly former = new LazySet<HubExchange>();

  constructor(
    readonly session: Session,
    readonly queue: SessionQueue,
  ) {}

  /** From now on live messages of this binding come to this queue; false where it was bound so already. */
  bind(wanted: Wanted): boolean {
    if (this.bindings.some((binding) => isSame(binding, wanted))) return false;
    this.bindings.push(toBinding(wanted));
    wanted.exchange.table.bind(wanted.spec, this);
    return true;
  }

  /** False where there is no such binding. */
  unbind(wanted: Wanted): boolean {
    const at = this.bindings.findIndex((binding) => isSame(binding, wanted));
    if (at < 0) return false;
    this.bindings.splice(at, 1);
    wanted.exchange.table.unbind(wanted.spec, this);
    if (this.holdsMessages) this.former.add(wanted.exchange);
    return true;
  }

  /** The exchange of a binding that this principal might not make now, or of a message held that it may not read. */
  forbiddenTo(principal: Principal): HubExchange | undefined {
    const binding = this.bindings.find(
      ({ exchange, spec }) =>
        !mayByBinding(principal, 'subscribe', exchange.name, exchange.options, spec.key),
    );
    return binding?.exchange ?? this.forbiddenMessageTo(principal);
  }

  /** Whatever the bindings bring may be read; what one brought that was taken back is looked at message by message. */
  private forbiddenMessageTo(principal: Principal): HubExchange | undefined {
    if (!this.holdsMessages) this.former.clear();
    if (this.former.size === 0) return undefined;
    const exchanges = new Set([...this.bindings.map(({ exchange }) => exchange), ...this.former]);
    for (const { reached, key } of this.held()) {
      const ways = [...exchanges].filter(({ incarnation }) => reached.includes(incarnation));
      if (!ways.some(({ name, options }) => mayReadKey(principal, name, options, key))) return ways[0];
    }
    return undefined;
  }

  private get holdsMessages(): boolean {
    return this.queue.ready.messages + this.queue.window.messages > 0;
  }

  private *held(): Iterable<StoredRecord> {
    const { ready, window: unacked } = this.queue;
    for (let i = 0; i < ready.length; i++) {
      const entry = ready.peek(i);
      if (entry?.kind === 'message') yield entry;
    }
    for (let tag = unacked.firstTag; tag <= unacked.lastTag; tag++) {
      const entry = unacked.get(tag);
      if (entry?.kind === 'message') yield entry;
    }
  }

  matches(record: StoredRecord): boolean {
    return bindingsMatch(this.bindings, record);
  }
}
