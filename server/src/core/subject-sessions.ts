/**
 * Sessions by the subject that they belong to: how many are attached, and which have been parked longest.
 */
import { OldestFirstMap } from './oldest-first-map.ts';
import type { Session } from './session.ts';
import type { SessionState } from './session-state.ts';

interface OfSubject {
  attached: number;
  /** In order of parking. */
  readonly parked: OldestFirstMap<Session, undefined>;
}

export class SubjectSessions {
  private readonly bySubject = new Map<string, OfSubject>();

  /** Subjects that have a session. */
  get size(): number {
    return this.bySubject.size;
  }

  attachedOf(subject: string): number {
    return this.bySubject.get(subject)?.attached ?? 0;
  }

  parkedOf(subject: string): number {
    return this.bySubject.get(subject)?.parked.size ?? 0;
  }

  /** The one that has been parked longest. */
  oldestParked(subject: string): Session | undefined {
    return this.bySubject.get(subject)?.parked.oldest?.key;
  }

  /** A session is in another state than before; a new one comes from `closed`. */
  moved(session: Session, from: SessionState, to: SessionState): void {
    if (from === to) return;
    const { subject } = session.principal;
    const own = this.bySubject.get(subject) ?? { attached: 0, parked: new OldestFirstMap() };
    if (from === 'attached') own.attached--;
    if (from === 'parked') own.parked.delete(session);
    if (to === 'attached') own.attached++;
    if (to === 'parked') own.parked.put(session, undefined);
    if (own.attached === 0 && own.parked.size === 0) this.bySubject.delete(subject);
    else this.bySubject.set(subject, own);
  }
}
