/**
 * Auth by secrets that are known beforehand: API keys of the configuration, or the one random token of a dev hub.
 *
 * Keeps only digests of the secrets and compares in constant time, all of them every time: neither how much of a
 * secret was right nor which one was found shows in the time it takes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Admission, Auth, Principal, Role } from '../ports/auth.ts';
import { type Identity, principalOf } from './principal.ts';

/** One secret, or its digest, and whom it stands for. */
export type TokenGrant = {
  readonly subject: string;
  readonly role: Role;
} & (
  | { readonly token: string; readonly sha256?: undefined }
  /** SHA-256 of the secret, where the secret itself is not here. */
  | { readonly sha256: Buffer; readonly token?: undefined }
);

const UNKNOWN: Admission = { denied: 'unauthorized', reason: 'the token is none that this hub knows' };
const MISSING: Admission = { denied: 'unauthorized', reason: 'there was no token' };

export class TokenAuth implements Auth {
  readonly name: string;
  readonly #known: readonly { digest: Buffer; principal: Principal }[];

  constructor(
    name: string,
    grants: readonly TokenGrant[],
    principal: (identity: Identity) => Principal = principalOf,
  ) {
    this.name = name;
    this.#known = grants.map(({ token, sha256, subject, role }) => ({
      digest: sha256 ?? digestOf(token),
      principal: principal({ subject, role }),
    }));
  }

  authenticate(token: string | undefined): Admission {
    if (token === undefined) return MISSING;
    const digest = digestOf(token);
    let found: Admission = UNKNOWN;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.principal;
    }
    return found;
  }
}

/** A dev hub's auth: one token, everything permitted. */
export const devAuth = (token: string): TokenAuth => new TokenAuth('dev', [devGrant(token)]);

export const devGrant = (token: string): TokenGrant => ({ token, subject: 'dev', role: 'dev' });

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();
