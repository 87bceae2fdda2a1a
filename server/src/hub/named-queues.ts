/**
 * Named queues by name: declared, bound, purged, deleted, described (PROTOCOL §20).
 *
 * A command on something durable is answered when that is on disk. An exclusive queue is its session's alone; no other
 * is told more of it than that it is.
 */
import {
  type BindingSpec,
  type ErrorName,
  MAX_LISTED_QUEUES,
  type PassiveDeclare,
  type QueueEmptied,
  type QueueInfo,
  type QueueOptions,
} from '@ringhub/protocol';
import { mayByBinding } from '../core/binding-permission.ts';
import { DeclaredQueue, type QueueBinding } from '../core/declared-queue.ts';
import { DEFAULT_EXCHANGE, EVENTS_EXCHANGE, isPredeclared, isReserved } from '../core/exchanges.ts';
import { NamedQueue } from '../core/named-queue.ts';
import { queueSettings, settingDifference } from '../core/queue-settings.ts';
import { toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type { QueueCommand } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import { storedBinding } from './definitions.ts';
import type { ExchangeDeletion } from './exchange-deletion.ts';
import { infoOf } from './queue-info.ts';
import { sumsOf } from './queue-sums.ts';
import type { QueueWork } from './queue-work.ts';
import type { Refusal } from './subscriptions.ts';

/** Who asks: exclusive queues are open to their session only. */
export interface Asker {
  readonly principal: Principal;
  readonly session: Session | undefined;
}

export type Answer<T> = (answer: T | Refusal) => void;

export class NamedQueues {
  private removed: (consumers: readonly number[], queue: string) => void = () => {};

  constructor(
    private readonly hub: HubContext,
    private readonly work: QueueWork,
    private readonly exchanges: ExchangeDeletion,
  ) {
    hub.engine.queues?.onSums((id, storing) => {
      const queue = hub.queueOfId(id);
      return queue && sumsOf(queue, storing);
    });
  }

  /** Performs a command; what is durable is answered when it is on disk. */
  perform(asker: Asker, command: QueueCommand, answer: Answer<QueueInfo | QueueEmptied>): void {
    switch (command.type) {
      case 'declareQueue':
        this.declare(asker, command.name, command.options, answer);
        return;
      case 'deleteQueue':
        this.delete(asker, command.name, command.options, answer);
        return;
      case 'purge':
        this.purge(asker, command.name, answer);
        return;
      case 'inspect':
        answer(this.inspect(asker, command.name));
        return;
      default:
        command satisfies never;
    }
  }

  declare(
    asker: Asker,
    name: string,
    options: QueueOptions | PassiveDeclare,
    answer: Answer<QueueInfo>,
  ): void {
    const there = this.hub.namedQueues.get(name);
    if ('passive' in options) {
      // It tells as much as `inspect`; whoever may make the queue may know that it is there.
      const { principal } = asker;
      const isPermitted = principal.may('declare-queue', name, '') || principal.may('consume', name, '');
      const found: DeclaredQueue | Refusal = isPermitted
        ? this.find(asker, name)
        : { error: 'forbidden', detail: { queue: name } };
      answer('error' in found ? found : this.describe(found));
      return;
    }
    if (!asker.principal.may('declare-queue', name, '')) {
      answer({ error: 'forbidden', detail: { queue: name } });
      return;
    }
    const declared = there ? this.declareAgain(asker, there, options) : this.create(asker, name, options);
    if ('error' in declared) {
      answer(declared);
      return;
    }
    if (!declared.isDurable) {
      answer(this.describe(declared));
      return;
    }
    const { id, options: stored, declaredBy: by } = declared;
    this.hub.definitions!.putQueue({ name, options: stored, id, by }, (error) => {
      answer(error ? { error } : this.describe(declared));
    });
  }

  /** Sets who is told of the consumers that a queue takes with it. */
  onRemoved(removed: (consumers: readonly number[], queue: string) => void): void {
    this.removed = removed;
  }

  /** The queue of a name, as far as it is open to whoever asks. */
  find({ session }: Pick<Asker, 'session'>, name: string): DeclaredQueue | Refusal {
    const queue = this.hub.namedQueues.get(name);
    if (!queue) return { error: 'queue-not-found', detail: { queue: name } };
    if (queue.owner && queue.owner !== session) return { error: 'queue-exclusive', detail: { queue: name } };
    return queue;
  }

  delete(
    asker: Asker,
    name: string,
    { ifUnused, ifEmpty }: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean },
    answer: Answer<QueueEmptied>,
  ): void {
    const queue = this.permitted(asker, name, 'delete-queue');
    if ('error' in queue) {
      answer(queue);
      return;
    }
    const detail = { queue: name };
    if (ifUnused && queue.state.consumers.size > 0) answer({ error: 'queue-in-use', detail });
    else if (ifEmpty && queue.state.messages > 0) answer({ error: 'queue-not-empty', detail });
    else {
      const messages = queue.state.messages;
      this.remove(queue, (error) => answer(error ? { error } : { messages }));
    }
  }

  purge(asker: Asker, name: string, answer: Answer<QueueEmptied>): void {
    const queue = this.permitted(asker, name, 'delete-queue');
    if ('error' in queue) {
      answer(queue);
      return;
    }
    const messages = this.work.run(queue, (moment, effects) => queue.state.purge(moment, effects));
    if (queue.isDurable)
      this.hub.engine.queues?.saveSums(queue.id, (error) => answer(error ? { error } : { messages }));
    else answer({ messages });
  }

  inspect(asker: Asker, name: string): QueueInfo | Refusal {
    const queue = this.permitted(asker, name, 'consume');
    if ('error' in queue) return queue;
    queue.state.touch(this.hub.moment());
    return this.describe(queue);
  }

  /** The first by name that this principal may consume from. */
  list(asker: Asker): QueueInfo[] {
    return this.visible(asker)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, MAX_LISTED_QUEUES)
      .map((queue) => this.describe(queue));
  }

  countOf(asker: Asker): number {
    return this.visible(asker).length;
  }

  private visible({ principal, session }: Asker): DeclaredQueue[] {
    return [...this.hub.namedQueues.values()].filter(
      ({ name, owner }) => (!owner || owner === session) && principal.may('consume', name, ''),
    );
  }

  /** Binds a queue to an exchange, or takes that back; what is durable is answered when it is on disk. */
  changeBinding(
    asker: Asker,
    type: 'bind' | 'unbind',
    name: string,
    spec: BindingSpec,
    done: (refusal?: Refusal) => void,
  ): void {
    const binding = this.bindingOf(asker.principal, name, spec);
    if ('error' in binding) {
      done(binding);
      return;
    }
    const queue = this.find(asker, name);
    if ('error' in queue) {
      done(queue);
      return;
    }
    if (type === 'bind') this.bind(queue, binding, done);
    else this.unbind(queue, binding, done);
  }

  /** Exclusive queues, of one session or of all, whose bindings their sessions might not make now. */
  notPermitted(session?: Session): Set<DeclaredQueue> {
    const found = new Set<DeclaredQueue>();
    for (const queue of this.hub.namedQueues.values()) {
      const { owner } = queue;
      if (!owner || (session && owner !== session)) continue;
      const isPermitted = queue.bindings.every(
        (binding) => binding.exchange.name === DEFAULT_EXCHANGE || mayBindQueue(owner.principal, binding),
      );
      if (!isPermitted) found.add(queue);
    }
    return found;
  }

  /** Ends a queue with everything in it; none of its messages is a dead letter. */
  remove(queue: DeclaredQueue, stored: (error?: ErrorName) => void = () => {}): void {
    // What was its last consumer may have taken it along.
    if (this.hub.namedQueues.get(queue.name) !== queue) {
      stored();
      return;
    }
    const consumers = [...queue.state.consumers.keys()];
    this.work.run(queue, (moment, effects) => queue.state.close(moment, effects));
    this.hub.forgetQueue(queue);
    this.removed(consumers, queue.name);
    for (const binding of queue.bindings) {
      queue.unbind(binding);
      if (binding.exchange.name !== DEFAULT_EXCHANGE) {
        this.hub.bindings--;
        this.hub.definitions?.removeBinding(
          'b',
          storedBinding(binding.exchange.name, queue.name, binding.spec),
        );
      }
      this.exchanges.deleteIfLeftOver(binding.exchange);
    }
    if (!queue.isDurable) {
      stored();
      return;
    }
    this.hub.engine.queues?.remove(queue.id);
    this.hub.definitions?.removeQueue(queue.name, stored);
  }

  /** Nothing more is delivered: what may have been delivered before is stored exactly. */
  stop(): void {
    for (const queue of this.hub.namedQueues.values()) {
      queue.alarm?.stop();
      if (!queue.isDurable) continue;
      queue.state.stopDelivering();
      this.hub.engine.queues?.saveSums(queue.id, () => {});
    }
  }

  /** A session ends: its exclusive queues go with it. */
  sessionEnded(session: Session): void {
    for (const queue of this.hub.namedQueues.values()) if (queue.owner === session) this.remove(queue);
  }

  sweep(): void {
    for (const queue of this.hub.namedQueues.values()) {
      this.work.attempt(queue, (moment, effects) => queue.state.sweep(moment, effects));
    }
  }

  describe(queue: DeclaredQueue): QueueInfo {
    return infoOf(queue, this.hub.clock.nowMs());
  }

  // ── declaring ──

  private declareAgain(
    { session }: Asker,
    there: DeclaredQueue,
    options: QueueOptions,
  ): DeclaredQueue | Refusal {
    const detail = { queue: there.name };
    if (there.owner && there.owner !== session) return { error: 'queue-exclusive', detail };
    const settings = queueSettings(options);
    if (typeof settings === 'string') return { error: 'bad-argument', detail: { field: settings } };
    const difference = settingDifference(there.state.settings, settings);
    if (difference) return { error: 'queue-mismatch', detail: { ...detail, field: difference } };
    there.state.touch(this.hub.moment());
    return there;
  }

  private create(
    { principal, session }: Asker,
    name: string,
    options: QueueOptions,
  ): DeclaredQueue | Refusal {
    const settings = queueSettings(options);
    if (typeof settings === 'string') return { error: 'bad-argument', detail: { field: settings } };
    if (isReserved(name)) return { error: 'reserved-name', detail: { queue: name } };
    const isFull = this.hub.namedQueues.size >= this.hub.limits.maxNamedQueues;
    if (isFull || this.hub.hasDeclaredAll(principal)) return { error: 'too-many-queues' };
    if (settings.exclusive && !session) return { error: 'queue-exclusive', detail: { queue: name } };
    if (settings.durable && !this.hub.definitions) {
      return { error: 'bad-argument', detail: { field: 'options.durable', why: 'the hub keeps no data' } };
    }
    const { deadLetterExchange: buried, deadLetterKey } = settings;
    // Whoever rejects a message publishes it there; the hub's own events are nobody else's to publish.
    if (buried === EVENTS_EXCHANGE) {
      return {
        error: 'bad-argument',
        detail: { field: 'options.deadLetterExchange', why: 'only the hub publishes there' },
      };
    }
    if (buried !== undefined && !mayBury(principal, name, buried, deadLetterKey))
      return { error: 'forbidden', detail: { exchange: buried } };
    const state = new NamedQueue(name, settings, this.hub.moment());
    const owner = settings.exclusive ? session : undefined;
    const id = this.hub.nextNamedQueueId(settings.durable);
    const queue = new DeclaredQueue(id, options, state, owner, principal.subject);
    this.hub.rememberQueue(queue);
    return queue;
  }

  private permitted(asker: Asker, name: string, action: 'consume' | 'delete-queue'): DeclaredQueue | Refusal {
    if (!asker.principal.may(action, name, '')) return { error: 'forbidden', detail: { queue: name } };
    return this.find(asker, name);
  }

  // ── binding ──

  private bindingOf(
    principal: Principal,
    name: string,
    [from, key, args]: BindingSpec,
  ): QueueBinding | Refusal {
    const isKnown =
      principal.maySome('bind', from) &&
      principal.maySome('subscribe', from) &&
      principal.may('declare-queue', name, '');
    if (!isKnown) return { error: 'forbidden', detail: { exchange: from } };
    const exchange = this.hub.exchanges.get(from);
    if (!exchange) return { error: 'unknown-exchange', detail: { exchange: from } };
    if (from === DEFAULT_EXCHANGE) return { error: 'default-exchange' };
    if (!mayBindQueue(principal, { exchange, spec: { key } }))
      return { error: 'forbidden', detail: { exchange: from } };
    return { exchange, spec: toArguments(key, args) };
  }

  private bind(queue: DeclaredQueue, binding: QueueBinding, done: (refusal?: Refusal) => void): void {
    if (this.hub.bindings >= this.hub.limits.maxBindings) {
      done({ error: 'too-many-bindings' });
      return;
    }
    if (queue.bind(binding)) this.hub.bindings++;
    if (!isStored(queue, binding)) {
      done();
      return;
    }
    const stored = storedBinding(binding.exchange.name, queue.name, binding.spec);
    this.hub.definitions!.putBinding('b', stored, (error) => done(error && { error }));
  }

  private unbind(queue: DeclaredQueue, binding: QueueBinding, done: (refusal?: Refusal) => void): void {
    if (!queue.unbind(binding)) {
      done({ error: 'unknown-binding' });
      return;
    }
    this.hub.bindings--;
    this.exchanges.deleteIfLeftOver(binding.exchange);
    if (!isStored(queue, binding)) {
      done();
      return;
    }
    const stored = storedBinding(binding.exchange.name, queue.name, binding.spec);
    this.hub.definitions!.removeBinding('b', stored, (error) => done(error && { error }));
  }
}

/** Whoever binds a queue has the exchange's messages read by its consumers. */
export const mayBindQueue = (principal: Principal, { exchange, spec }: QueueBinding): boolean =>
  mayByBinding(principal, 'bind', exchange.name, exchange.options, spec.key) &&
  mayByBinding(principal, 'subscribe', exchange.name, exchange.options, spec.key);

/**
 * Dead letters take what is in the queue out of it, so it takes the permission to consume from it, too. Without a key of
 * their own they are published with those that they came with.
 */
const mayBury = (principal: Principal, queue: string, exchange: string, key: string | undefined): boolean =>
  principal.may('consume', queue, '') &&
  (key === undefined ? principal.mayAll('publish', exchange, '#') : principal.may('publish', exchange, key));

/** A binding outlives the hub where both its ends do. */
const isStored = (queue: DeclaredQueue, { exchange }: QueueBinding): boolean =>
  queue.isDurable && (exchange.log === 'd' || isPredeclared(exchange.name));
