/**
 * Auth by secrets that are known beforehand: those of the configuration, or the one random token of a dev hub.
 *
 * Keeps only digests of the secrets and compares in constant time, all of them every time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Action, Auth, Principal, Role } from '../ports/auth.ts';

/** One secret and whom it stands for. */
export interface TokenGrant {
  readonly token: string;
  readonly subject: string;
  readonly role: Role;
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
const PERMITTED: Readonly<Record<Role, readonly Action[]>> = {
  anonymous: ['subscribe'],
  browser: ['publish', 'subscribe'],
  server: ALL,
  dev: ALL,
};

export class TokenAuth implements Auth {
  readonly name: string;
  readonly #known: readonly { digest: Buffer; principal: Principal }[];

  constructor(name: string, grants: readonly TokenGrant[]) {
    this.name = name;
    this.#known = grants.map(({ token, subject, role }) => ({
      digest: digestOf(token),
      principal: principalOf(subject, role),
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

function principalOf(subject: string, role: Role): Principal {
  const permitted = new Set(PERMITTED[role]);
  return {
    subject,
    role,
    may: (action, name) => permitted.has(action) && (permitted.has('admin') || !name.startsWith('hub.')),
  };
}
