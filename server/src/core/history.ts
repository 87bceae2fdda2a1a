/**
 * A page of history: what a question asks for as spans of the log, and what of the records read goes in (PROTOCOL §10).
 *
 *     question ─► plan: losses, spans, direction ─► records, span by span ─► HistoryPage.offer ─► items
 *
 * Invariants: items are in order of offset; every record of the spans up to the page's `position` was taken, did
 * not match, has expired, or is named in a gap; nothing beyond it was. A page is bounded in messages, in bytes of
 * text (one message always fits) and in records looked at, whichever is reached first.
 */
import {
  encodeGapItem,
  encodeMessageItem,
  type GapRange,
  type HistoryRequest,
  type LogId,
  type Position,
  parseCursor,
  utf8Length,
} from '@ringhub/protocol';
import type { LogBounds, StoredRecord } from '../ports/engine.ts';
import { startAfter } from './log-start.ts';

export interface PageBounds {
  readonly messages: number;
  readonly bytes: number;
  readonly scanned: number;
}

/** Offsets of a log, both inclusive; `to` is Infinity for the head. */
export interface Span {
  readonly log: LogId;
  readonly from: number;
  readonly to: number;
}

export interface HistoryPlan {
  readonly direction: 'forward' | 'back';
  /** In the order in which they are read; of two logs one after the other. */
  readonly spans: readonly Span[];
  /** Known to be lost before anything is read; it stands where reading begins. */
  readonly lost: readonly GapRange[];
}

/**
 * What has to be read for a question; `undefined` where its cursor is none of the log's.
 *
 * @param logs those of the bindings; a question by cursor is of one
 */
export function planHistory(
  request: HistoryRequest,
  logs: readonly LogId[],
  boundsOf: (log: LogId) => LogBounds,
): HistoryPlan | undefined {
  const { after, before, ranges } = request;
  if (ranges) return planRanges(ranges, logs, boundsOf);
  const [log = 'v'] = logs;
  const bounds = boundsOf(log);
  if (before === null) return back(log, bounds.last, []);
  const position = parseCursor(after ?? before ?? '')?.find((one) => one.log === log);
  if (!position) return undefined;
  if (after === undefined) return planBefore(position, bounds);
  const start = startAfter(position, bounds);
  return {
    direction: 'forward',
    spans: [{ log, from: start.after + 1, to: Number.POSITIVE_INFINITY }],
    lost: start.lost ? [start.lost] : [],
  };
}

const back = (log: LogId, to: number, lost: readonly GapRange[]): HistoryPlan => ({
  direction: 'back',
  spans: [{ log, from: 1, to }],
  lost,
});

/** Up to the cursor: what `after` the same cursor begins behind. */
function planBefore({ log, epoch, offset }: Position, bounds: LogBounds): HistoryPlan {
  if (epoch !== bounds.epoch) {
    const lost: GapRange = { log, epoch, from: 1, to: offset, count: null, reason: 'epoch' };
    return back(log, 0, offset > 0 ? [lost] : []);
  }
  const { last } = bounds;
  if (offset <= last) return back(log, offset, []);
  return back(log, last, [{ log, epoch, from: last + 1, to: offset, count: null, reason: 'epoch' }]);
}

function planRanges(
  ranges: NonNullable<HistoryRequest['ranges']>,
  logs: readonly LogId[],
  boundsOf: (log: LogId) => LogBounds,
): HistoryPlan {
  const lost: GapRange[] = [];
  const spans: { log: LogId; from: number; to: number }[] = [];
  const ascending = ranges.toSorted((a, b) => (a[0] === b[0] ? a[2] - b[2] : a[0] < b[0] ? 1 : -1));
  for (const [log, ofEpoch, from, to] of ascending) {
    const { epoch, last } = boundsOf(log);
    if (!logs.includes(log) || ofEpoch !== epoch) {
      lost.push({ log, epoch: ofEpoch, from, to, count: null, reason: 'epoch' });
      continue;
    }
    // An earlier life of this log went further: what it held there is gone.
    if (to !== null && to > last) {
      lost.push({ log, epoch, from: Math.max(from, last + 1), to, count: null, reason: 'epoch' });
    }
    const end = to ?? Number.POSITIVE_INFINITY;
    const previous = spans[spans.length - 1];
    // Ranges of a gap may overlap; a message comes once.
    if (previous?.log === log && from <= previous.to + 1) previous.to = Math.max(previous.to, end);
    else spans.push({ log, from: Math.max(1, from), to: end });
  }
  return { direction: 'forward', spans, lost };
}

export class HistoryPage {
  scanned = 0;
  private bytes = 0;
  private messages = 0;
  /** In the order of reading. */
  private readonly texts: string[] = [];

  constructor(
    private readonly direction: HistoryPlan['direction'],
    private readonly bounds: PageBounds,
    private readonly matches: (record: StoredRecord) => boolean,
  ) {}

  get isFull(): boolean {
    return (
      this.messages >= this.bounds.messages ||
      this.bytes >= this.bounds.bytes ||
      this.scanned >= this.bounds.scanned
    );
  }

  /** The items' texts, in order of offset, joined by commas. */
  get items(): string {
    return (this.direction === 'back' ? this.texts.toReversed() : this.texts).join(',');
  }

  /** The next record read; false where it has to wait for the next page. */
  offer(record: StoredRecord, nowMs: number): boolean {
    if (this.isFull) return false;
    this.scanned++;
    if (record.expiresMs <= nowMs || !this.matches(record)) return true;
    const text = record.itemText ?? encodeMessageItem(record);
    const bytes = utf8Length(text) + 1;
    if (this.messages > 0 && this.bytes + bytes > this.bounds.bytes) return false;
    this.messages++;
    this.bytes += bytes;
    this.texts.push(text);
    return true;
  }

  /** What stands next and is lost. */
  tellLoss(range: GapRange): void {
    const text = encodeGapItem({ count: range.count, reason: range.reason, ranges: [range] });
    this.bytes += text.length + 1;
    this.texts.push(text);
  }
}
