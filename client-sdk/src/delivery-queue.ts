/**
 * What was received and not yet handed to the application, in order.
 *
 * With ack `auto` and `manual` the prefetch bounds it. With ack `none` nothing does, so it has a bound of its own,
 * in items and bytes: the oldest waiting messages give way to a gap that stands where they stood.
 */
import type { Gap, GapRange, Item } from '@ringhub/protocol';
import type { Delivery } from './delivery.ts';

type Loss = Pick<Gap, 'count' | 'reason'>;
export type Range = Omit<GapRange, keyof Loss>;

export interface QueueBounds {
  readonly capacity: number;
  readonly capacityBytes: number;
}

export class DeliveryQueue {
  readonly #waiting: Delivery[] = [];
  #bytes = 0;
  /** Messages dropped so far. */
  dropped = 0;

  /**
   * Adds an item; returns the tags that a later one stands for from now on, one for each message dropped to keep the
   * bounds (and one more where that made two gaps one).
   */
  push(delivery: Delivery, { capacity, capacityBytes }: QueueBounds): number[] {
    this.#waiting.push(delivery);
    this.#bytes += sizeOf(delivery.item);
    const covered: number[] = [];
    while ((this.#waiting.length > capacity || this.#bytes > capacityBytes) && this.#dropOldest(covered)) {
      this.dropped++;
    }
    return covered;
  }

  shift(): Delivery | undefined {
    const delivery = this.#waiting.shift();
    if (delivery) this.#bytes -= sizeOf(delivery.item);
    return delivery;
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#bytes = 0;
  }

  /** Turns the oldest message into a gap, one with those beside it; false where no message is left. */
  #dropOldest(covered: number[]): boolean {
    const waiting = this.#waiting;
    const index = waiting.findIndex(({ item }) => item.kind === 'message');
    const lost = waiting[index];
    if (!lost) return false;
    this.#bytes -= sizeOf(lost.item);
    const start = waiting[index - 1]?.item.kind === 'gap' ? index - 1 : index;
    const end = waiting[index + 1]?.item.kind === 'gap' ? index + 1 : index;
    const run = waiting.slice(start, end + 1);
    const gap = run.map(gapOf).reduce(mergeGaps);
    const { lastTag } = waiting[end]!;
    const merged: Delivery = { ...run[0]!, item: { kind: 'gap', gap }, position: undefined, lastTag };
    waiting.splice(start, run.length, merged);
    covered.push(...run.slice(0, -1).map((before) => before.lastTag));
    return true;
  }
}

const sizeOf = (item: Item): number => (item.kind === 'message' ? item.payload.length : 0);

function gapOf({ item, position }: Delivery): Gap {
  if (item.kind === 'gap') return item.gap;
  const { log, epoch, offset } = position!;
  return notReceived(1, [{ log, epoch, from: offset, to: offset }]);
}

/** Of what was never received; `count` is null where nobody knows. */
export function notReceived(count: number | null, ranges: readonly Range[]): Gap {
  const loss = { count, reason: 'not-received' } as const;
  return { ...loss, ranges: ranges.map((range) => ({ ...loss, ...range })) };
}

/** The losses of both; ranges of one log and epoch are joined, so that merging without end stays small. */
export function mergeGaps(a: Gap, b: Gap): Gap {
  const ranges = new Map<string, GapRange>();
  for (const range of [...a.ranges, ...b.ranges]) {
    const id = range.log + range.epoch;
    const other = ranges.get(id) ?? range;
    const loss = other === range ? range : lossOf(other, range);
    const to = other.to && range.to && Math.max(other.to, range.to);
    ranges.set(id, { ...range, ...loss, from: Math.min(other.from, range.from), to });
  }
  return { ...lossOf(a, b), ranges: [...ranges.values()] };
}

const lossOf = (a: Loss, b: Loss) => ({
  // A gap counts one at least: what is falsy is null, and stays so.
  count: a.count && b.count && a.count + b.count,
  reason: a.reason === b.reason ? a.reason : 'several',
});
