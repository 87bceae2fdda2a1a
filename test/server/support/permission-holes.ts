/** Guards that can be taken out, to see that their absence is noticed. */
import type { ErrorName } from '@ringhub/protocol';
import type { Principal } from '../../../server/src/ports/auth.ts';

export const HOLES = ['containment', 'publish', 'subscribe', 'purge', 'find', 'consume', 'bind'] as const;
export type Hole = (typeof HOLES)[number];

/** A principal who may do what the hole lets through. */
export function holed(principal: Principal, hole: Hole | undefined): Principal {
  if (!hole) return principal;
  return {
    subject: principal.subject,
    role: principal.role,
    may: (action, name, key) => hole === action || principal.may(action, name, key),
    mayAll: (action, name, pattern) =>
      hole === 'containment'
        ? principal.may(action, name, pattern.replaceAll('#', 'a').replaceAll('*', 'a'))
        : hole === action || principal.mayAll(action, name, pattern),
    maySome: (action, name) => hole === action || principal.maySome(action, name),
  };
}

/** Takes the guards out that stand in the hub itself. */
export function plant(hole: Hole | undefined, hub: unknown, root: Principal): void {
  const { sessions, subscriptions } = hub as {
    sessions: { purge: () => void };
    subscriptions: { find: (principal: Principal, binding: unknown) => { error?: ErrorName } };
  };
  if (hole === 'purge') sessions.purge = () => {};
  if (hole === 'find') {
    const find = subscriptions.find.bind(subscriptions);
    subscriptions.find = (_, binding) => find(root, binding);
  }
}
