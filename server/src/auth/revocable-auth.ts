/**
 * Another auth, without those whose credentials were revoked since they were issued (PROTOCOL §21).
 */
import type { Auth, Principal } from '../ports/auth.ts';

export class RevocableAuth implements Auth {
  readonly name: string;

  constructor(
    private readonly auth: Auth,
    private readonly isRevoked: (principal: Principal) => boolean,
  ) {
    this.name = auth.name;
  }

  authenticate(token: string | undefined): Principal | undefined | Promise<Principal | undefined> {
    const principal = this.auth.authenticate(token);
    // Asked when the answer is there: it may have been revoked meanwhile.
    return principal instanceof Promise ? principal.then(this.unlessRevoked) : this.unlessRevoked(principal);
  }

  private readonly unlessRevoked = (principal: Principal | undefined): Principal | undefined =>
    principal && this.isRevoked(principal) ? undefined : principal;
}
