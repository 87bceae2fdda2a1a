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
  parseCursor,
} from '@ringhub/protocol';
import type { PageText } from '../../server/src/hub/page-reading.ts';
import type { HubProcess } from './hub-process.ts';
import { covers } from './queue-balance.ts';
import { type Bound, isFor, type ReferenceRouter } from './reference-router.ts';
import type { Taken, Truth } from './truth.ts';
import type { World } from './world.ts';

interface Question {
  readonly request: HistoryRequest;
  answer(page: PageText | { readonly error: string }): void;
}

/** Offsets, both inclusive. */
type Span = readonly [from: number, to: number];

const DEFAULT_LIMIT = 100;

export function watchHistory(
  world: World,
  truth: Truth,
  router: ReferenceRouter,
  process: HubProcess,
  reach: (what: string) => void,
): void {
  const pages = process.insides.pages as unknown as { put(lane: unknown, question: Question): void };
  const put = pages.put.bind(pages);
  pages.put = (lane, question) => {
    const { request, answer } = question;
    const bindings = request.bindings.map((spec) => router.bound(spec)!);
    const check = new PageCheck(world, truth, process, request, bindings);
    question.answer = (page) => {
      if ('error' in page) world.fail('history', `a page is refused: ${page.error}`);
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

  /** Returns what is worth being reached. */
  check({ items, cursor, more }: HistoryPage): string[] {
    const { epoch, engine } = this.process;
    const { limit = DEFAULT_LIMIT } = this.request;
    const { first } = engine.bounds('v');
    const position = parseCursor(cursor)?.find((p) => p.epoch === epoch);
    if (!position) return this.#fail(`its cursor ${cursor} is of no log`);
    const offsets = items.flatMap((item) => (item.kind === 'message' ? [item.offset] : []));
    const gaps = items.flatMap((item) => (item.kind === 'gap' ? item.gap.ranges : []));
    const asked = this.#asked();
    const read = more ? this.#readUpTo(asked, position.offset) : asked;
    const due = this.#due(read);
    const there = due.filter(({ offset }) => offset >= first);
    const isSame = offsets.length === there.length && there.every((t, i) => t.offset === offsets[i]);
    if (!isSame) return this.#fail(`${offsets} came, due were ${there.map((t) => t.offset)} up to ${cursor}`);
    for (const item of items) {
      if (item.kind !== 'message') continue;
      const taken = this.truth.at(epoch, item.offset)!;
      if (taken.payload !== item.payload || taken.key !== item.key || taken.timeMs !== item.timeMs)
        return this.#fail(`offset ${item.offset} was not published as it came`);
    }
    // Nothing else ends a page here: no log is long enough to be looked at in part, no page so large.
    if (offsets.length > limit || (more && offsets.length < limit)) {
      return this.#fail(`${offsets.length} messages of ${limit}, though there is ${more ? '' : 'no '}more`);
    }
    this.#checkLosses(due, gaps, first);
    const what = this.request.ranges ? 'ranges' : this.request.after === undefined ? 'back' : 'forward';
    return [what, ...gaps.map(({ reason }) => reason), ...(more ? ['more'] : [])];
  }

  /** What the question is about, in this log. */
  #asked(): Span[] {
    const { after, before, ranges } = this.request;
    const { epoch } = this.process;
    const last = this.truth.last(epoch);
    if (ranges) {
      const own = ranges.filter(([, ofEpoch]) => ofEpoch === epoch);
      return own.map(([, , from, to]) => [from, Math.min(to ?? last, last)]);
    }
    const place = parseCursor(after ?? before ?? '')?.find((p) => p.log === 'v');
    const isOwn = place?.epoch === epoch;
    if (after !== undefined) return [[isOwn ? Math.min(place.offset, last) + 1 : 1, last]];
    if (before === null) return [[1, last]];
    return isOwn ? [[1, Math.min(place.offset, last)]] : [];
  }

  #readUpTo(asked: readonly Span[], offset: number): Span[] {
    const isBack = this.request.before !== undefined;
    return asked.map(([from, to]) =>
      isBack ? [Math.max(from, offset + 1), to] : [from, Math.min(to, offset)],
    );
  }

  /** Once each, in order of offset. */
  #due(spans: readonly Span[]): Taken[] {
    const due = new Set<Taken>();
    for (const [from, to] of spans) {
      for (const taken of this.truth.between(this.process.epoch, Math.max(0, from - 1), to)) {
        if (taken.expiresMs > this.world.nowMs && isFor(this.bindings, taken)) due.add(taken);
      }
    }
    return [...due].sort((a, b) => a.offset - b.offset);
  }

  /** What is trimmed is told, and nothing that is there; so is what is of another epoch. */
  #checkLosses(due: readonly Taken[], gaps: readonly GapRange[], first: number): void {
    const { epoch } = this.process;
    const last = this.truth.last(epoch);
    for (const { offset } of due) {
      if (offset >= first || gaps.some((g) => g.epoch === epoch && covers(g, offset))) continue;
      this.#fail(`offset ${offset} is trimmed, and no gap tells it`);
    }
    for (const gap of gaps) {
      const isOver = gap.epoch !== epoch || gap.from > last;
      const isTrue = gap.reason === 'epoch' ? isOver : gap.reason === 'trimmed' && !isOver && gap.to! < first;
      if (!isTrue || gap.count !== null) this.#fail(`its gap ${JSON.stringify(gap)} is not true`);
    }
    const { after, before, ranges = [] } = this.request;
    const others = ranges.map(([, ofEpoch]) => ofEpoch);
    const place = parseCursor(after ?? before ?? '')?.find((p) => p.log === 'v');
    if (place && (after !== undefined || place.offset > 0)) others.push(place.epoch);
    for (const other of others) {
      if (other === epoch || gaps.some((g) => g.epoch === other && g.reason === 'epoch')) continue;
      this.#fail(`the end of epoch ${other} is not told`);
    }
  }

  #fail(text: string): [] {
    this.world.fail('history', `${JSON.stringify(this.request)}: ${text}`);
    return [];
  }
}
