/**
 * Reads the records of one page of history: span by span, forward or back, until the page is full (PROTOCOL §10).
 *
 * What the log has let go of, or cannot read any more, is told where it would have stood, also if that happens while it
 * is being read. The engine may answer at once or later; each answer is handled in its own turn.
 */
import { formatCursor, type GapReason, type LogId } from '@ringhub/protocol';
import { HistoryPage, type HistoryPlan, type PageBounds, type Span } from '../core/history.ts';
import { type Binding, bindingsMatch } from '../core/subscription.ts';
import type { LogEntry } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Refusal } from './subscriptions.ts';

/** A page as text: the items joined by commas. */
export interface PageText {
  readonly items: string;
  readonly cursor: string;
  readonly more: boolean;
}

export type PageAnswer = (page: PageText | Refusal) => void;

const READ_AT_ONCE = 256;

export class PageReading {
  private readonly page: HistoryPage;
  /** The log being read: that of the span; of the first binding where nothing is to be read. */
  private log: LogId;
  private spanIndex = 0;
  /** Forward: everything up to here is done. Back: everything behind here is. */
  private position: number;
  /** Logs that were read to the end of their spans, and where that is. */
  private readonly passed = new Map<LogId, number>();
  private hasStopped = false;

  constructor(
    private readonly hub: HubContext,
    private readonly plan: HistoryPlan,
    private readonly bounds: PageBounds,
    bindings: readonly Binding[],
    private readonly answer: PageAnswer,
  ) {
    this.page = new HistoryPage(plan.direction, bounds, (record) => bindingsMatch(bindings, record));
    for (const range of plan.lost) this.page.tellLoss(range);
    const first = plan.spans[0] ?? { log: bindings[0]!.exchange.log, from: 1, to: 0 };
    this.log = first.log;
    this.position = plan.direction === 'back' ? Math.min(first.to, hub.feedOffset(this.log)) : first.from - 1;
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
      this.enter(span);
      this.tellTrimmed(span);
      if (this.position >= this.endOf(span)) {
        this.spanIndex++;
        return true;
      }
    }
    return this.page.isFull || this.hasStopped ? this.finish(true) : this.read(span);
  }

  private enter(span: Span): void {
    if (span.log !== this.log) {
      this.passed.set(this.log, this.position);
      this.log = span.log;
      this.position = 0;
    }
    this.position = Math.max(this.position, span.from - 1);
  }

  private read(span: Span): boolean {
    const { engine } = this.hub;
    const limit = Math.min(READ_AT_ONCE, this.bounds.scanned - this.page.scanned);
    let isLater = false;
    let isDone = false;
    const took = (entries: readonly LogEntry[]): void => {
      if (this.plan.direction === 'back') this.takeBack(entries);
      else this.take(entries, span);
      isDone = true;
      if (isLater) this.run();
    };
    if (this.plan.direction === 'back') engine.readBack(span.log, this.position + 1, limit, took);
    else engine.read(span.log, this.position, limit, took);
    isLater = true;
    return isDone;
  }

  private take(entries: readonly LogEntry[], span: Span): void {
    // What was trimmed while it was read is told already.
    this.tellTrimmed(span);
    const end = this.endOf(span);
    for (const entry of entries) {
      if (entry.offset <= this.position) continue;
      if (entry.offset > end) break;
      if (!this.offer(entry)) return;
      this.position = entry.offset;
    }
    const last = entries[entries.length - 1];
    if (!last || last.offset > end) this.position = Math.max(this.position, end);
  }

  private takeBack(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (!this.offer(entry)) return;
      this.position = entry.offset - 1;
    }
    if (entries.length === 0) this.position = Math.min(this.position, this.firstKept - 1);
  }

  private offer(entry: LogEntry): boolean {
    if (entry.kind === 'corrupt') {
      if (!this.page.isFull) {
        this.hub.counters.corrupt++;
        this.tellLoss(entry.offset, entry.offset, 'corrupt');
        return true;
      }
    } else if (this.page.offer(entry, this.hub.clock.nowMs())) return true;
    this.hasStopped = true;
    return false;
  }

  private tellTrimmed(span: Span): void {
    const to = Math.min(this.firstKept - 1, span.to);
    if (to <= this.position) return;
    this.tellLoss(this.position + 1, to);
    this.position = to;
  }

  private tellTrimmedBack(): void {
    if (this.position < 1 || this.position >= this.firstKept) return;
    this.tellLoss(1, this.position);
    this.position = 0;
  }

  private tellLoss(from: number, to: number, reason: GapReason = 'trimmed'): void {
    const epoch = this.hub.epochOf(this.log);
    this.page.tellLoss({ log: this.log, epoch, from, to, count: null, reason });
  }

  private get firstKept(): number {
    return this.hub.engine.bounds(this.log).first;
  }

  private endOf({ log, to }: Span): number {
    return Math.min(to, this.hub.feedOffset(log));
  }

  private finish(more: boolean): false {
    this.passed.set(this.log, this.position);
    const positions = Array.from(this.passed, ([log, offset]) => ({
      log,
      epoch: this.hub.epochOf(log),
      offset: Math.min(offset, this.hub.feedOffset(log)),
    }));
    this.answer({ items: this.page.items, cursor: formatCursor(positions), more });
    return false;
  }
}
