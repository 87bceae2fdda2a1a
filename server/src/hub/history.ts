/**
 * Answers `history`: reads pages from the log, a few a turn (PROTOCOL §10).
 *
 *     asked ─► lane of its session ─► ready ─► read, in one piece or several ─► answered
 *                     └── socket full: waits until it has drained
 *
 * A session has one page under way at a time, and none while its socket is full, so that pages asked for in
 * advance neither pile up unread nor hold up a turn. What was asked over a connection that is gone is forgotten.
 */
import { ERRORS, encodeHistory, type HistoryRequest } from '@ringhub/protocol';
import { mayByBinding } from '../core/binding-permission.ts';
import { type PageBounds, planHistory } from '../core/history.ts';
import type { Link, Session } from '../core/session.ts';
import { type Binding, toBinding } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import { type PageAnswer, PageReading, type PageText } from './page-reading.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

interface Question {
  /** As of now: it may have waited. */
  readonly principal: () => Principal;
  readonly request: HistoryRequest;
  readonly bindings: readonly Binding[];
  readonly answer: PageAnswer;
}

/** Who is answered one page after the other. */
interface Lane {
  /** The connection that asked; `undefined` for HTTP. */
  readonly link: Link | undefined;
  readonly session: Session | undefined;
  readonly questions: Question[];
  isBusy: boolean;
}

const DEFAULT_MESSAGES = 100;
const PAGE_BYTES = 200 * 1024;
const PAGES_A_TURN = 8;
/** Records looked at for one page, and how many times one of them is held against a binding. */
const MAX_SCANNED = 2048;
const MAX_CHECKS = 32_768;
const MIN_SCANNED = 16;
/** Questions that wait: of one session, and over HTTP. */
const MAX_WAITING = 32;
const MAX_WAITING_HTTP = 256;

export class History {
  private readonly lanes = new WeakMap<Session, Lane>();
  /** Lanes that can be read for, in the order of asking. */
  private readonly ready = new Set<Lane>();
  private isScheduled = false;
  private waitingHttp = 0;

  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** Answers a `history` frame by and by, or says at once why not. */
  ask(session: Session, ref: number, request: HistoryRequest): Refusal | undefined {
    const lane = this.laneOf(session);
    if (lane.questions.length >= MAX_WAITING) {
      return { error: 'unavailable', detail: { waiting: MAX_WAITING } };
    }
    const bindings = this.find(session.principal, request, session.limits.maxBindings);
    if ('error' in bindings) return bindings;
    const answer: PageAnswer = (page) => {
      if (session.link !== lane.link) return;
      if ('error' in page) {
        const { code, text } = ERRORS[page.error];
        this.flusher.write(session, { type: 'error', ref, code, text });
      } else {
        this.flusher.writeText(session, encodeHistory(ref, page.items, page.cursor, page.more));
      }
    };
    this.put(lane, { principal: () => session.principal, request, bindings, answer });
    return undefined;
  }

  /** As `ask`, without a session. */
  query(principal: Principal, request: HistoryRequest, answer: PageAnswer): void {
    const bindings = this.find(principal, request, this.hub.limitsOf(principal.role).maxBindings);
    if ('error' in bindings) {
      answer(bindings);
      return;
    }
    if (this.waitingHttp >= MAX_WAITING_HTTP) {
      answer({ error: 'unavailable' });
      return;
    }
    this.waitingHttp++;
    const lane: Lane = { link: undefined, session: undefined, questions: [], isBusy: false };
    const counted: PageAnswer = (page) => {
      this.waitingHttp--;
      answer(page);
    };
    this.put(lane, { principal: () => principal, request, bindings, answer: counted });
  }

  /** The session's socket takes data again. */
  drained(session: Session): void {
    const lane = this.lanes.get(session);
    if (lane) this.markReady(lane);
  }

  private find(
    principal: Principal,
    { bindings, ranges }: HistoryRequest,
    maxBindings: number,
  ): Binding[] | (Refusal & { length?: never }) {
    if (bindings.length > maxBindings) return { error: 'too-many-bindings' };
    const found: Binding[] = [];
    for (const binding of bindings) {
      const wanted = this.subscriptions.find(principal, binding);
      if ('error' in wanted) return wanted;
      // A page by cursor is in order of offset, which means nothing across logs.
      if (!ranges && found[0] && found[0].exchange.log !== wanted.exchange.log)
        return { error: 'durability-mismatch' };
      found.push(toBinding(wanted));
    }
    return found;
  }

  private laneOf(session: Session): Lane {
    const there = this.lanes.get(session);
    if (there?.link === session.link && there) return there;
    const lane: Lane = { link: session.link, session, questions: [], isBusy: false };
    this.lanes.set(session, lane);
    return lane;
  }

  private put(lane: Lane, question: Question): void {
    lane.questions.push(question);
    this.markReady(lane);
  }

  private markReady(lane: Lane): void {
    if (lane.isBusy || lane.questions.length === 0) return;
    this.ready.add(lane);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.hub.clock.endOfTurn(() => this.readSome());
  }

  private readSome(): void {
    this.isScheduled = false;
    let left = PAGES_A_TURN;
    const lanes = [...this.ready];
    for (const lane of lanes) {
      if (left === 0) break;
      this.ready.delete(lane);
      if (lane.session && lane.session.link !== lane.link) continue;
      // Woken by `drained`.
      if (lane.link && lane.link.bufferedBytes > this.hub.limits.maxSocketBufferBytes) continue;
      left--;
      this.readFor(lane);
    }
    for (const lane of this.ready) this.markReady(lane);
  }

  private readFor(lane: Lane): void {
    const question = lane.questions.shift();
    if (!question) return;
    lane.isBusy = true;
    const answered = (page: PageText | Refusal): void => {
      lane.isBusy = false;
      question.answer(page);
      this.markReady(lane);
    };
    const { request, bindings } = question;
    const principal = question.principal();
    const isPermitted = bindings.every(({ exchange: { name, options }, spec }) =>
      mayByBinding(principal, 'subscribe', name, options, spec.key),
    );
    if (!isPermitted) {
      answered({ error: 'forbidden' });
      return;
    }
    const logs = new Set(bindings.map(({ exchange }) => exchange.log));
    const plan = planHistory(request, [...logs], (log) => this.hub.engine.bounds(log));
    if (!plan) {
      answered({ error: 'bad-cursor', detail: { field: request.after === undefined ? 'before' : 'after' } });
      return;
    }
    new PageReading(this.hub, plan, boundsOf(request, bindings), bindings, answered).run();
  }
}

function boundsOf({ limit = DEFAULT_MESSAGES }: HistoryRequest, bindings: readonly Binding[]): PageBounds {
  const scanned = Math.max(MIN_SCANNED, Math.min(MAX_SCANNED, Math.floor(MAX_CHECKS / bindings.length)));
  return { messages: limit, bytes: PAGE_BYTES, scanned };
}
