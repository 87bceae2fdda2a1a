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
