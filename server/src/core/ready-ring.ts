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
import type { StoredRecord } from '../ports/engine.ts';
import type { GapEntry } from './gap-entry.ts';

/** The end of a `last-per-key` snapshot, standing in the queue like a message (PROTOCOL §10). */
export interface SnapshotEnd {
  readonly kind: 'snapshot-end';
  readonly cursor: string;
  readonly complete: boolean;
}

export type Entry = StoredRecord | GapEntry | SnapshotEnd;

const INITIAL_SLOTS = 8;

export class ReadyRing {
  /** Entries of all kinds. */
  length = 0;
  messages = 0;
  bytes = 0;

  private slots: (Entry | undefined)[] = [];
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
