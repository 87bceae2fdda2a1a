/**
 * A5 of the reliability anchors: whoever does not hold a session's resume token does not get the session.
 *
 * A real hub with real random tokens, one parked session, and a row of hellos that try to resume it: by guesses, by
 * tokens that are nearly right, by those of other sessions, as its own subject and as others.
 */
import { randomBytes } from 'node:crypto';
import type { Hello, Resume, Welcome } from '@ringhub/protocol';
import { decodeServerMessage } from '@ringhub/protocol';
import { NODE_LIMITS } from '../../../server/src/core/limits.ts';
import type { Link, Session } from '../../../server/src/core/session.ts';
import { EmbeddedEngine } from '../../../server/src/engines/embedded.ts';
import { Hub } from '../../../server/src/hub/hub.ts';
import { nodeIds } from '../../../server/src/node-ids.ts';
import type { Principal } from '../../../server/src/ports/auth.ts';
import { ManualClock } from './manual-clock.ts';

const LOG = { maxMessages: 1_000, maxBytes: 1e6, maxAgeMs: 3_600_000 };

export const principalOf = (subject: string, role = 'browser'): Principal => ({
  subject,
  role,
  may: () => true,
  mayAll: () => true,
  maySome: () => true,
});

/** A connection that remembers how it was welcomed. */
class Listener implements Link {
  readonly bufferedBytes = 0;
  welcome: Welcome | undefined;
  end(): void {}

  constructor(readonly codec: Link['codec']) {}

  send(message: string | Uint8Array): void {
    const [frame] = decodeServerMessage(String(message)) ?? [];
    if (frame?.type === 'welcome') this.welcome = frame;
  }
}

export class ResumeWorld {
  readonly clock = new ManualClock();
  readonly hub: Hub;

  constructor() {
    const { clock } = this;
    const engine = new EmbeddedEngine({ clock, epoch: 'e', limits: LOG });
    const limits = { ...NODE_LIMITS, resumeWindowMs: 1e9 };
    // Guessers open many sessions: how many somebody may have is not what is looked at here.
    const sessionLimits = { maxConnectionsPerSubject: 1e6, maxParkedPerSubject: 1e6 };
    this.hub = new Hub({ engine, clock, ids: nodeIds, limits, sessionLimits });
  }

  /** Says hello; returns the session, how it was welcomed, and its connection. */
  open(principal: Principal, resume?: Resume): { session: Session; welcome: Welcome; link: Link } {
    const link = new Listener(this.hub.codecOf(''));
    const hello: Hello = { type: 'hello', version: 1, ...(resume && { resume }) };
    const session = this.hub.open(principal, hello, link);
    this.clock.settle();
    if ('code' in session || !link.welcome) throw new Error('no welcome');
    return { session, welcome: link.welcome, link };
  }

  park({ session, link }: { session: Session; link: Link }): void {
    this.hub.lost(session, link);
  }

  end(session: Session): void {
    this.hub.handle(session, { type: 'bye' });
    this.clock.settle();
  }
}

export const resumeOf = (session: string, token: string): Resume => ({
  session,
  token,
  queues: [],
  exchanges: [],
});

/** How many of `count` wrong tokens resumed a session that is not theirs. */
export function acceptedGuesses(count: number): number {
  const world = new ResumeWorld();
  const victim = world.open(principalOf('alice'));
  world.park(victim);
  const { session, resumeToken } = victim.welcome;
  let accepted = 0;
  const guess = (subject: string, token: string): void => {
    const { session: opened, welcome } = world.open(principalOf(subject), resumeOf(session, token));
    if (welcome.resumed || opened === victim.session) accepted++;
    else world.end(opened);
  };
  for (let i = 0; i < count; i++) {
    const random = randomBytes(17).toString('base64url').slice(0, resumeToken.length);
    const at = i % resumeToken.length;
    const other = resumeToken[at] === 'A' ? 'B' : 'A';
    const near = resumeToken.slice(0, at) + other + resumeToken.slice(at + 1);
    guess('alice', i % 2 === 0 ? random : near);
    // The right token is worth nothing to somebody else.
    if (i % 1_000 === 0) guess('mallory', resumeToken);
  }
  // It was all of that that failed, not resuming as such.
  const owner = world.open(principalOf('alice'), resumeOf(session, resumeToken));
  if (!owner.welcome.resumed) throw new Error('its owner was not let in either');
  world.hub.close();
  return accepted;
}
