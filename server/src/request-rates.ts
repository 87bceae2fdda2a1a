/**
 * How many HTTP requests somebody may make: each subject as its role permits, and each address that shows no valid
 * credentials (PROTOCOL §15, §17).
 *
 * An address pays for requests that nobody answers for. Once it has spent what it may, it is not listened to: its
 * credentials are not even looked at, so that guessing is no faster than that.
 */
import { addressGroup } from './core/address-group.ts';
import type { NodeLimits, SessionLimits } from './core/limits.ts';
import { TokenBuckets } from './core/token-bucket.ts';
import type { Principal } from './ports/auth.ts';
import type { Clock } from './ports/clock.ts';

export interface RequestRatesOptions {
  readonly clock: Clock;
  readonly limits: NodeLimits;
  limitsOf(role: string): SessionLimits;
}

const FORGET_EVERY_MS = 10_000;

export class RequestRates {
  private readonly subjects = new TokenBuckets();
  private readonly addresses = new TokenBuckets();
  private readonly timer: { stop(): void };

  constructor(private readonly options: RequestRatesOptions) {
    const { clock } = options;
    this.timer = clock.every(FORGET_EVERY_MS, () => {
      this.subjects.forgetFull(clock.nowMs());
      this.addresses.forgetFull(clock.nowMs());
    });
  }

  /** Whether a subject may do so much more; then it is counted. */
  takes({ subject, role }: Principal, cost = 1): boolean {
    const { maxRequestsPerSec: perSec, maxRequestsBurst: burst } = this.options.limitsOf(role);
    // Of another role it has other limits.
    return this.subjects.take(`${role} ${subject}`, { perSec, burst }, cost, this.options.clock.nowMs());
  }

  /** Whether an address has spent what it may. */
  isSpent(address: string): boolean {
    return this.addresses.isEmpty(addressGroup(address), this.options.clock.nowMs());
  }

  /** A request came from an address that nobody answers for. */
  spend(address: string): void {
    const { maxRequestsPerSecPerAddress: perSec, maxRequestsBurstPerAddress: burst } = this.options.limits;
    this.addresses.take(addressGroup(address), { perSec, burst }, 1, this.options.clock.nowMs());
  }

  close(): void {
    this.timer.stop();
  }
}
