/**
 * The waiting part of a session queue: a ring of items that were never sent, growing lazily by doubling.
 *
 *      head                      tail
 *        ▼                         ▼
 *   …  [gap] [m] [m] [m] [gap] [m]  …      absolute indexes, slot = index & mask
 *
 * An item keeps its absolute index for as long as it waits, so that conflation can find it again. The ring
 * counts its messages and bytes itself: the ledger compares them with what was settled.
 */
import type { LogId } from '@ringhub/protocol';
import type { StoredRecord } from '../ports/engine.ts';
import { GapEntry } from './gap-entry.ts';

/** The end of a `last-per-key` snapshot, standing in the queue like a message (PROTOCOL §10). */
export interface SnapshotEnd {
  readonly kind: 'snapshot-end';
  readonly cursor: string;
  readonly complete: boolean;
}

export type Entry = StoredRecord | GapEntry | SnapshotEnd;

const INITIAL_SLOTS = 8;
/** Of all rings that nothing has waited in yet: never written to, as a full ring grows first. */
const NO_SLOTS: (Entry | undefined)[] = [];

export class ReadyRing {
  /** Entries of all kinds. */
  length = 0;
  messages = 0;
  bytes = 0;

  private slots = NO_SLOTS;
  private head = 0;

  get headIndex(): number {
    return this.head;
  }

  /** The entry `distance` behind the head, or `undefined`. */
  peek(distance = 0): Entry | undefined {
    return distance < this.length ? this.slots[(this.head + distance) & (this.slots.length - 1)] : undefined;
  }

  peekTail(): Entry | undefined {
    return this.peek(this.length - 1);
  }

  /** Appends; returns the entry's absolute index. */
  push(entry: Entry): number {
    if (this.length === this.slots.length) this.grow();
    const index = this.head + this.length;
    this.slots[index & (this.slots.length - 1)] = entry;
    this.length++;
    this.count(entry, 1);
    return index;
  }

  /** Appends messages; `bytes` is what they take together. */
  pushAll(records: readonly StoredRecord[], bytes: number): void {
    while (this.length + records.length > this.slots.length) this.grow();
    const mask = this.slots.length - 1;
    const tail = this.head + this.length;
    for (let i = 0; i < records.length; i++) this.slots[(tail + i) & mask] = records[i];
    this.length += records.length;
    this.messages += records.length;
    this.bytes += bytes;
  }

  /** Puts an entry before the head. */
  unshift(entry: Entry): void {
    if (this.length === this.slots.length) this.grow();
    this.head--;
    this.slots[this.head & (this.slots.length - 1)] = entry;
    this.length++;
    this.count(entry, 1);
  }

  shift(): Entry | undefined {
    if (this.length === 0) return undefined;
    const slot = this.head & (this.slots.length - 1);
    const entry = this.slots[slot]!;
    this.slots[slot] = undefined;
    this.head++;
    this.length--;
    this.count(entry, -1);
    return entry;
  }

  /** Puts `entry` in the place of the one at an absolute index; returns that one. */
  replace(index: number, entry: Entry): Entry {
    const slot = index & (this.slots.length - 1);
    const old = this.slots[slot]!;
    this.slots[slot] = entry;
    this.count(old, -1);
    this.count(entry, 1);
    return old;
  }

  /** Takes out the entry `distance` behind the head; what stands before it moves up by one slot. */
  remove(distance: number): Entry {
    const mask = this.slots.length - 1;
    const entry = this.slots[(this.head + distance) & mask]!;
    for (let i = distance; i > 0; i--) {
      this.slots[(this.head + i) & mask] = this.slots[(this.head + i - 1) & mask];
    }
    this.slots[this.head & mask] = undefined;
    this.head++;
    this.length--;
    this.count(entry, -1);
    return entry;
  }

  /** Distance of the first message behind the head: past a gap, a snapshot end and another gap at most. */
  firstMessage(): number {
    let distance = 0;
    while (distance < this.length && this.peek(distance)!.kind !== 'message') distance++;
    return distance;
  }

  /**
   * Takes the message at a distance out and returns the gap that stands for it: the one before it, else a new one
   * in its place. The caller adds what was lost, right behind the rest, and then {@link absorbNext}.
   */
  turnIntoGap(distance: number): GapEntry {
    const before = distance > 0 ? this.peek(distance - 1) : undefined;
    if (before?.kind === 'gap') {
      this.remove(distance);
      return before;
    }
    const gap = new GapEntry();
    this.replace(this.head + distance, gap);
    return gap;
  }

  /** Makes a gap near the head one with a gap that has become its neighbour. */
  absorbNext(gap: GapEntry): void {
    for (let i = 0; i + 1 < this.length; i++) {
      if (this.peek(i) !== gap) continue;
      const next = this.peek(i + 1);
      if (next?.kind !== 'gap') return;
      gap.absorb(next);
      this.remove(i + 1);
      return;
    }
  }

  /** The gap at the tail; made where there is none. */
  tailGap(): GapEntry {
    const tail = this.peekTail();
    if (tail?.kind === 'gap') return tail;
    const gap = new GapEntry();
    this.push(gap);
    return gap;
  }

  /** Puts a notice before the head; a gap takes over what a gap at the head tells. */
  unshiftNotice(notice: GapEntry | SnapshotEnd): void {
    const head = this.peek();
    if (notice.kind === 'gap' && head?.kind === 'gap') {
      notice.absorb(head);
      this.shift();
    }
    this.unshift(notice);
  }

  /**
   * The lowest offset of a log that waits, or Infinity; `undefined` before the end of a snapshot was sent.
   *
   * @param isInOrder the first entry of a log is its lowest
   */
  lowestOffset(log: LogId, isInOrder: boolean): number | undefined {
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.length; i++) {
      const entry = this.peek(i)!;
      if (entry.kind === 'snapshot-end') return undefined;
      if (entry.kind === 'gap') lowest = Math.min(lowest, entry.lowestOffset(log));
      else if (entry.log === log) lowest = Math.min(lowest, entry.offset);
      if (isInOrder && lowest < Number.POSITIVE_INFINITY) return lowest;
    }
    return lowest;
  }

  private count(entry: Entry, sign: 1 | -1): void {
    if (entry.kind !== 'message') return;
    this.messages += sign;
    this.bytes += sign * entry.bytes;
  }

  private grow(): void {
    const size = Math.max(INITIAL_SLOTS, this.slots.length * 2);
    const slots = new Array<Entry | undefined>(size);
    for (let i = 0; i < this.length; i++) {
      const index = this.head + i;
      slots[index & (size - 1)] = this.slots[index & (this.slots.length - 1)];
    }
    this.slots = slots;
  }
}
