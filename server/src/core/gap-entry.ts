/**
 * A gap while it stands in a ring: losses merged, in the order of the queue (PROTOCOL §9).
 *
 * Invariants: `count` is the exact sum of all losses told, or null once one of them is unknown; at most
 * {@link MAX_RANGES} ranges, beyond which neighbours of the same log and epoch are joined (a joined range may
 * cover messages that were not lost; counts stay exact).
 */
import type { Gap, GapRange, GapReason, LogId } from '@ringhub/protocol';

export const MAX_RANGES = 32;

type MutableRange = { -readonly [K in keyof GapRange]: GapRange[K] };

const add = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

const joined = (a: GapReason, b: GapReason): GapReason => (a === b ? a : 'several');

export class GapEntry {
  readonly kind = 'gap';
  count: number | null = 0;
  readonly ranges: MutableRange[] = [];
  /** Of losses whose place in a log is not known. */
  private unplacedReason: GapReason | undefined;

  /**
   * Adds one lost message that stood right behind what is lost already.
   *
   * @param dense the queue is in order of offset in each log, so that a neighbouring loss widens the log's last range
   */
  addMessage(log: LogId, epoch: string, offset: number, reason: GapReason, dense: boolean): void {
    const last = this.lastOf(log);
    this.count = add(this.count, 1);
    if (last && joins(last, log, epoch, offset, reason, dense)) {
      last.to = offset;
      last.count = add(last.count, 1);
      return;
    }
    this.append({ log, epoch, from: offset, to: offset, count: 1, reason });
  }

  /** Adds a whole range of lost messages behind what is lost already. */
  addRange(range: GapRange): void {
    this.count = add(this.count, range.count);
    this.append({ ...range });
  }

  /** Adds lost messages of which nobody remembers where they came from. */
  addUnplaced(count: number, reason: GapReason): void {
    this.count = add(this.count, count);
    this.unplacedReason = this.unplacedReason === undefined ? reason : joined(this.unplacedReason, reason);
  }

  /** Takes over the losses of a gap that stood right behind this one. */
  absorb(next: GapEntry): void {
    this.count = add(this.count, next.count);
    for (const range of next.ranges) this.append({ ...range });
    if (next.unplacedReason) this.addUnplaced(0, next.unplacedReason);
  }

  /** What is told to the subscriber. */
  toGap(): Gap {
    const reasons = this.ranges.map(({ reason }) => reason);
    if (this.unplacedReason) reasons.push(this.unplacedReason);
    return {
      count: this.count,
      reason: reasons.reduce(joined, reasons[0] ?? 'several'),
      ranges: this.ranges,
    };
  }

  /** The lowest offset lost in one log, or Infinity. */
  lowestOffset(log: LogId): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const range of this.ranges) if (range.log === log && range.from < lowest) lowest = range.from;
    return lowest;
  }

  /** The last range of a log: losses of two logs may take turns. */
  private lastOf(log: LogId): MutableRange | undefined {
    const last = this.ranges[this.ranges.length - 1];
    if (last?.log === log) return last;
    const before = this.ranges[this.ranges.length - 2];
    return before?.log === log ? before : undefined;
  }

  private append(range: MutableRange): void {
    this.ranges.push(range);
    if (this.ranges.length > MAX_RANGES) this.joinNeighbours();
  }

  /** Joins the two neighbours of one log that cover the least when joined; of other logs or epochs never. */
  private joinNeighbours(): void {
    let best: readonly [MutableRange, MutableRange] | undefined;
    let bestWidth = Number.POSITIVE_INFINITY;
    const previous = new Map<LogId, MutableRange>();
    for (const b of this.ranges) {
      const a = previous.get(b.log);
      previous.set(b.log, b);
      if (!a || a.epoch !== b.epoch || a.to === null || b.to === null) continue;
      const width = Math.max(a.to, b.to) - Math.min(a.from, b.from);
      if (width < bestWidth) {
        best = [a, b];
        bestWidth = width;
      }
    }
    // Logs are two and an epoch changes once a resume: so many ranges that cannot be joined do not arise.
    if (!best) return;
    const [a, b] = best;
    a.from = Math.min(a.from, b.from);
    a.to = Math.max(a.to ?? 0, b.to ?? 0);
    a.count = add(a.count, b.count);
    a.reason = joined(a.reason, b.reason);
    this.ranges.splice(this.ranges.indexOf(b), 1);
  }
}

function joins(
  last: MutableRange,
  log: LogId,
  epoch: string,
  offset: number,
  reason: GapReason,
  dense: boolean,
): boolean {
  if (last.log !== log || last.epoch !== epoch || last.reason !== reason || last.to === null) return false;
  return dense ? offset > last.to : offset === last.to + 1;
}
