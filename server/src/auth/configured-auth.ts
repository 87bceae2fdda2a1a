/**
 * Section `auth` of the configuration, read and checked: who may come in, or why the hub must not start.
 */
import type { Role } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import { type ConfiguredIssuer, readIssuers } from './configured-issuers.ts';
import { type ConfiguredToken, readTokens } from './configured-tokens.ts';
import type { Issuer } from './jwt-auth.ts';
import type { LockoutSettings } from './lockout.ts';
import type { Identity } from './principal.ts';
import type { TokenGrant } from './token-auth.ts';

export interface ConfiguredAuth {
  readonly tokens: readonly ConfiguredToken[];
  readonly jwt: readonly ConfiguredIssuer[];
  readonly anonymous?: { readonly role: Role; readonly subject: string } | undefined;
  readonly lockout: LockoutSettings;
}

export interface ReadAuth {
  readonly tokens: readonly TokenGrant[];
  readonly issuers: readonly Issuer[];
  readonly anonymous: Identity | undefined;
  readonly lockout: LockoutSettings | undefined;
  /** Why the hub must not start, one line each. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const BUILT_IN: readonly Role[] = ['anonymous', 'browser', 'server'];

/** @param roles those that section `roles` names, besides the ones that are always there */
export function readAuth(
  configured: ConfiguredAuth,
  roles: readonly Role[],
  clock: Clock,
  onTrouble: (trouble: string) => void,
): ReadAuth {
  const { anonymous, lockout } = configured;
  const tokens = readTokens(configured.tokens);
  const jwt = readIssuers(configured.jwt, clock, onTrouble);
  const known = new Set([...BUILT_IN, ...roles]);
  const named: (readonly [at: string, role: Role])[] = [
    ...configured.tokens.map(({ role, subject }, i) => [`auth.tokens[${i}] (${subject})`, role] as const),
    ...configured.jwt.flatMap(({ issuer, roles: given }, i) =>
      given.map((role) => [`auth.jwt[${i}] (${issuer})`, role] as const),
    ),
    ...(anonymous ? [['auth.anonymous', anonymous.role] as const] : []),
  ];
  const unknown = named
    .filter(([, role]) => !known.has(role))
    .map(
      ([at, role]) =>
        `${at}: there is no role ${role}: name it in roles, or choose of ${[...known].join(', ')}`,
    );
  return {
    tokens: tokens.grants,
    issuers: jwt.issuers,
    anonymous,
    lockout: lockout.failures > 0 ? lockout : undefined,
    faults: [...tokens.faults, ...jwt.faults, ...unknown],
    warnings: [...tokens.warnings, ...jwt.warnings],
  };
}
