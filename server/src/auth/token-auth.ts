/**
 * Auth by secrets that are known beforehand: those of the configuration, or the one random token of a dev hub.
 *
 * Keeps only digests of the secrets and compares in constant time, all of them every time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Auth, Principal, Role } from '../ports/auth.ts';
import { type Identity, principalOf } from './principal.ts';

/** One secret and whom it stands for. */
export interface TokenGrant {
  readonly token: string;
  readonly subject: string;
  readonly role: Role;
}

export class TokenAuth implements Auth {
  readonly name: string;
  readonly #known: readonly { digest: Buffer; principal: Principal }[];

  constructor(
    name: string,
    grants: readonly TokenGrant[],
    principal: (identity: Identity) => Principal = principalOf,
  ) {
    this.name = name;
    this.#known = grants.map(({ token, subject, role }) => ({
      digest: digestOf(token),
      principal: principal({ subject, role }),
    }));
  }

  authenticate(token: string | undefined): Principal | undefined {
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    let found: Principal | undefined;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.principal;
    }
    return found;
  }
}

/** A dev hub's auth: one token, everything permitted. */
export const devAuth = (token: string): Auth =>
  new TokenAuth('dev', [{ token, subject: 'dev', role: 'dev' }]);

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();
