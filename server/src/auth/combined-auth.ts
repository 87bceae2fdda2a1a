/**
 * The one auth of a hub: API keys, then tokens of issuers, then nobody, or whoever `anonymous` names.
 *
 *     locked out? ─► no token: anonymous ─► an API key? ─► a JWT of an issuer? ─► denied, counted and told
 *
 * A token that is wrong never counts as none: who shows one means to be somebody.
 */
import { type Admission, type Auth, type Denial, isDenial, type Principal } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import { type Issuer, JwtAuth, looksLikeJwt } from './jwt-auth.ts';
import { Lockout, type LockoutSettings } from './lockout.ts';
import { type Identity, principalOf } from './principal.ts';
import { TokenAuth, type TokenGrant } from './token-auth.ts';

export interface CombinedAuthOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Makes of who somebody is what they may do. */
  readonly principal?: (identity: Identity) => Principal;
  readonly tokens?: readonly TokenGrant[];
  readonly issuers?: readonly Issuer[];
  /** Who somebody without a token is; without it, nobody. */
  readonly anonymous?: Identity | undefined;
  /** Without it, nobody is ever locked out. */
  readonly lockout?: LockoutSettings | undefined;
  /** Told why somebody was not let in, at most so many times a second; `unsaid`: those not told since. */
  readonly onDenied?: (denial: Denial, address: string | undefined, unsaid: number) => void;
}

const TOLD_A_SECOND = 10;
const SECOND_MS = 1000;
const LOCKED: Denial = { denied: 'locked-out', reason: 'too many wrong tokens came from this address' };
const MISSING: Denial = { denied: 'unauthorized', reason: 'there was no token' };

export class CombinedAuth implements Auth {
  readonly name: string;
  private readonly keys: TokenAuth;
  private readonly jwt: JwtAuth | undefined;
  private readonly anonymous: Principal | undefined;
  private readonly lockout: Lockout | undefined;
  private toldSinceMs = 0;
  private told = 0;
  private unsaid = 0;

  constructor(private readonly options: CombinedAuthOptions) {
    const { name, clock, principal = principalOf, tokens = [], issuers = [], anonymous, lockout } = options;
    this.name = name;
    this.keys = new TokenAuth(name, tokens, principal);
    const taken = new Set(tokens.map(({ subject }) => subject));
    if (anonymous) taken.add(anonymous.subject);
    this.jwt = issuers.length > 0 ? new JwtAuth(issuers, clock, { taken, principal }) : undefined;
    this.anonymous = anonymous && principal(anonymous);
    this.lockout = lockout && new Lockout(lockout, clock);
  }

  authenticate(token: string | undefined, address?: string): Admission | Promise<Admission> {
    if (this.lockout?.isLocked(address)) return this.concluded(LOCKED, address);
    if (token === undefined) return this.concluded(this.anonymous ?? MISSING, address);
    const admission = this.keys.authenticate(token);
    if (!this.jwt || !isDenial(admission) || !looksLikeJwt(token))
      return this.concluded(admission, address, token);
    return this.jwt.authenticate(token).then((answer) => this.concluded(answer, address, token));
  }

  private concluded(admission: Admission, address: string | undefined, token?: string): Admission {
    if (!isDenial(admission)) return admission;
    // Who has a token that was good once does not guess.
    if (token !== undefined && admission.denied === 'unauthorized') this.lockout?.failed(address);
    this.tell(admission, address);
    return admission;
  }

  private tell(denial: Denial, address: string | undefined): void {
    const nowMs = this.options.clock.nowMs();
    if (nowMs - this.toldSinceMs >= SECOND_MS) {
      this.toldSinceMs = nowMs;
      this.told = 0;
    }
    if (this.told >= TOLD_A_SECOND) {
      this.unsaid++;
      return;
    }
    this.told++;
    this.options.onDenied?.(denial, address, this.unsaid);
    this.unsaid = 0;
  }
}
