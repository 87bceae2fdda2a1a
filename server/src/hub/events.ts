/**
 * The hub's own life as messages of the internal exchange `hub.events` (PROTOCOL §5): sessions that come and go,
 * bindings made and taken back. Who may see them is granted like any exchange; events about itself there are none.
 *
 * What happens in a turn is published at its end: an event never gets in between a command and its answer. While
 * nobody is bound to the exchange, nothing is published: the log is not for what nobody asked for.
 */
import { keyFault } from '@ringhub/protocol';
import { EVENTS_EXCHANGE } from '../core/exchanges.ts';
import type { Session } from '../core/session.ts';
import type { Subscription, Wanted } from '../core/subscription.ts';
import type { HubContext } from './context.ts';

export class HubEvents {
  private readonly waiting: { readonly key: string; readonly payload: string }[] = [];
  private publish: (exchange: string, key: string, payload: string) => void = () => {};

  constructor(private readonly hub: HubContext) {}

  /** Set once publishing is there: it needs what tells of events. */
  onPublish(publish: (exchange: string, key: string, payload: string) => void): void {
    this.publish = publish;
  }

  session(event: 'opened' | 'resumed' | 'parked' | 'closed', session: Session): void {
    if (this.isWanted) this.tell(`session.${event}`, whoseOf(session));
  }

  bound(subscription: Subscription, wanted: Wanted): void {
    this.binding('created', subscription, wanted);
  }

  unbound(subscription: Subscription, wanted: Wanted): void {
    this.binding('deleted', subscription, wanted);
  }

  /** `binding.created.<exchange>.<key>`, without the key where it would be too long. */
  private binding(
    event: 'created' | 'deleted',
    { session, queue }: Subscription,
    { exchange, spec }: Wanted,
  ): void {
    if (exchange.name === EVENTS_EXCHANGE || !this.isWanted) return;
    const key = `binding.${event}.${exchange.name}.${spec.key}`;
    this.tell(keyFault(key) ? `binding.${event}` : key, {
      ...whoseOf(session),
      queue: queue.id,
      exchange: exchange.name,
      key: spec.key,
    });
  }

  private tell(key: string, event: object): void {
    if (this.waiting.length === 0) this.hub.clock.endOfTurn(() => this.publishAll());
    this.waiting.push({ key, payload: JSON.stringify(event) });
  }

  /** Asked before anything is made of an event: mostly nobody is there. */
  private get isWanted(): boolean {
    if (this.hub.draining) return false;
    const exchange = this.hub.exchanges.get(EVENTS_EXCHANGE);
    if (!exchange) return false;
    const { table, destinations, queues } = exchange;
    return table.bindingCount + destinations.bindingCount + queues.bindingCount > 0;
  }

  private publishAll(): void {
    for (const { key, payload } of this.waiting.splice(0)) this.publish(EVENTS_EXCHANGE, key, payload);
  }
}

const whoseOf = ({ id, principal, client }: Session) => ({ session: id, subject: principal.subject, client });
