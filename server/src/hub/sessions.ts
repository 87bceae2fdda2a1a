/**
 * Opens, resumes, parks and ends sessions (PROTOCOL §3, §12). What follows from what is the table in
 * `core/session-state.ts`; here its effects are performed.
 */
import {
  ERRORS,
  type ErrorEntry,
  type Hello,
  type Position,
  PROTOCOL_VERSION,
  parseCursor,
  type Renewed,
  type Resume,
  type ResumedQueue,
  type ResumeQueue,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import type { DropReason } from '../core/ledger.ts';
import type { LogReaders } from '../core/log-readers.ts';
import { OldestFirstMap } from '../core/oldest-first-map.ts';
import { ResumeTokens } from '../core/resume-token.ts';
import { type Link, Session } from '../core/session.ts';
import { SESSION_TRANSITIONS, type SessionEffect, type SessionEvent } from '../core/session-state.ts';
import { SubjectSessions } from '../core/subject-sessions.ts';
import type { Principal } from '../ports/auth.ts';
import type { Consumers } from './consumers.ts';
import type { HubContext } from './context.ts';
import type { HubEvents } from './events.ts';
import type { Flusher } from './flusher.ts';
import type { NamedQueues } from './named-queues.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { TopologyCommands } from './topology.ts';

/** Timers of browsers hold no more than 2^31 ms, and run out at once where they are asked to. */
const MAX_TOLD_LIFE_MS = 1_000_000_000;

export const HUB_NAME = 'ringhub/0.1.0';

export class Sessions {
  /** In order of parking: the first has been away longest. */
  private readonly parked = new OldestFirstMap<Session, undefined>();
  private readonly bySubject = new SubjectSessions();

  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly subscriptions: Subscriptions,
    private readonly consumers: Consumers,
    private readonly queues: NamedQueues,
    private readonly graph: TopologyCommands,
    private readonly events: HubEvents,
  ) {}

  get parkedCount(): number {
    return this.parked.size;
  }

  /** Subjects that have a session. */
  get subjectCount(): number {
    return this.bySubject.size;
  }

  /** Answers a hello: a new session, or the old one, on this connection; or why not. */
  open(principal: Principal, hello: Hello, link: Link): Session | ErrorEntry {
    if (hello.version !== PROTOCOL_VERSION) return ERRORS['unsupported-version'];
    if (this.hub.draining) return ERRORS.draining;
    const { resume } = hello;
    const old = resume && this.find(principal, resume);
    // Whoever takes a session over has no connection more than before.
    if (old?.state !== 'attached' && this.hasAllConnections(principal)) return ERRORS['too-many-connections'];
    if (!old) return this.create(principal, hello, link);
    const claimsTooMuch = resume.queues.some((q) => {
      const queue = old.subscriptions.get(q.queue)?.queue ?? old.consumers.get(q.queue)?.consumer;
      return queue && !queue.mayResume(q.lastTag, q.ackedUpTo, q.ackedRanges);
    });
    if (claimsTooMuch) return ERRORS['resume-invalid'];
    try {
      return this.resume(old, principal, resume, link);
    } catch (error) {
      // A ring that cannot be resumed now never can: the session ends, and its cursors go on.
      this.hub.fault(`session ${old.id} could not be resumed`, error);
      this.happened(old, 'evict');
      return ERRORS['session-evicted'];
    }
  }

  /** How long the token of a session is still good for. */
  lifeOf({ principal: { expiresAtMs } }: Session): Renewed {
    if (expiresAtMs === undefined) return {};
    const leftMs = expiresAtMs - this.hub.clock.wallMs();
    return { tokenExpiresInMs: Math.min(MAX_TOLD_LIFE_MS, Math.max(0, leftMs)) };
  }

  /** Closes the connection of a session whose token has expired: only a newer one takes it up again. */
  checkToken(session: Session): void {
    const { expiresAtMs = Number.POSITIVE_INFINITY } = session.principal;
    if (session.link && expiresAtMs <= this.hub.clock.wallMs()) this.happened(session, 'token-expired');
  }

  /** Something happened to a session: the table says what follows. */
  happened(session: Session, event: SessionEvent, link?: Link): void {
    const { to, effects } = SESSION_TRANSITIONS[session.state][event];
    this.bySubject.moved(session, session.state, to);
    session.state = to;
    for (const effect of effects) this.perform(session, effect, link);
  }

  /** Ends the parked sessions whose resume window is over. */
  expire(nowMs: number): void {
    for (let { oldest } = this.parked; oldest && oldest.key.parkedUntilMs <= nowMs; { oldest } = this.parked)
      this.happened(oldest.key, 'window-over');
  }

  private hasAllConnections({ subject, role }: Principal): boolean {
    return this.bySubject.attachedOf(subject) >= this.hub.limitsOf(role).maxConnectionsPerSubject;
  }

  /**
   * Ends what a session may not do any more, as of now, and settles what waits for it.
   *
   * @param told of each queue that ended, with the exchange or named queue that is not permitted
   * @param lost exclusive queues whose bindings are not permitted to their sessions any more
   */
  purge(
    session: Session,
    told: (queue: number, name: string) => void,
    lost: ReadonlySet<DeclaredQueue> = this.queues.notPermitted(session),
  ): void {
    const { principal } = session;
    for (const subscription of session.subscriptions.values()) {
      const forbidden = subscription.forbiddenTo(principal);
      if (!forbidden) continue;
      this.subscriptions.end(subscription, 'revoked');
      told(subscription.queue.id, forbidden.name);
    }
    for (const made of session.consumers.values()) {
      if (principal.may('consume', made.queue.name, '') && !lost.has(made.queue)) continue;
      this.consumers.cancel(made);
      told(made.id, made.queue.name);
    }
    for (const queue of lost) if (queue.owner === session) this.queues.remove(queue);
  }

  private find(principal: Principal, resume: Resume): Session | undefined {
    const session = this.hub.sessions.get(resume.session);
    if (session?.principal.subject !== principal.subject) return undefined;
    // Its limits are those of its role.
    if (session.principal.role !== principal.role) return undefined;
    return session.tokens.accepts(this.hub.ids.hash(resume.token)) ? session : undefined;
  }

  private create(principal: Principal, { resume, client = '' }: Hello, link: Link): Session {
    const token = this.hub.ids.token();
    const tokens = new ResumeTokens(this.hub.ids.hash(token));
    const session = new Session(this.hub.ids.id(), principal, this.hub.limitsOf(principal.role), tokens);
    session.link = link;
    session.client = client;
    this.hub.sessions.set(session.id, session);
    this.bySubject.moved(session, 'closed', 'attached');
    if (resume) this.hub.counters.resumesLost++;
    this.events.session('opened', session);
    this.declare(session, resume);
    try {
      this.welcome(session, token, false, resume?.queues.map((q) => this.subscribeAnew(session, q)) ?? []);
    } catch (error) {
      this.happened(session, 'connection-lost');
      throw error;
    }
    return session;
  }

  private resume(session: Session, principal: Principal, resume: Resume, link: Link): Session {
    const used = this.hub.ids.hash(resume.token);
    this.happened(session, session.tokens.isCurrent(used) ? 'resume' : 'resume-unproven', link);
    session.principal = principal;
    const token = this.hub.ids.token();
    session.tokens.rotate(used, this.hub.ids.hash(token));
    this.hub.counters.resumed++;
    this.events.session('resumed', session);
    this.declare(session, resume);
    const named = new Set(resume.queues.map((q) => q.queue));
    for (const subscription of session.subscriptions.values()) {
      if (!named.has(subscription.queue.id)) this.subscriptions.end(subscription, 'unsubscribed');
    }
    for (const made of session.consumers.values()) if (!named.has(made.id)) this.consumers.cancel(made);
    // The welcome tells.
    this.purge(session, () => {});
    this.welcome(
      session,
      token,
      true,
      resume.queues.map((q) => this.resumeQueue(session, q)),
    );
    return session;
  }

  /**
   * Exchanges and named queues are declared again first, so that what follows finds them after a restart of the hub. Where
   * that is refused, so is what needs them.
   */
  private declare(session: Session, resume: Resume | undefined): void {
    const asker = { principal: session.principal, session };
    const done = (): void => {};
    for (const [exchange, options] of resume?.exchanges ?? []) {
      this.graph.changeGraph(asker, { type: 'declare', exchange, options }, done);
    }
    for (const [name, options, bindings] of resume?.namedQueues ?? []) {
      this.queues.declare(asker, name, options, done);
      for (const binding of bindings) this.queues.changeBinding(asker, 'bind', name, binding, done);
    }
  }

  private resumeQueue(session: Session, wanted: ResumeQueue): ResumedQueue {
    if ('consume' in wanted.options) return this.consumers.resume(session, wanted, wanted.options);
    const subscription = session.subscriptions.get(wanted.queue);
    if (!subscription) return this.subscribeAnew(session, wanted);
    const { queue } = subscription;
    queue.resume(wanted.lastTag, wanted.ackedUpTo, wanted.ackedRanges, positionsIn(queue.readers, wanted));
    this.flusher.markSubscription(subscription);
    return { was: wanted.queue, queue: queue.id, cursor: wanted.cursor, granted: queue.granted };
  }

  private subscribeAnew(session: Session, wanted: ResumeQueue): ResumedQueue {
    if ('consume' in wanted.options) return this.consumers.beginAnew(session, wanted.queue, wanted.options);
    const options: SubscribeOptions =
      wanted.cursor === null ? wanted.options : { ...wanted.options, since: { cursor: wanted.cursor } };
    const result = this.subscriptions.subscribe(session, options);
    if (!('error' in result)) return { was: wanted.queue, ...result };
    const { code } = ERRORS[result.error];
    return { was: wanted.queue, code, text: ERRORS[result.error].text };
  }

  private welcome(session: Session, resumeToken: string, resumed: boolean, queues: ResumedQueue[]): void {
    const { limits, engine } = this.hub;
    const { publishWindowMessages: messages, publishWindowBytes: bytes, maxPayloadBytes } = session.limits;
    this.flusher.write(session, {
      type: 'welcome',
      session: session.id,
      resumeToken,
      resumed,
      publishSeq: session.publishSeq,
      epochs: Object.fromEntries(engine.logs.map((log) => [log, engine.bounds(log).epoch])),
      heartbeatMs: limits.heartbeatMs,
      deadMs: limits.deadMs,
      resumeWindowMs: limits.resumeWindowMs,
      ...this.lifeOf(session),
      publishWindow: { messages, bytes },
      limits: { maxFrameBytes: limits.maxFrameBytes, maxPayloadBytes },
      queues,
      hub: HUB_NAME,
    });
  }

  private perform(session: Session, effect: SessionEffect, link: Link | undefined): void {
    switch (effect) {
      case 'attach':
        this.parked.delete(session);
        session.link = link;
        session.parkedUntilMs = Number.POSITIVE_INFINITY;
        session.forgetOutput();
        return;
      case 'park':
        this.park(session);
        return;
      case 'close-taken-over':
        this.close(session, ERRORS['taken-over']);
        return;
      case 'close-superseded':
        this.close(session, ERRORS.superseded);
        return;
      case 'close-slow-consumer':
        this.close(session, ERRORS['slow-consumer']);
        return;
      case 'close-evicted':
        this.close(session, ERRORS['session-evicted']);
        return;
      case 'close-revoked':
        this.close(session, ERRORS['session-revoked']);
        return;
      case 'close-token-expired':
        this.close(session, ERRORS['token-expired']);
        return;
      case 'close-draining':
        this.close(session, ERRORS.draining);
        return;
      case 'close-bye':
        this.close(session, 'bye');
        return;
      case 'end-closed':
        this.end(session, 'closed');
        return;
      case 'end-resume-expired':
        this.end(session, 'resume-expired');
        return;
      case 'end-evicted':
        this.end(session, 'evicted');
        return;
      case 'end-revoked':
        this.end(session, 'revoked');
        return;
      default:
        effect satisfies never;
    }
  }

  /** The connection is no longer the session's. Nothing more is written to it: a resume would have to ask again. */
  private close(session: Session, why: ErrorEntry | 'bye'): void {
    const { link } = session;
    session.link = undefined;
    link?.end(why);
  }

  private park(session: Session): void {
    session.link = undefined;
    session.forgetOutput();
    this.consumers.lost(session);
    session.parkedUntilMs = this.hub.clock.nowMs() + this.hub.limits.resumeWindowMs;
    this.events.session('parked', session);
    this.parked.put(session, undefined);
    const { subject } = session.principal;
    if (this.bySubject.parkedOf(subject) > session.limits.maxParkedPerSubject) {
      this.happened(this.bySubject.oldestParked(subject)!, 'evict');
    }
    if (this.parked.size <= this.hub.limits.maxParkedSessions) return;
    this.happened(this.parked.oldest!.key, 'evict');
  }

  private end(session: Session, reason: DropReason): void {
    session.link = undefined;
    this.parked.delete(session);
    for (const subscription of session.subscriptions.values()) this.subscriptions.end(subscription, reason);
    this.consumers.sessionEnded(session);
    this.hub.sessions.delete(session.id);
    this.events.session('closed', session);
  }
}

/** Up to where the client has processed each log of a queue, in its present epoch. */
function positionsIn({ all }: LogReaders, { cursor }: ResumeQueue): Position[] {
  const given = cursor === null ? [] : (parseCursor(cursor) ?? []);
  return all.map(({ log, epoch }) => {
    const position = given.find((one) => one.log === log && one.epoch === epoch);
    return position ?? { log, epoch, offset: 0 };
  });
}
