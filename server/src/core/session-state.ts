/**
 * The session machine: all its states, events and what follows, in one table (PROTOCOL §3).
 *
 *              resume (takes over)
 *                  ┌───┐
 *   created ─► attached ◄── resume ── parked
 *                │  │                   │
 *                │  └─ connection lost ─►
 *                │       (unheard: closed)
 *                └──── bye, evict, revoke ──► closed ◄── bye, evict, revoke, window over
 *
 * The table knows nothing of sockets or rings: it names effects, which the hub performs in order.
 */

export type SessionState = 'attached' | 'parked' | 'closed';

export type SessionEvent =
  | 'resume'
  /** With a token older than the one that the attached connection was given, and has not proved yet. */
  | 'resume-unproven'
  | 'connection-lost'
  /** The connection of a session that its client does not know of. */
  | 'unheard-lost'
  | 'window-over'
  | 'bye'
  | 'evict'
  | 'slow-consumer'
  | 'token-expired'
  | 'drain'
  | 'revoke';

export type SessionEffect =
  /** Close the old connection: it is finished. */
  | 'close-taken-over'
  /** Close the old connection: it may be the one that lives. */
  | 'close-superseded'
  | 'close-slow-consumer'
  | 'close-evicted'
  | 'close-revoked'
  | 'close-bye'
  | 'close-draining'
  | 'close-token-expired'
  /** Put the new connection in its place. */
  | 'attach'
  /** Forget the connection and start the resume window. */
  | 'park'
  /** Settle everything that is left as … and forget the session. */
  | 'end-closed'
  | 'end-resume-expired'
  | 'end-evicted'
  | 'end-revoked';

export interface Transition {
  readonly to: SessionState;
  readonly effects: readonly SessionEffect[];
}

const stay = (to: SessionState): Transition => ({ to, effects: [] });

export const SESSION_TRANSITIONS: Readonly<Record<SessionState, Readonly<Record<SessionEvent, Transition>>>> =
  {
    attached: {
      resume: { to: 'attached', effects: ['close-taken-over', 'attach'] },
      'resume-unproven': { to: 'attached', effects: ['close-superseded', 'attach'] },
      'connection-lost': { to: 'parked', effects: ['park'] },
      'unheard-lost': { to: 'closed', effects: ['end-closed'] },
      'window-over': stay('attached'),
      bye: { to: 'closed', effects: ['close-bye', 'end-closed'] },
      evict: { to: 'closed', effects: ['close-evicted', 'end-evicted'] },
      'slow-consumer': { to: 'parked', effects: ['close-slow-consumer', 'park'] },
      'token-expired': { to: 'parked', effects: ['close-token-expired', 'park'] },
      drain: { to: 'parked', effects: ['close-draining', 'park'] },
      revoke: { to: 'closed', effects: ['close-revoked', 'end-revoked'] },
    },
    parked: {
      resume: { to: 'attached', effects: ['attach'] },
      'resume-unproven': { to: 'attached', effects: ['attach'] },
      'connection-lost': stay('parked'),
      'unheard-lost': stay('parked'),
      'window-over': { to: 'closed', effects: ['end-resume-expired'] },
      bye: { to: 'closed', effects: ['end-closed'] },
      evict: { to: 'closed', effects: ['end-evicted'] },
      'slow-consumer': stay('parked'),
      'token-expired': stay('parked'),
      drain: stay('parked'),
      revoke: { to: 'closed', effects: ['end-revoked'] },
    },
    closed: {
      resume: stay('closed'),
      'resume-unproven': stay('closed'),
      'connection-lost': stay('closed'),
      'unheard-lost': stay('closed'),
      'window-over': stay('closed'),
      bye: stay('closed'),
      evict: stay('closed'),
      'slow-consumer': stay('closed'),
      'token-expired': stay('closed'),
      drain: stay('closed'),
      revoke: stay('closed'),
    },
  };
