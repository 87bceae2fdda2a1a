/**
 * Takes exchanges away, with all bindings from and to them, and tells those who were bound (PROTOCOL §5).
 */
import { ERRORS } from '@ringhub/protocol';
import type { HubExchange } from '../core/declared-queue.ts';
import type { Subscription } from '../core/subscription.ts';
import type { HubContext } from './context.ts';
import { type Stored, storedBinding } from './definitions.ts';
import type { HubEvents } from './events.ts';
import type { Flusher } from './flusher.ts';

export class ExchangeDeletion {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly events: HubEvents,
  ) {}

  /** A binding from it is gone: it goes, too, if it lives by its bindings and that was the last one. */
  deleteIfLeftOver(exchange: HubExchange): void {
    if (this.hub.exchanges.isLeftOver(exchange)) this.delete(exchange);
  }

  delete(exchange: HubExchange, stored?: Stored): void {
    const links = this.hub.exchanges.exchangeBindings.filter(
      ({ source, destination }) => source === exchange || destination === exchange,
    );
    this.hub.exchanges.delete(exchange);
    if (exchange.declaredBy !== undefined) this.hub.declared.remove(exchange.declaredBy);
    this.hub.bindings -= links.length;
    for (const { source, destination, binding } of links) {
      this.hub.definitions?.removeBinding('e', storedBinding(source.name, destination.name, binding));
    }
    this.takeFromSessions(exchange);
    this.takeFromQueues(exchange);
    if (exchange.log === 'd') {
      this.hub.engine.values?.clear(exchange.incarnation);
      this.hub.definitions?.removeExchange(exchange.name, stored);
    } else stored?.();
    for (const { source, destination } of links) {
      if (destination === exchange) this.deleteIfLeftOver(source);
    }
  }

  private takeFromSessions(exchange: HubExchange): void {
    for (const session of this.hub.sessions.values()) {
      for (const subscription of session.subscriptions.values()) {
        const lost = subscription.bindings.filter((binding) => binding.exchange === exchange);
        for (const binding of lost) {
          subscription.unbind(binding);
          session.bindings--;
          this.hub.bindings--;
          this.events.unbound(subscription, binding);
        }
        if (lost.length > 0) this.tellDeleted(subscription, exchange);
      }
    }
  }

  private takeFromQueues(exchange: HubExchange): void {
    for (const queue of this.hub.namedQueues.values()) {
      for (const binding of queue.bindingsTo(exchange)) {
        queue.unbind(binding);
        this.hub.bindings--;
        this.hub.definitions?.removeBinding('b', storedBinding(exchange.name, queue.name, binding.spec));
      }
    }
  }

  /** A queue must not fall silent unnoticed: nothing will come from this exchange any more. */
  private tellDeleted({ session, queue }: Subscription, { name }: HubExchange): void {
    const { code, text } = ERRORS['unknown-exchange'];
    const detail = { queue: queue.id, exchange: name };
    this.flusher.write(session, { type: 'error', ref: null, code, text, detail });
  }
}
