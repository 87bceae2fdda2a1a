/**
 * What was received and not yet handed to the application, in order.
 *
 * With ack `auto` and `manual` the prefetch bounds it. With ack `none` nothing does, so it has a bound of its own,
 * in items and bytes: the oldest waiting messages give way to a gap that stands where they stood.
 */
import type { Gap, GapRange, Item, Position } from '@ringhub/protocol';
import type { Delivery } from './delivery.ts';

/** What this queue changes of a delivery while it waits. */
type Waiting = { -readonly [K in keyof Delivery]: Delivery[K] };

export interface QueueBounds {
  readonly items: number;
  readonly bytes: number;
}

export class DeliveryQueue {
  #waiting: Waiting[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /** Adds an item; returns how many messages were dropped to keep the bounds. */
  push(delivery: Delivery, bounds?: QueueBounds): number {
    this.#waiting.push(delivery);
    this.#bytes += sizeOf(delivery.item);
    let dropped = 0;
    while (bounds && (this.length > bounds.items || this.#bytes > bounds.bytes) && this.#dropOldest())
      dropped++;
    return dropped;
  }

  shift(): Delivery | undefined {
    if (this.length === 0) return undefined;
    const delivery = this.#waiting[this.#head++]!;
    this.#bytes -= sizeOf(delivery.item);
    if (this.#head > 64 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return delivery;
  }

  clear(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** Turns the oldest message into a gap, merged with those beside it; false where no message is left. */
  #dropOldest(): boolean {
    const waiting = this.#waiting;
    let index = this.#head;
    while (waiting[index] && waiting[index]!.item.kind !== 'message') index++;
    const lost = waiting[index];
    if (!lost) return false;
    this.#bytes -= sizeOf(lost.item);
    this.#replace(index, { ...lost, item: { kind: 'gap', gap: gapOf(lost.position!) }, position: undefined });
    if (index + 1 < waiting.length) this.#mergeIntoNext(index);
    if (index > this.#head) this.#mergeIntoNext(index - 1);
    return true;
  }

  /** Merges two neighbouring gaps; both places become one. */
  #mergeIntoNext(index: number): void {
    const [a, b] = [this.#waiting[index]!, this.#waiting[index + 1]!];
    if (a.item.kind !== 'gap' || b.item.kind !== 'gap') return;
    this.#replace(index, {
      ...a,
      item: { kind: 'gap', gap: mergeGaps(a.item.gap, b.item.gap) },
      lastTag: b.lastTag,
    });
    this.#waiting.splice(index + 1, 1);
  }

  #replace(index: number, delivery: Delivery): void {
    this.#waiting[index] = delivery;
  }
}

const sizeOf = (item: Item): number => (item.kind === 'message' ? item.payload.length : 0);

const gapOf = ({ log, epoch, offset }: Position): Gap => ({
  count: 1,
  reason: 'not-received',
  ranges: [{ log, epoch, from: offset, to: offset, count: 1, reason: 'not-received' }],
});

/** The losses of both; ranges of one log and epoch are joined, so that merging without end stays small. */
export function mergeGaps(a: Gap, b: Gap): Gap {
  const ranges: GapRange[] = [];
  for (const range of [...a.ranges, ...b.ranges]) {
    const index = ranges.findIndex((r) => r.log === range.log && r.epoch === range.epoch);
    if (index < 0) ranges.push(range);
    else ranges[index] = joinRanges(ranges[index]!, range);
  }
  return { count: sum(a.count, b.count), reason: a.reason === b.reason ? a.reason : 'several', ranges };
}

const joinRanges = (a: GapRange, b: GapRange): GapRange => ({
  ...a,
  from: Math.min(a.from, b.from),
  to: a.to === null || b.to === null ? null : Math.max(a.to, b.to),
  count: sum(a.count, b.count),
  reason: a.reason === b.reason ? a.reason : 'several',
});

const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);
