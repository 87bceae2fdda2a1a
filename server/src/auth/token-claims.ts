/**
 * What a token says of its holder, once its signature, issuer, audience and dates are found right.
 *
 * Strict: a claim that has another form than it should is a fault of whoever made the token, and nobody is let in by
 * guessing. A role is taken only where the issuer's settings name it.
 */
import { readPermissions } from '../core/permission-rules.ts';
import type { Role } from '../ports/auth.ts';
import type { Identity } from './principal.ts';

/** What the settings of an issuer say of the claims of its tokens. */
export interface ClaimRules {
  /** Roles that its tokens may have; one without the claim has the first. */
  readonly roles: readonly Role[];
  /** Name of the claim with the role: of one at the top, or of one inside by a dot. */
  readonly roleClaim: string;
  /** Stands before each subject, so that two issuers cannot name the same one. */
  readonly subjectPrefix: string;
  /** Longest life of a token. */
  readonly maxLifetimeMs: number;
}

export type Claims = Readonly<Record<string, unknown>>;

export interface BadClaims {
  readonly reason: string;
}

/** By how much the clock of an issuer may be ahead. */
export const SKEW_S = 30;
const MAX_SUBJECT_LENGTH = 128;
const PERMISSIONS_CLAIM = 'ringhub.permissions';

export function identityOf(claims: Claims, rules: ClaimRules, wallMs: number): Identity | BadClaims {
  const { sub, exp, iat } = claims;
  if (typeof sub !== 'string' || sub === '' || !isPrintable(sub)) return bad('sub is no name');
  const subject = rules.subjectPrefix + sub;
  if (subject.length > MAX_SUBJECT_LENGTH) return bad('sub is too long');
  if (!isTime(exp)) return bad('exp is no time');
  if (iat !== undefined && (!isTime(iat) || iat > wallMs / 1000 + SKEW_S)) return bad('iat is no past time');
  const beginMs = iat === undefined ? wallMs : iat * 1000;
  // The clocks may differ where iat was left out, too.
  if (exp * 1000 - beginMs > rules.maxLifetimeMs + SKEW_S * 1000)
    return bad('it lives longer than maxLifetimeMs');
  const claimed = claimOf(claims, rules.roleClaim);
  const role = claimed === undefined ? rules.roles[0] : claimed;
  if (typeof role !== 'string' || !rules.roles.includes(role)) {
    return bad('its role is none of those that its issuer may give');
  }
  const claimedPermissions = claimOf(claims, PERMISSIONS_CLAIM);
  const permissions = claimedPermissions === undefined ? undefined : readPermissions(claimedPermissions);
  // Passed over, they would permit more than was meant.
  if (permissions && 'fault' in permissions) return bad(`${PERMISSIONS_CLAIM}: ${permissions.fault}`);
  return {
    subject,
    role,
    expiresAtMs: exp * 1000,
    ...(iat !== undefined && { issuedAtMs: iat * 1000 }),
    ...(permissions && { permissions }),
  };
}

const bad = (reason: string): BadClaims => ({ reason });

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 && value <= Number.MAX_SAFE_INTEGER / 1000;

/** No control characters, no halves of a character. */
const isPrintable = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

/** A claim by its whole name, else along the dots in it. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Claims)[part];
  }
  return at;
}
