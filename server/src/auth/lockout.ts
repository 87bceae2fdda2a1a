/**
 * Addresses that showed too many wrong tokens: for a while nothing of theirs is looked at.
 *
 * Counts in windows that begin with a failure; bounded, the address that failed longest ago is forgotten first. Of an IPv6
 * address the network counts: its holder has all of it.
 */
import { addressGroup } from '../core/address-group.ts';
import { OldestFirstMap } from '../core/oldest-first-map.ts';
import type { Clock } from '../ports/clock.ts';

export interface LockoutSettings {
  /** Failures within the window that lock an address out. */
  readonly failures: number;
  readonly windowMs: number;
  /** How long it is locked out. */
  readonly lockMs: number;
}

export const LOCKOUT: LockoutSettings = { failures: 10, windowMs: 60_000, lockMs: 60_000 };

interface Failures {
  count: number;
  readonly sinceMs: number;
  untilMs: number;
}

const MAX_ADDRESSES = 10_000;

export class Lockout {
  private readonly failures = new OldestFirstMap<string, Failures>();

  constructor(
    private readonly settings: LockoutSettings,
    private readonly clock: Clock,
  ) {}

  isLocked(address: string | undefined): boolean {
    const entry = address === undefined ? undefined : this.failures.get(addressGroup(address));
    return entry !== undefined && entry.untilMs > this.clock.nowMs();
  }

  /** A wrong token was shown. */
  failed(address: string | undefined): void {
    if (address === undefined) return;
    const { failures, windowMs, lockMs } = this.settings;
    const nowMs = this.clock.nowMs();
    const network = addressGroup(address);
    const before = this.failures.get(network);
    const goesOn = before !== undefined && nowMs - before.sinceMs < windowMs;
    const entry = goesOn ? before : { count: 0, sinceMs: nowMs, untilMs: 0 };
    entry.count++;
    if (entry.count >= failures) entry.untilMs = nowMs + lockMs;
    // The one that failed last stands last.
    this.failures.put(network, entry);
    if (this.failures.size > MAX_ADDRESSES) this.failures.delete(this.failures.oldest!.key);
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.failures.size;
  }
}
