/**
 * Another auth, without those whose credentials were revoked since they were issued (PROTOCOL §21).
 */
import { type Admission, type Auth, isDenial, type Principal } from '../ports/auth.ts';

const REVOKED: Admission = { denied: 'unauthorized', reason: 'what its subject had then was revoked' };

export class RevocableAuth implements Auth {
  readonly name: string;

  constructor(
    private readonly auth: Auth,
    private readonly isRevoked: (principal: Principal) => boolean,
  ) {
    this.name = auth.name;
  }

  authenticate(token: string | undefined, address?: string): Admission | Promise<Admission> {
    const admission = this.auth.authenticate(token, address);
    // Asked when the answer is there: it may have been revoked meanwhile.
    return admission instanceof Promise ? admission.then(this.unlessRevoked) : this.unlessRevoked(admission);
  }

  private readonly unlessRevoked = (admission: Admission): Admission =>
    !isDenial(admission) && this.isRevoked(admission) ? REVOKED : admission;
}
