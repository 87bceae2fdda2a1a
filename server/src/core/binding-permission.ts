/**
 * Whether somebody may take, or write, everything that a binding lets through (PROTOCOL §21).
 *
 * What a binding's key means depends on the type of the exchange it is taken from: of a topic exchange a pattern, of a
 * direct one that very key; of fanout and headers exchanges it means nothing, so all keys have to be permitted.
 */
import type { ExchangeOptions } from '@ringhub/protocol';
import type { Action, Principal } from '../ports/auth.ts';

/** @param name where it is to be done: the exchange of the binding, or that which it leads to */
export function mayByBinding(
  principal: Principal,
  action: Action,
  name: string,
  { type }: ExchangeOptions,
  key: string,
): boolean {
  switch (type) {
    case 'topic':
      return principal.mayAll(action, name, key);
    case 'direct':
      return principal.may(action, name, key);
    case 'fanout':
    case 'headers':
      return principal.mayAll(action, name, '#');
    default:
      return type satisfies never;
  }
}

/** Whether somebody may read a message with this routing key from an exchange: by key, or where keys mean nothing, all or none. */
export function mayReadKey(
  principal: Principal,
  name: string,
  { type }: ExchangeOptions,
  key: string,
): boolean {
  const hasKeys = type === 'topic' || type === 'direct';
  return hasKeys ? principal.may('subscribe', name, key) : principal.mayAll('subscribe', name, '#');
}
