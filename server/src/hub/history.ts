/**
 * Answers `history`: reads pages from the log, a few a turn (PROTOCOL §10).
 *
 *     asked ─► lane of its session ─► ready ─► read, in one piece or several ─► answered
 *                     └── socket full: waits until it has drained
 *
 * A session has one page under way at a time, and none while its socket is full, so that pages asked for in
 * advance neither pile up unread nor hold up a turn. What was asked over a connection that is gone is forgotten.
 */
import {
  ERRORS,
  encodeHistory,
  encodeServerFrame,
  formatCursor,
  type HistoryRequest,
} from '@ringhub/protocol';
import { HistoryPage, type HistoryPlan, type PageBounds, planHistory, type Span } from '../core/history.ts';
import type { Link, Session } from '../core/session.ts';
import { type Binding, bindingsMatch, toBinding } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

/** A page as text: the items joined by commas. */
export interface PageText {
  readonly items: string;
  readonly cursor: string;
  readonly more: boolean;
}

type Answer = (page: PageText | Refusal) => void;

interface Question {
  readonly request: HistoryRequest;
  readonly bindings: readonly Binding[];
  readonly answer: Answer;
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
const READ_AT_ONCE = 256;
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
    const bindings = this.find(session.principal, request, session.limits.maxBindings);
    if ('error' in bindings) return bindings;
    const lane = this.laneOf(session);
    if (lane.questions.length >= MAX_WAITING)
      return { error: 'unavailable', detail: { waiting: MAX_WAITING } };
    const answer: Answer = (page) => {
      if (session.link !== lane.link) return;
      this.flusher.write(
        session,
        'error' in page
          ? encodeServerFrame({
              type: 'error',
              ref,
              code: ERRORS[page.error].code,
              text: ERRORS[page.error].text,
            })
          : encodeHistory(ref, page.items, page.cursor, page.more),
      );
    };
    this.put(lane, { request, bindings, answer });
    return undefined;
  }

  /** As `ask`, without a session. */
  query(principal: Principal, request: HistoryRequest, answer: Answer): void {
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
    const counted: Answer = (page) => {
      this.waitingHttp--;
      answer(page);
    };
    this.put(lane, { request, bindings, answer: counted });
  }

  /** The session's socket takes data again. */
  drained(session: Session): void {
    const lane = this.lanes.get(session);
    if (lane) this.markReady(lane);
  }

  private find(
    principal: Principal,
    { bindings }: HistoryRequest,
    maxBindings: number,
  ): Binding[] | (Refusal & { length?: never }) {
    if (bindings.length > maxBindings) return { error: 'too-many-bindings' };
    const found: Binding[] = [];
    for (const binding of bindings) {
      const wanted = this.subscriptions.find(principal, binding);
      if ('error' in wanted) return wanted;
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
    const plan = planHistory(request, this.hub.engine.bounds('v'));
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

/** Reads the records of one page. */
class PageReading {
  private readonly page: HistoryPage;
  private readonly epoch: string;
  private spanIndex = 0;
  /** Forward: everything up to here is done. Back: everything behind here is. */
  private position: number;
  private hasStopped = false;

  constructor(
    private readonly hub: HubContext,
    private readonly plan: HistoryPlan,
    private readonly bounds: PageBounds,
    bindings: readonly Binding[],
    private readonly answer: Answer,
  ) {
    this.page = new HistoryPage(plan.direction, bounds, (record) => bindingsMatch(bindings, record));
    this.epoch = hub.engine.bounds('v').epoch;
    for (const range of plan.lost) this.page.tellLoss(range);
    const first = plan.spans[0] ?? { from: 1, to: 0 };
    this.position = plan.direction === 'back' ? Math.min(first.to, hub.feedOffset) : first.from - 1;
  }

  run(): void {
    try {
      while (this.advance()) {
        // As long as the engine answers at once.
      }
    } catch (error) {
      this.hub.fault('a page of history could not be read', error);
      this.answer({ error: 'unavailable' });
    }
  }

  /** False once the page is answered, or what comes next is up to the engine. */
  private advance(): boolean {
    const span = this.plan.spans[this.spanIndex];
    if (!span) return this.finish(false);
    if (this.plan.direction === 'back') {
      this.tellTrimmedBack();
      if (this.position < 1) return this.finish(false);
    } else {
      this.position = Math.max(this.position, span.from - 1);
      this.tellTrimmed(span);
      if (this.position >= this.endOf(span)) {
        this.spanIndex++;
        return true;
      }
    }
    return this.page.isFull || this.hasStopped ? this.finish(true) : this.read(span);
  }

  private read(span: Span): boolean {
    const { engine } = this.hub;
    const limit = Math.min(READ_AT_ONCE, this.bounds.scanned - this.page.scanned);
    let isLater = false;
    let isDone = false;
    const took = (records: readonly StoredRecord[]): void => {
      if (this.plan.direction === 'back') this.takeBack(records);
      else this.take(records, span);
      isDone = true;
      if (isLater) this.run();
    };
    if (this.plan.direction === 'back') engine.readBack('v', this.position + 1, limit, took);
    else engine.read('v', this.position, limit, took);
    isLater = true;
    return isDone;
  }

  private take(records: readonly StoredRecord[], span: Span): void {
    // What was trimmed while it was read is told already.
    this.tellTrimmed(span);
    const end = this.endOf(span);
    for (const record of records) {
      if (record.offset <= this.position) continue;
      if (record.offset > end) break;
      if (!this.offer(record)) return;
      this.position = record.offset;
    }
    const last = records[records.length - 1];
    if (!last || last.offset > end) this.position = Math.max(this.position, end);
  }

  private takeBack(records: readonly StoredRecord[]): void {
    for (const record of records) {
      if (!this.offer(record)) return;
      this.position = record.offset - 1;
    }
    if (records.length === 0) this.position = Math.min(this.position, this.hub.engine.bounds('v').first - 1);
  }

  private offer(record: StoredRecord): boolean {
    if (this.page.offer(record, this.hub.clock.nowMs())) return true;
    this.hasStopped = true;
    return false;
  }

  private tellTrimmed(span: Span): void {
    const to = Math.min(this.hub.engine.bounds('v').first - 1, span.to);
    if (to <= this.position) return;
    this.tellLoss(this.position + 1, to);
    this.position = to;
  }

  private tellTrimmedBack(): void {
    if (this.position < 1 || this.position >= this.hub.engine.bounds('v').first) return;
    this.tellLoss(1, this.position);
    this.position = 0;
  }

  private tellLoss(from: number, to: number): void {
    this.page.tellLoss({ log: 'v', epoch: this.epoch, from, to, count: null, reason: 'trimmed' });
  }

  private endOf({ to }: Span): number {
    return Math.min(to, this.hub.feedOffset);
  }

  private finish(more: boolean): false {
    const offset = Math.min(this.position, this.hub.feedOffset);
    const cursor = formatCursor([{ log: 'v', epoch: this.epoch, offset }]);
    this.answer({ items: this.page.items, cursor, more });
    return false;
  }
}
