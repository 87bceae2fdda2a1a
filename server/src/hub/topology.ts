/**
 * Commands that change or list what the hub routes by: exchanges and bindings (PROTOCOL §5).
 */
import {
  type BindingInfo,
  type BindingSpec,
  type Bound,
  type ExchangeOptions,
  formatCursor,
  type PassiveDeclare,
  type Topology,
} from '@ringhub/protocol';
import { mayByBinding } from '../core/binding-permission.ts';
import type { DeclaredQueue, HubExchange } from '../core/declared-queue.ts';
import { DEFAULT_EXCHANGE, type ExchangeBinding } from '../core/exchanges.ts';
import { type BindingArguments, fromArguments, toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Action, Principal } from '../ports/auth.ts';
import type { TopologyChange } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import { storedBinding } from './definitions.ts';
import type { ExchangeDeletion } from './exchange-deletion.ts';
import type { Command } from './hub.ts';
import type { Asker, NamedQueues } from './named-queues.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

type Done = (refusal?: Refusal) => void;
/** Of a binding to a queue of the session itself. */
type BoundOrRefused = (answer?: Bound | Refusal) => void;

export type TopologyCommand = Extract<Command, { type: 'declare' | 'bind' | 'unbind' | 'delete' }>;

/** Whoever may do one of these with an exchange may ask whether it is there. */
const ASKED_FOR: readonly Action[] = ['publish', 'subscribe', 'declare', 'bind', 'delete'];

/** Entries of each kind in one list: it has to fit a frame, and be made in one turn. */
const MAX_LISTED = 1_000;
/** Bindings held against the permissions of whoever may read only a part of their exchanges. */
const MAX_LOOKED_AT = 10_000;

export class TopologyCommands {
  constructor(
    private readonly hub: HubContext,
    private readonly subscriptions: Subscriptions,
    private readonly queues: NamedQueues,
    private readonly deletion: ExchangeDeletion,
  ) {}

  /** Performs a command of a session, or says why not; what is durable is done when it is on disk. */
  change(session: Session, command: TopologyCommand, done: BoundOrRefused): void {
    if ('to' in command && typeof command.to === 'number') {
      done(this.changeQueue(session, command, command.to));
      return;
    }
    this.changeGraph({ principal: session.principal, session }, command as TopologyChange, done);
  }

  /** Performs what is about exchanges and named queues only, or says why not. */
  changeGraph(asker: Asker, command: TopologyChange, done: Done): void {
    switch (command.type) {
      case 'declare':
        this.declare(asker.principal, command.exchange, command.options, done);
        return;
      case 'delete':
        this.delete(asker.principal, command.exchange, command.ifUnused, done);
        return;
      case 'bind':
      case 'unbind':
        if (typeof command.to === 'string')
          this.changeExchange(asker.principal, command.type, command.binding, command.to, done);
        else this.queues.changeBinding(asker, command.type, command.to.queue, command.binding, done);
        return;
      default:
        command satisfies never;
    }
  }

  private declare(
    principal: Principal,
    name: string,
    options: ExchangeOptions | PassiveDeclare,
    done: Done,
  ): void {
    const detail = { exchange: name };
    if ('passive' in options) {
      // What one may do nothing with is not told to be there.
      const isKnown = ASKED_FOR.some((action) => principal.maySome(action, name));
      const isThere = this.hub.exchanges.get(name) !== undefined;
      done(
        isKnown
          ? isThere
            ? undefined
            : { error: 'unknown-exchange', detail }
          : { error: 'forbidden', detail },
      );
      return;
    }
    if (!mayDeclare(principal, name, options)) {
      done({ error: 'forbidden', detail });
      return;
    }
    const { definitions, exchanges } = this.hub;
    if (options.durable && !definitions) {
      done({ error: 'bad-argument', detail: { field: 'options.durable', why: 'the hub keeps no data' } });
      return;
    }
    const { subject } = principal;
    const isThere = exchanges.get(name) !== undefined;
    const isFull = this.hub.hasDeclaredAll(principal);
    const error = exchanges.declare(name, options, { subject, isFull });
    if (!error && !isThere) this.hub.declared.add(subject);
    if (error || !options.durable || !definitions) {
      done(error && { error, detail });
      return;
    }
    this.hub.saveNumbers();
    const { incarnation, declaredBy: by } = exchanges.get(name)!;
    definitions.putExchange({ name, options, incarnation, by }, (failure) =>
      done(failure && { error: failure }),
    );
  }

  private delete(principal: Principal, name: string, ifUnused: boolean, done: Done): void {
    const detail = { exchange: name };
    if (!principal.may('delete', name, '')) {
      done({ error: 'forbidden', detail });
      return;
    }
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) {
      done({ error: 'unknown-exchange', detail });
      return;
    }
    const error = this.hub.exchanges.deletionFault(exchange, ifUnused);
    if (error) {
      done({ error, detail });
      return;
    }
    this.deletion.delete(exchange, (failure) => done(failure && { error: failure }));
  }

  /**
   * What this principal may subscribe to, as far as it fits: exchanges of which it may read something, and bindings that
   * take nothing else. Those of other people's sessions are for admins.
   */
  list(asker: Asker): Topology {
    const { principal } = asker;
    const isAdmin = principal.may('admin', '', '');
    const exchanges = [...this.hub.exchanges].filter(({ name }) => principal.maySome('subscribe', name));
    const whole = new Set(exchanges.filter(({ name }) => principal.mayAll('subscribe', name, '#')));
    const counted = new Map<HubExchange, number>();
    const bindings: BindingInfo[] = [];
    let left = 0;
    let looked = 0;
    const add = (exchange: HubExchange, spec: BindingArguments, to: BindingInfo['to']): void => {
      if (!whole.has(exchange)) {
        if (!principal.maySome('subscribe', exchange.name)) return;
        // Each may be a new question of what contains what.
        if (++looked > MAX_LOOKED_AT) left++;
        if (looked > MAX_LOOKED_AT || !mayRead(principal, exchange, spec)) return;
        counted.set(exchange, (counted.get(exchange) ?? 0) + 1);
      }
      if (bindings.length < MAX_LISTED) bindings.push(infoOf(exchange, spec, to));
      else left++;
    };
    for (const { source, destination, binding } of this.hub.exchanges.exchangeBindings)
      add(source, binding, { exchange: destination.name });
    for (const { name, bindings: bound, owner } of this.hub.namedQueues.values()) {
      if (owner && owner !== asker.session) continue;
      // To the default exchange every queue is bound.
      for (const { exchange, spec } of bound)
        if (exchange.name !== DEFAULT_EXCHANGE) add(exchange, spec, { namedQueue: name });
    }
    for (const session of this.hub.sessions.values()) {
      if (!isAdmin && session.principal.subject !== principal.subject) continue;
      for (const { queue, bindings: bound } of session.subscriptions.values()) {
        for (const { exchange, spec } of bound) add(exchange, spec, { session: session.id, queue: queue.id });
      }
    }
    const queues = this.queues.list(asker);
    return {
      exchanges: exchanges.slice(0, MAX_LISTED).map((exchange) => ({
        name: exchange.name,
        ...exchange.options,
        // Of what it may not read not even the number.
        bindings: whole.has(exchange) ? bindingCountOf(exchange) : (counted.get(exchange) ?? 0),
      })),
      bindings,
      queues,
      complete: left === 0 && exchanges.length <= MAX_LISTED && queues.length === this.queues.countOf(asker),
    };
  }

  private changeQueue(
    session: Session,
    { type, binding }: BindCommand,
    queue: number,
  ): Bound | Refusal | undefined {
    const subscription = session.subscriptions.get(queue);
    if (!subscription) return { error: 'unknown-queue', detail: { queue } };
    const wanted = this.subscriptions.find(session.principal, binding);
    if ('error' in wanted) return wanted;
    if (type === 'unbind') {
      return this.subscriptions.unbind(subscription, wanted) ? undefined : { error: 'unknown-binding' };
    }
    if (session.bindings >= session.limits.maxBindings || this.hub.bindings >= this.hub.limits.maxBindings) {
      return { error: 'too-many-bindings' };
    }
    this.subscriptions.bind(subscription, wanted);
    // Of a log that it did not read before, the client's cursor would say nothing until something of it was processed.
    const { log, epoch, start } = subscription.queue.readers.of(wanted.exchange.log)!;
    return { cursor: formatCursor([{ log, epoch, offset: start }]) };
  }

  private changeExchange(
    principal: Principal,
    type: 'bind' | 'unbind',
    [name, key, args]: BindingSpec,
    to: string,
    done: Done,
  ): void {
    const forbidden: Refusal = { error: 'forbidden', detail: { exchange: name } };
    const isKnown =
      principal.maySome('bind', name) &&
      principal.maySome('subscribe', name) &&
      principal.maySome('publish', to);
    if (!isKnown) {
      done(forbidden);
      return;
    }
    if (name === DEFAULT_EXCHANGE || to === DEFAULT_EXCHANGE) {
      done({ error: 'default-exchange' });
      return;
    }
    const source = this.hub.exchanges.get(name);
    const destination = this.hub.exchanges.get(to);
    if (!source || !destination) {
      done({ error: 'unknown-exchange', detail: { exchange: source ? to : name } });
      return;
    }
    // Whoever binds two exchanges has one's messages read and the other written to.
    const isPermitted =
      mayByBinding(principal, 'bind', name, source.options, key) &&
      mayByBinding(principal, 'subscribe', name, source.options, key) &&
      mayByBinding(principal, 'publish', to, source.options, key);
    if (!isPermitted) {
      done(forbidden);
      return;
    }
    const link = { source, destination, binding: toArguments(key, args) };
    if (type === 'bind') this.link(link, done);
    else this.unlink(link, done);
  }

  private link(link: ExchangeBinding<Subscription, DeclaredQueue>, done: Done): void {
    const { maxBindings, maxExchangeBindings } = this.hub.limits;
    const { source, destination, binding } = link;
    const isFull =
      this.hub.bindings >= maxBindings || this.hub.exchanges.exchangeBindingCount >= maxExchangeBindings;
    // What is published to one log cannot be read from the other.
    if (source.log !== destination.log) done({ error: 'durability-mismatch' });
    else if (isFull) done({ error: 'too-many-bindings' });
    else {
      if (this.hub.exchanges.bindExchange(link)) this.hub.bindings++;
      const stored = storedBinding(source.name, destination.name, binding);
      if (isStored(link)) this.hub.definitions?.putBinding('e', stored, (error) => done(error && { error }));
      else done();
    }
  }

  private unlink(link: ExchangeBinding<Subscription, DeclaredQueue>, done: Done): void {
    if (!this.hub.exchanges.unbindExchange(link)) {
      done({ error: 'unknown-binding' });
      return;
    }
    this.hub.bindings--;
    const { source, destination, binding } = link;
    this.deletion.deleteIfLeftOver(source);
    const stored = storedBinding(source.name, destination.name, binding);
    if (isStored(link)) this.hub.definitions?.removeBinding('e', stored, (error) => done(error && { error }));
    else done();
  }
}

const mayRead = (principal: Principal, { name, options }: HubExchange, { key }: BindingArguments): boolean =>
  mayByBinding(principal, 'subscribe', name, options, key);

/** What an exchange has no binding for goes to its alternate: that is written to, and its readers read this one. */
function mayDeclare(principal: Principal, name: string, { alternate }: ExchangeOptions): boolean {
  if (!principal.may('declare', name, '')) return false;
  if (alternate === undefined) return true;
  return principal.mayAll('subscribe', name, '#') && principal.mayAll('publish', alternate, '#');
}

/** Of durable exchanges only: what the volatile ones lead to is gone with the hub. */
const isStored = ({ source }: ExchangeBinding<Subscription, DeclaredQueue>): boolean => source.log === 'd';

type BindCommand = Extract<TopologyCommand, { type: 'bind' | 'unbind' }>;

const bindingCountOf = ({ name, table, queues, destinations }: HubExchange): number =>
  table.bindingCount + destinations.bindingCount + (name === DEFAULT_EXCHANGE ? 0 : queues.bindingCount);

function infoOf({ name }: HubExchange, binding: BindingArguments, to: BindingInfo['to']): BindingInfo {
  const args = fromArguments(binding);
  return {
    exchange: name,
    key: binding.key,
    ...(args ? { args } : {}),
    to,
  };
}
