/**
 * Tokens of a run, and the auth that reads them: who it is, in which role, issued when, good until when. Applications keep
 * theirs for a while, as caches do, and sometimes get none.
 */
import { RevocableAuth } from '../../server/src/auth/revocable-auth.ts';
import type { Admission, Auth, Principal } from '../../server/src/ports/auth.ts';
import type { Clock } from '../../server/src/ports/clock.ts';
import type { Permits } from './permits.ts';
import type { Random } from './random.ts';

export interface Token {
  readonly subject: string;
  readonly role: string;
  readonly issuedAtMs: number;
  /** Infinity where it never expires. */
  readonly expiresAtMs: number;
}

export const textOf = ({ subject, role, issuedAtMs, expiresAtMs }: Token): string =>
  [subject, role, issuedAtMs, expiresAtMs].join(' ');

export function tokenOf(text: string | undefined): Token | undefined {
  const [subject, role, issued, expires] = text?.split(' ') ?? [];
  if (!subject || !role) return undefined;
  return { subject, role, issuedAtMs: Number(issued), expiresAtMs: Number(expires) };
}

/** What comes of showing a token that has run out, or was revoked, on its way: the next one will do. */
export const TOKEN_TROUBLE = ['token-expired', 'unauthorized'];

/** Whoever issues tokens cannot be reached. */
export class NoToken extends Error {}

/** Everybody is who their token says; the answer comes at once or later. */
export function simulatedAuth(
  permits: Permits,
  clock: Clock,
  isLater: boolean,
  random: Random,
  isRevoked: (principal: Principal) => boolean,
): Auth {
  const admit = (text: string | undefined): Admission => {
    const token = tokenOf(text);
    if (!token) return { denied: 'unauthorized', reason: 'no name' };
    if (token.expiresAtMs <= clock.wallMs()) return { denied: 'token-expired', reason: 'over' };
    const { subject, role, issuedAtMs, expiresAtMs } = token;
    const lasts = Number.isFinite(expiresAtMs) ? { expiresAtMs } : {};
    return permits.principals.of({ subject, role, issuedAtMs, ...lasts });
  };
  const auth: Auth = {
    name: 'tokens of the simulation',
    authenticate: (text) => {
      const admission = admit(text);
      if (!isLater) return admission;
      return new Promise((resolve) => clock.after(random.int(0, 200), () => resolve(admission)));
    },
  };
  return new RevocableAuth(auth, isRevoked);
}
