/**
 * The messages of a queue that wait for their time, the one that is due next first.
 *
 * They are objects in memory, of a durable queue too, and therefore bounded: beyond the bound the one that is due next
 * is due now.
 */
import { BinaryHeap } from './binary-heap.ts';
import type { QueueEntry } from './queue-entry.ts';

export const MAX_DELAYED = 100_000;
export const MAX_DELAYED_BYTES = 64 * 1024 * 1024;

interface Delayed {
  readonly dueMs: number;
  readonly entry: QueueEntry;
}

export class DelayedEntries {
  bytes = 0;

  private readonly heap = new BinaryHeap<Delayed>(
    (a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.entry.seq < b.entry.seq),
  );

  constructor(
    private readonly maxMessages = MAX_DELAYED,
    private readonly maxBytes = MAX_DELAYED_BYTES,
  ) {}

  get messages(): number {
    return this.heap.length;
  }

  /** Monotonic time at which the next one is due; Infinity where none waits. */
  get nextDueMs(): number {
    return this.heap.peek()?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  add(entry: QueueEntry, dueMs: number): void {
    this.heap.push({ dueMs, entry });
    this.bytes += entry.bytes;
  }

  /** Takes out one that is due, or too many to keep; `undefined` where none is. */
  takeDue(nowMs: number): QueueEntry | undefined {
    const isOver = this.heap.length > this.maxMessages || this.bytes > this.maxBytes;
    return isOver || this.nextDueMs <= nowMs ? this.take() : undefined;
  }

  /** Takes out the one that is due next, whenever that is. */
  take(): QueueEntry | undefined {
    const entry = this.heap.pop()?.entry;
    if (entry) this.bytes -= entry.bytes;
    return entry;
  }
}
