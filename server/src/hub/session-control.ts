/**
 * What an operator and the auth have to say about sessions that are there: which there are, that some are to end, and that
 * what somebody is permitted has changed (PROTOCOL §21).
 *
 * All of it takes effect before the call returns, for parked sessions, too. What a session may not do any more ends, and what
 * waits for it is settled as `dropped{revoked}`; the rest of the session goes on.
 */
import { ERRORS, type Renewed } from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import type { Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type {
  ClosingSessions,
  HubRefusal,
  SessionInfo,
  SessionPage,
  SessionQuery,
  SessionsApi,
  SessionsClosed,
} from '../ports/hub-api.ts';
import type { Audit } from './audit.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { NamedQueues } from './named-queues.ts';
import type { Revocations } from './revocations.ts';
import type { Sessions } from './sessions.ts';

export class SessionControl implements SessionsApi {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly sessions: Sessions,
    private readonly queues: NamedQueues,
    private readonly revocations: Revocations,
    private readonly audit: Audit,
  ) {}

  list(principal: Principal, { subject, after = '', limit }: SessionQuery): SessionPage | HubRefusal {
    if (!principal.may('admin', '', '')) return { error: 'forbidden' };
    // The lowest ids behind `after`, one more than the page: without sorting all there are.
    const page: Session[] = [];
    for (const session of this.hub.sessions.values()) {
      if (session.id <= after || (subject !== undefined && session.principal.subject !== subject)) continue;
      if (page.length > limit && session.id > page[limit]!.id) continue;
      page.splice(placeOf(session.id, page), 0, session);
      page.length = Math.min(page.length, limit + 1);
    }
    const nowMs = this.hub.clock.nowMs();
    return { sessions: page.slice(0, limit).map((one) => infoOf(one, nowMs)), more: page.length > limit };
  }

  close(
    principal: Principal,
    which: ClosingSessions,
    done: (answer: SessionsClosed | HubRefusal) => void,
  ): void {
    const on = 'subject' in which ? `subject ${which.subject}` : `session ${which.session}`;
    const action = 'subject' in which && which.revoke ? 'revoke-sessions' : 'close-sessions';
    this.perform(principal, which, (answer) => {
      this.audit.done({ principal, session: undefined }, action, on, answer);
      done(answer);
    });
  }

  private perform(
    principal: Principal,
    which: ClosingSessions,
    done: (answer: SessionsClosed | HubRefusal) => void,
  ): void {
    if (!principal.may('admin', '', '')) {
      done({ error: 'forbidden' });
      return;
    }
    const revoked = 'subject' in which && which.revoke ? which : undefined;
    if (revoked && !this.revocations.hasRoomFor(revoked.subject)) {
      done({ error: 'unavailable' });
      return;
    }
    const closed = this.closeAll(which);
    if (!revoked?.revoke) {
      done({ closed, revoked: false });
      return;
    }
    // Nobody gets in between: what was issued before is refused from now on, whenever the disk has it.
    this.revocations.revoke(revoked.subject, revoked.revoke.forMs, (error) =>
      done(error ? { error } : { closed, revoked: true }),
    );
  }

  /** Whether credentials that are valid otherwise are refused: they were issued before their subject was revoked. */
  isRevoked(principal: Principal): boolean {
    return this.revocations.refuses(principal);
  }

  /** What a subject, or everybody, is permitted has changed: looks through their sessions. */
  recheck(subject?: string): void {
    const lost = this.queues.notPermitted();
    for (const session of this.hub.sessions.values()) {
      if (subject === undefined || session.principal.subject === subject) this.purge(session, lost);
    }
  }

  /**
   * Takes a newer token of an attached session, whose connection may live as long as that does. What it no longer permits
   * ends. Refused where it is somebody else's, or of another role.
   */
  renew(session: Session, principal: Principal): Renewed | HubRefusal {
    const { subject, role } = session.principal;
    if (principal.subject !== subject || principal.role !== role) return { error: 'unauthorized' };
    session.principal = principal;
    this.purge(session);
    return this.sessions.lifeOf(session);
  }

  private purge(session: Session, lost?: ReadonlySet<DeclaredQueue>): void {
    const { code, text } = ERRORS.forbidden;
    this.sessions.purge(
      session,
      (queue, name) =>
        this.flusher.write(session, { type: 'error', ref: null, code, text, detail: { queue, name } }),
      lost,
    );
    if (session.link?.isOfOneQueue && session.subscriptions.size === 0)
      this.sessions.happened(session, 'revoke');
  }

  private chosen(which: ClosingSessions): Session[] {
    const { sessions } = this.hub;
    if ('subject' in which)
      return [...sessions.values()].filter(({ principal }) => principal.subject === which.subject);
    const session = sessions.get(which.session);
    return session ? [session] : [];
  }

  private closeAll(which: ClosingSessions): number {
    let closed = 0;
    for (const session of this.chosen(which)) {
      this.sessions.happened(session, 'revoke');
      closed++;
    }
    return closed;
  }
}

/** Where an id belongs in a page that is in order. */
function placeOf(id: string, page: readonly Session[]): number {
  let at = page.length;
  while (at > 0 && page[at - 1]!.id > id) at--;
  return at;
}

function infoOf(session: Session, nowMs: number): SessionInfo {
  const { id, principal, client, state, subscriptions, consumers, bindings, bytes, parkedUntilMs } = session;
  return {
    session: id,
    subject: principal.subject,
    role: principal.role,
    client,
    state: state === 'parked' ? 'parked' : 'attached',
    ...(state === 'parked' && { parkedForMs: Math.max(0, Math.round(parkedUntilMs - nowMs)) }),
    subscriptions: subscriptions.size,
    consumers: consumers.size,
    bindings,
    bytes: bytes.held,
  };
}
