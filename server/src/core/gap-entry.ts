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

export class GapEntry {
  readonly kind = 'gap';
  count: number | null = 0;
  readonly ranges: MutableRange[] = [];

  /**
   * Adds one lost message that stood right behind what is lost already.
   *
   * @param dense the queue is in order of offset, so that a neighbouring loss widens the last range
   */
  addMessage(log: LogId, epoch: string, offset: number, reason: GapReason, dense: boolean): void {
    const last = this.ranges[this.ranges.length - 1];
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

  /** Takes over the losses of a gap that stood right behind this one. */
  absorb(next: GapEntry): void {
    this.count = add(this.count, next.count);
    for (const range of next.ranges) this.append({ ...range });
  }

  /** What is told to the subscriber. */
  toGap(): Gap {
    const reason = this.ranges[0]?.reason ?? 'several';
    const same = this.ranges.every((r) => r.reason === reason);
    return { count: this.count, reason: same ? reason : 'several', ranges: this.ranges };
  }

  /** The lowest offset lost in one log, or Infinity. */
  lowestOffset(log: LogId): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const range of this.ranges) if (range.log === log && range.from < lowest) lowest = range.from;
    return lowest;
  }

  private append(range: MutableRange): void {
    this.ranges.push(range);
    if (this.ranges.length > MAX_RANGES) this.joinNeighbours();
  }

  /** Joins the two neighbours that cover the least when joined; of other logs or epochs never. */
  private joinNeighbours(): void {
    let best = -1;
    let bestWidth = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < this.ranges.length; i++) {
      const a = this.ranges[i]!;
      const b = this.ranges[i + 1]!;
      if (a.log !== b.log || a.epoch !== b.epoch || a.to === null || b.to === null) continue;
      const width = Math.max(a.to, b.to) - Math.min(a.from, b.from);
      if (width < bestWidth) {
        best = i;
        bestWidth = width;
      }
    }
    // Logs are two and an epoch changes once a resume: so many ranges that cannot be joined do not arise.
    if (best < 0) return;
    const a = this.ranges[best]!;
    const b = this.ranges[best + 1]!;
    a.from = Math.min(a.from, b.from);
    a.to = Math.max(a.to ?? 0, b.to ?? 0);
    a.count = add(a.count, b.count);
    if (a.reason !== b.reason) a.reason = 'several';
    this.ranges.splice(best + 1, 1);
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
