/**
 * Who somebody is once the credentials are found valid, and what they permit: what the token says, else what the role
 * gives (PROTOCOL §21).
 *
 * A principal looks its role up whenever it is asked: where the role's permissions change, they hold at once.
 */
import { Grants } from '../core/grants.ts';
import type { PermissionRule } from '../core/permission-rules.ts';
import type { Action, Principal, Role } from '../ports/auth.ts';

/** What valid credentials say of their holder. */
export interface Identity {
  readonly subject: string;
  readonly role: Role;
  /** Unix time in ms at which the credentials cease to be valid. */
  readonly expiresAtMs?: number;
  /** Unix time in ms at which they were issued. */
  readonly issuedAtMs?: number;
  /** What the credentials themselves permit, in place of the role. */
  readonly permissions?: readonly PermissionRule[];
}

export type RolePermissions = ReadonlyMap<Role, readonly PermissionRule[]>;

const NOTHING: readonly PermissionRule[] = [];
const EVERYTHING: readonly PermissionRule[] = [
  { allow: ['publish', 'subscribe', 'consume', 'declare', 'bind', 'delete', 'admin'] },
];

/** What the roles that are always there permit, unless the configuration says otherwise. */
const BUILT_IN: RolePermissions = new Map([
  ['anonymous', [{ allow: ['subscribe'] }]],
  ['browser', [{ allow: ['publish', 'subscribe'] }]],
  ['server', EVERYTHING],
  ['dev', EVERYTHING],
]);

/** What a role permits of which the configuration says nothing. */
export const builtInRules = (role: Role): readonly PermissionRule[] => BUILT_IN.get(role) ?? NOTHING;

/** The roles' permissions, and principals by them. */
export class Principals {
  private readonly roles: Map<Role, readonly PermissionRule[]>;

  constructor(configured: RolePermissions = new Map()) {
    this.roles = new Map([...BUILT_IN, ...configured]);
  }

  /** What a role permits from now on; sessions that are there have to be looked through after that. */
  set(role: Role, rules: readonly PermissionRule[]): void {
    this.roles.set(role, rules);
  }

  rulesOf(role: Role): readonly PermissionRule[] {
    return this.roles.get(role) ?? NOTHING;
  }

  readonly of = (identity: Identity): Principal => new GrantedPrincipal(identity, this);
}

/** Of the roles that are always there, as they are without a configuration. */
export const principalOf = (identity: Identity): Principal => new Principals().of(identity);

class GrantedPrincipal implements Principal {
  readonly subject: string;
  readonly role: Role;
  readonly expiresAtMs?: number;
  readonly issuedAtMs?: number;
  readonly #own: readonly PermissionRule[] | undefined;
  readonly #roles: Principals;
  /** Made when first asked for, from these rules. */
  #grants: Grants | undefined;
  #rules: readonly PermissionRule[] | undefined;

  constructor({ subject, role, expiresAtMs, issuedAtMs, permissions }: Identity, roles: Principals) {
    this.subject = subject;
    this.role = role;
    if (expiresAtMs !== undefined) this.expiresAtMs = expiresAtMs;
    if (issuedAtMs !== undefined) this.issuedAtMs = issuedAtMs;
    this.#own = permissions;
    this.#roles = roles;
  }

  may(action: Action, name: string, key: string): boolean {
    return this.grants().may(action, name, key);
  }

  mayAll(action: Action, name: string, pattern: string): boolean {
    return this.grants().mayAll(action, name, pattern);
  }

  maySome(action: Action, name: string): boolean {
    return this.grants().maySome(action, name);
  }

  private grants(): Grants {
    const rules = this.#own ?? this.#roles.rulesOf(this.role);
    if (!this.#grants || rules !== this.#rules) {
      this.#grants = new Grants(rules, this.subject);
      this.#rules = rules;
    }
    return this.#grants;
  }
}
