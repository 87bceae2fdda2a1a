/**
 * Every page of history, held against the truth in the instant in which the hub answers it (PROTOCOL §10).
 *
 *     asked: bindings as they are then ─► read: log and clock as they are then ─► items, cursor, more
 *
 * A page owes every message in what it says it has read: up to its cursor (back: behind it), or all of it.
 */
import {
  decodeServerMessage,
  encodeHistory,
  type GapRange,
  type HistoryPage,
  type HistoryRequest,
  type LogId,
  type Position,
  parseCursor,
} from '@ringhub/protocol';
import type { PageText } from '../../server/src/hub/page-reading.ts';
import type { Principal } from '../../server/src/ports/auth.ts';
import type { HubProcess } from './hub-process.ts';
import type { Permits } from './permits.ts';
import { covers } from './queue-balance.ts';
import { type Bound, isDurable, isFor, type ReferenceRouter } from './reference-router.ts';
import { DISK_EPOCH, isExpired, mayBeExpired, type Taken, type Truth } from './truth.ts';
import type { World } from './world.ts';

interface Question {
  principal(): Principal;
  readonly request: HistoryRequest;
  answer(page: PageText | { readonly error: string }): void;
}

/** Offsets of a log, both inclusive. */
interface Span {
  readonly log: LogId;
  readonly from: number;
  readonly to: number;
}

const DEFAULT_LIMIT = 100;

export function watchHistory(
  world: World,
  truth: Truth,
  router: ReferenceRouter,
  permits: Permits,
  process: HubProcess,
  reach: (what: string) => void,
): void {
  const pages = process.insides.pages as unknown as { put(lane: unknown, question: Question): void };
  const put = pages.put.bind(pages);
  pages.put = (lane, question) => {
    const { request, answer, principal } = question;
    const bindings = request.bindings.map((spec) => router.bound(spec)!);
    const check = new PageCheck(world, truth, process, request, bindings);
    question.answer = (page) => {
      // Who asks may do less by now.
      const { role } = principal();
      const mayRead = bindings.every(({ exchange, spec }) =>
        permits.mayByBinding(role, 'subscribe', exchange, spec[1]),
      );
      if ('error' in page) check.refused(page.error, mayRead);
      else if (!mayRead) world.fail('permission', `${role} reads ${JSON.stringify(request.bindings)}`);
      else for (const what of check.check(pageOf(page))) reach(`history ${what}`);
      answer(page);
    };
    put(lane, question);
  };
}

const pageOf = ({ items, cursor, more }: PageText): HistoryPage => {
  const [frame] = decodeServerMessage(encodeHistory(0, items, cursor, more)) ?? [];
  return (frame as unknown as { result: HistoryPage }).result;
};

class PageCheck {
  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    private readonly process: HubProcess,
    private readonly request: HistoryRequest,
    private readonly bindings: readonly Bound[],
  ) {}

  /** The logs that the bindings are of. */
  get #logs(): Set<LogId> {
    return new Set(this.bindings.map(({ exchange }) => (isDurable(exchange) ? 'd' : 'v')));
  }

  #epochOf(log: LogId): string {
    return log === 'd' ? DISK_EPOCH : this.process.epoch;
  }

  #firstOf(log: LogId): number {
    return this.process.engine.bounds(log).first;
  }

  /** Its exchanges may be of the other log by now, of which its cursor says nothing. */
  refused(error: string, mayRead: boolean): void {
    if (error === 'forbidden' && !mayRead) return;
    const { after, before } = this.request;
    const [log] = this.#logs;
    const isOfIt = parseCursor(after ?? before ?? '')?.some((p) => p.log === log);
    if (error !== 'bad-cursor' || isOfIt) this.#fail(`is refused: ${error}`);
  }

  /** Returns what is worth being reached. */
  check({ items, cursor, more }: HistoryPage): string[] {
    const { limit = DEFAULT_LIMIT } = this.request;
    const positions = (parseCursor(cursor) ?? []).filter(({ log, epoch }) => epoch === this.#epochOf(log));
    if (positions.length === 0) return this.#fail(`its cursor ${cursor} is of no log`);
    const messages = items.filter((item) => item.kind === 'message');
    const gaps = items.flatMap((item) => (item.kind === 'gap' ? item.gap.ranges : []));
    const asked = this.#asked();
    const read = more ? this.#readUpTo(asked, positions) : asked;
    const due = this.#due(read);
    const there = due.filter(({ log, offset }) => offset >= this.#firstOf(log));
    const { nowMs } = this.world;
    const { wallMs } = this.process;
    let at = 0;
    for (const taken of there) {
      const item = messages[at];
      if (item?.log === taken.log && item.offset === taken.offset) at++;
      else if (!mayBeExpired(taken, nowMs, wallMs))
        return this.#fail(`offset ${taken.offset} is due up to ${cursor}, and does not come`);
    }
    if (at < messages.length) return this.#fail(`offset ${messages[at]!.offset} comes, and is not due`);
    for (const { log, offset, payload, key, timeMs } of messages) {
      const taken = this.truth.at(this.#epochOf(log), offset)!;
      if (taken.payload !== payload || taken.key !== key || taken.timeMs !== timeMs)
        return this.#fail(`offset ${offset} was not published as it came`);
    }
    // Nothing else ends a page here: no log is long enough to be looked at in part, no page so large.
    if (messages.length > limit || (more && messages.length < limit)) {
      return this.#fail(`${messages.length} messages of ${limit}, though there is ${more ? '' : 'no '}more`);
    }
    this.#checkLosses(due, gaps);
    const what = this.request.ranges ? 'ranges' : this.request.after === undefined ? 'back' : 'forward';
    const logs = [...this.#logs].map((log) => `log ${log}`);
    return [what, ...logs, ...gaps.map(({ reason }) => reason), ...(more ? ['more'] : [])];
  }

  /** What the question is about. */
  #asked(): Span[] {
    const { after, before, ranges } = this.request;
    const logs = this.#logs;
    if (ranges) {
      const own = ranges.filter(([log, epoch]) => logs.has(log) && epoch === this.#epochOf(log));
      return own.map(([log, epoch, from, to]) => {
        const last = this.truth.last(epoch);
        return { log, from, to: Math.min(to ?? last, last) };
      });
    }
    const [log = 'v'] = logs;
    const epoch = this.#epochOf(log);
    const last = this.truth.last(epoch);
    const place = parseCursor(after ?? before ?? '')?.find((p) => p.log === log);
    const isOwn = place?.epoch === epoch;
    if (after !== undefined) {
      return [{ log, from: isOwn ? Math.min(place.offset, last) + 1 : 1, to: last }];
    }
    if (before === null) return [{ log, from: 1, to: last }];
    return isOwn ? [{ log, from: 1, to: Math.min(place.offset, last) }] : [];
  }

  #readUpTo(asked: readonly Span[], positions: readonly Position[]): Span[] {
    const isBack = this.request.before !== undefined;
    return asked.flatMap(({ log, from, to }) => {
      const offset = positions.find((one) => one.log === log)?.offset;
      // One log is read after the other: this one's turn is still to come.
      if (offset === undefined) return [];
      return isBack
        ? [{ log, from: Math.max(from, offset + 1), to }]
        : [{ log, from, to: Math.min(to, offset) }];
    });
  }

  /** Once each, in the order of reading: of the volatile log first, in order of offset. */
  #due(spans: readonly Span[]): Taken[] {
    const due = new Set<Taken>();
    for (const { log, from, to } of spans) {
      for (const taken of this.truth.between(this.#epochOf(log), Math.max(0, from - 1), to)) {
        const isOver = isExpired(taken, this.world.nowMs + 1, this.process.wallMs + 1);
        if (!isOver && isFor(this.bindings, taken)) due.add(taken);
      }
    }
    return [...due].sort((a, b) => (a.log === b.log ? a.offset - b.offset : a.log === 'v' ? -1 : 1));
  }

  /** What is trimmed is told, and nothing that is there; so is what is of another epoch. */
  #checkLosses(due: readonly Taken[], gaps: readonly GapRange[]): void {
    const logs = this.#logs;
    for (const taken of due) {
      const { log, epoch, offset } = taken;
      const isTold = gaps.some((g) => g.epoch === epoch && covers(g, offset));
      if (offset >= this.#firstOf(log) || isTold) continue;
      this.#fail(`offset ${offset} is trimmed, and no gap tells it`);
    }
    for (const gap of gaps) {
      const isOver =
        !logs.has(gap.log) || gap.epoch !== this.#epochOf(gap.log) || gap.from > this.truth.last(gap.epoch);
      const isTrimmed = gap.reason === 'trimmed' && !isOver && gap.to! < this.#firstOf(gap.log);
      const isTrue = gap.reason === 'epoch' ? isOver : isTrimmed;
      if (!isTrue || gap.count !== null) this.#fail(`its gap ${JSON.stringify(gap)} is not true`);
    }
    for (const other of this.#elsewhere()) {
      if (gaps.some((g) => g.epoch === other && g.reason === 'epoch')) continue;
      this.#fail(`the end of epoch ${other} is not told`);
    }
  }

  /** Epochs that are asked about and are over. */
  #elsewhere(): string[] {
    const { after, before, ranges = [] } = this.request;
    const logs = this.#logs;
    const asked = ranges.map(([log, epoch]) => ({ log, epoch }));
    const place = parseCursor(after ?? before ?? '')?.find((p) => logs.has(p.log));
    if (place && !this.request.ranges && (after !== undefined || place.offset > 0)) asked.push(place);
    return asked.filter((one) => one.epoch !== this.#epochOf(one.log)).map(({ epoch }) => epoch);
  }

  #fail(text: string): [] {
    this.world.fail('history', `${JSON.stringify(this.request)}: ${text}`);
    return [];
  }
}
