/**
 * Who somebody is once the credentials are found valid, and what the role permits.
 */
import type { Action, Principal, Role } from '../ports/auth.ts';

/** What valid credentials say of their holder. */
export interface Identity {
  readonly subject: string;
  readonly role: Role;
  /** Unix time in ms at which the credentials cease to be valid. */
  readonly expiresAtMs?: number;
}

const ALL: readonly Action[] = [
  'publish',
  'subscribe',
  'declare',
  'bind',
  'delete',
  'consume',
  'declare-queue',
  'delete-queue',
  'admin',
];

/** What each role may do on any exchange or queue; `hub.*` exchanges ask for `admin` besides. */
const PERMITTED: ReadonlyMap<Role, readonly Action[]> = new Map([
  ['anonymous', ['subscribe']],
  ['browser', ['publish', 'subscribe']],
  ['server', ALL],
  ['dev', ALL],
]);

export function principalOf(identity: Identity): Principal {
  const permitted = new Set(PERMITTED.get(identity.role) ?? []);
  return {
    ...identity,
    may: (action, name) => permitted.has(action) && (permitted.has('admin') || !name.startsWith('hub.')),
  };
}
