/**
 * Subjects whose credentials are refused where they were issued before they were revoked (PROTOCOL §21).
 *
 * An entry lasts until every such credential has expired by itself, which is for the operator to say; with a store it
 * survives the hub. Bounded: where there is no room, nothing is revoked, and whoever asked is told. Credentials that do not say
 * when they were issued count as issued before.
 */
import type { ErrorName } from '@ringhub/protocol';
import type { Principal } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import type { Definitions } from './definitions.ts';

export interface Revocation {
  readonly subject: string;
  /** Unix time in ms: what was issued before it is refused. */
  readonly issuedBeforeMs: number;
  /** Unix time in ms at which the entry is over. */
  readonly untilMs: number;
}

export const MAX_REVOCATIONS = 10_000;

export class Revocations {
  private readonly bySubject = new Map<string, Revocation>();

  constructor(
    private readonly clock: Clock,
    private readonly definitions: Definitions | undefined,
    private readonly max = MAX_REVOCATIONS,
  ) {
    for (const revocation of definitions?.revocations ?? [])
      this.bySubject.set(revocation.subject, revocation);
    this.sweep();
  }

  get size(): number {
    return this.bySubject.size;
  }

  hasRoomFor(subject: string): boolean {
    if (this.bySubject.has(subject) || this.bySubject.size < this.max) return true;
    this.sweep();
    return this.bySubject.size < this.max;
  }

  /** From now on what a subject shows that was issued before is refused; `done` once that is on disk, if there is one. */
  revoke(subject: string, lastsMs: number, done: (error?: ErrorName) => void): void {
    const nowMs = this.clock.wallMs();
    // A shorter one must not end the one that is there.
    const untilMs = Math.max(nowMs + lastsMs, this.bySubject.get(subject)?.untilMs ?? 0);
    const revocation = { subject, issuedBeforeMs: nowMs, untilMs };
    this.bySubject.set(subject, revocation);
    if (this.definitions) this.definitions.putRevocation(revocation, done);
    else done();
  }

  refuses({ subject, issuedAtMs }: Principal): boolean {
    if (this.bySubject.size === 0) return false;
    const revocation = this.bySubject.get(subject);
    if (!revocation || revocation.untilMs <= this.clock.wallMs()) return false;
    return issuedAtMs === undefined || issuedAtMs < revocation.issuedBeforeMs;
  }

  /** Forgets what is over. */
  sweep(): void {
    const nowMs = this.clock.wallMs();
    for (const { subject, untilMs } of this.bySubject.values()) {
      if (untilMs > nowMs) continue;
      this.bySubject.delete(subject);
      this.definitions?.removeRevocation(subject);
    }
  }
}
