/**
 * Commands that change or list what the hub routes by: exchanges and bindings (PROTOCOL §5).
 */
import type { BindingInfo, ExchangeOptions, PassiveDeclare, Topology } from '@ringhub/protocol';
import type { Exchange, ExchangeBinding } from '../core/exchanges.ts';
import { toArguments } from '../core/routing-table.ts';
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type { TopologyChange } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import type { Command } from './hub.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

export type TopologyCommand = Extract<Command, { type: 'declare' | 'bind' | 'unbind' | 'delete' }>;

/** Entries of each kind in one list: it has to fit a frame, and be made in one turn. */
const MAX_LISTED = 1_000;

export class TopologyCommands {
  constructor(
    private readonly hub: HubContext,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** Performs a command of a session, or says why not. */
  change(session: Session, command: TopologyCommand): Refusal | undefined {
    if ('to' in command) {
      const { type, to, binding } = command;
      if (typeof to === 'number') return this.changeQueue(session, command, to);
      if (typeof to === 'object') return { error: 'unavailable' };
      return this.changeGraph(session.principal, { type, to, binding });
    }
    return this.changeGraph(session.principal, command);
  }

  /** Performs what is about exchanges only, or says why not. */
  changeGraph(principal: Principal, command: TopologyChange): Refusal | undefined {
    switch (command.type) {
      case 'declare':
        return this.declare(principal, command.exchange, command.options);
      case 'delete':
        return this.delete(principal, command.exchange, command.ifUnused);
      case 'bind':
      case 'unbind':
        return this.changeExchange(principal, command, command.to);
      default:
        return command satisfies never;
    }
  }

  declare(
    principal: Principal,
    name: string,
    options: ExchangeOptions | PassiveDeclare,
  ): Refusal | undefined {
    const detail = { exchange: name };
    if ('passive' in options) {
      return this.hub.exchanges.get(name) ? undefined : { error: 'unknown-exchange', detail };
    }
    if (!principal.may('declare', name, '')) return { error: 'forbidden', detail };
    const error = this.hub.exchanges.declare(name, options);
    return error && { error, detail };
  }

  delete(principal: Principal, name: string, ifUnused: boolean): Refusal | undefined {
    const detail = { exchange: name };
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) return { error: 'unknown-exchange', detail };
    if (!principal.may('delete', name, '')) return { error: 'forbidden', detail };
    const error = this.hub.exchanges.deletionFault(exchange, ifUnused);
    if (error) return { error, detail };
    this.subscriptions.deleteExchange(exchange);
    return undefined;
  }

  /** What this principal may subscribe to, as far as it fits. */
  list(principal: Principal): Topology {
    const visible = (name: string): boolean => principal.may('subscribe', name, '#');
    const exchanges = [...this.hub.exchanges].filter(({ name }) => visible(name));
    const bindings: BindingInfo[] = [];
    let left = 0;
    const add = (info: () => BindingInfo): void => {
      if (bindings.length < MAX_LISTED) bindings.push(info());
      else left++;
    };
    for (const link of this.hub.exchanges.exchangeBindings) {
      if (visible(link.source.name))
        add(() => infoOf(link.source, link.binding, { exchange: link.destination.name }));
    }
    for (const session of this.hub.sessions.values()) {
      for (const { queue, bindings: bound } of session.subscriptions.values()) {
        for (const { exchange, spec } of bound) {
          if (visible(exchange.name))
            add(() => infoOf(exchange, spec, { session: session.id, queue: queue.id }));
        }
      }
    }
    return {
      exchanges: exchanges.slice(0, MAX_LISTED).map(({ name, options, table, destinations }) => ({
        name,
        ...options,
        bindings: table.bindingCount + destinations.bindingCount,
      })),
      bindings,
      queues: [],
      complete: left === 0 && exchanges.length <= MAX_LISTED,
    };
  }

  private changeQueue(session: Session, { type, binding }: BindCommand, queue: number): Refusal | undefined {
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
    return undefined;
  }

  private changeExchange(
    principal: Principal,
    command: Pick<BindCommand, 'type' | 'binding'>,
    to: string,
  ): Refusal | undefined {
    const [name, key, args] = command.binding;
    const source = this.hub.exchanges.get(name);
    const destination = this.hub.exchanges.get(to);
    if (!source) return { error: 'unknown-exchange', detail: { exchange: name } };
    if (!destination) return { error: 'unknown-exchange', detail: { exchange: to } };
    // Whoever binds two exchanges has one's messages read and the other written to.
    const isPermitted =
      principal.may('bind', name, key) &&
      principal.may('subscribe', name, key) &&
      principal.may('publish', to, '#');
    if (!isPermitted) return { error: 'forbidden', detail: { exchange: name } };
    const link: ExchangeBinding<Subscription> = { source, destination, binding: toArguments(key, args) };
    if (command.type === 'bind') return this.link(link);
    if (!this.hub.exchanges.unbindExchange(link)) return { error: 'unknown-binding' };
    this.hub.bindings--;
    if (this.hub.exchanges.isLeftOver(source)) this.subscriptions.deleteExchange(source);
    return undefined;
  }

  private link(link: ExchangeBinding<Subscription>): Refusal | undefined {
    const { maxBindings, maxExchangeBindings } = this.hub.limits;
    const isFull =
      this.hub.bindings >= maxBindings || this.hub.exchanges.exchangeBindingCount >= maxExchangeBindings;
    if (isFull) return { error: 'too-many-bindings' };
    if (this.hub.exchanges.bindExchange(link)) this.hub.bindings++;
    return undefined;
  }
}

type BindCommand = Extract<TopologyCommand, { type: 'bind' | 'unbind' }>;

function infoOf(
  { name }: Exchange<Subscription>,
  { key, headers }: ExchangeBinding<Subscription>['binding'],
  to: BindingInfo['to'],
): BindingInfo {
  return {
    exchange: name,
    key,
    ...(headers ? { args: { 'x-match': headers.match, ...headers.values } } : {}),
    to,
  };
}
