/**
 * What waits in a named queue, in order of sequence number: a loaded head, and of a durable queue the rest, which lies in the store.
 *
 *     returned (a heap)  ┐
 *                        ├─► head │ … rest: so many messages and bytes, all with seq > after
 *     loaded  (in order) ┘
 *
 * Invariant: every loaded or returned entry comes before all of the rest. So what is pushed while there is a rest joins
 * the rest, and what comes back from a consumer goes to the heap, O(log n), wherever it stood.
 */
import { BinaryHeap } from './binary-heap.ts';
import { Fifo } from './fifo.ts';
import type { QueueEntry } from './queue-entry.ts';

export class ReadyEntries {
  loadedMessages = 0;
  loadedBytes = 0;
  restMessages = 0;
  restBytes = 0;
  /** False while `restBytes` may count messages that were damaged or missing: nobody knows what they weighed. */
  isRestWeighed = true;
  /** The highest sequence number that is not in the rest. */
  after = 0;

  /** Some of the rest has been there since {@link restore}. */
  private isRestored = false;
  /** The highest sequence number that was taken from the rest and not loaded: delayed or damaged. */
  private apartUpTo = 0;
  private readonly loaded = new Fifo<QueueEntry>();
  private readonly returned = new BinaryHeap<QueueEntry>((a, b) => a.seq < b.seq);

  get messages(): number {
    return this.loadedMessages + this.restMessages;
  }

  get bytes(): number {
    return this.loadedBytes + this.restBytes;
  }

  /** The first entry, or `undefined` where none is loaded. */
  peek(): QueueEntry | undefined {
    const loaded = this.loaded.peek();
    const returned = this.returned.peek();
    if (!loaded || !returned) return loaded ?? returned;
    return loaded.seq < returned.seq ? loaded : returned;
  }

  shift(): QueueEntry | undefined {
    const entry = this.peek();
    if (!entry) return undefined;
    if (entry === this.loaded.peek()) this.loaded.shift();
    else this.returned.pop();
    this.loadedMessages--;
    this.loadedBytes -= entry.bytes;
    return entry;
  }

  /** Appends an entry behind all others; only where there is no rest. */
  push(entry: QueueEntry): void {
    this.after = entry.seq;
    this.loaded.push(entry);
    this.count(entry);
  }

  /** Appends a message to the rest without keeping it. */
  pushToRest(bytes: number): void {
    this.restMessages++;
    this.restBytes += bytes;
  }

  /** Takes over what the store holds, all of it with seq > after. */
  restore(messages: number, bytes: number, after: number, isWeighed: boolean): void {
    this.after = after;
    this.restMessages = messages;
    this.restBytes = bytes;
    this.isRestWeighed = isWeighed;
    this.isRestored = messages > 0;
  }

  /** The messages restored weigh so much less than was said then. */
  correct(bytes: number): void {
    // Once the rest was empty its sum is its own.
    if (this.isRestored) this.restBytes = Math.max(0, this.restBytes - bytes);
  }

  /** A message of the rest was read from the store, in order; it is the caller's now. Without bytes it is damaged. */
  takeFromRest(seq: number, bytes: number | undefined): void {
    this.after = seq;
    this.restMessages--;
    if (bytes === undefined) this.isRestWeighed = false;
    this.restBytes = Math.max(0, this.restBytes - (bytes ?? 0));
    this.madeGood();
  }

  /** Puts an entry read from the rest behind all that are loaded. */
  load(entry: QueueEntry): void {
    this.loaded.push(entry);
    this.count(entry);
  }

  /** An entry read from the rest is not loaded. */
  setApart(seq: number): void {
    this.apartUpTo = seq;
  }

  /**
   * Leaves loaded entries to the store again, the newest first, until no more than so much is loaded. All others of the
   * queue have lower numbers, but for those set apart: what stands before one of these stays.
   *
   * @returns whether any of them may expire
   */
  unload(messages: number, bytes: number): boolean {
    let mayExpire = false;
    while (this.loadedMessages > messages || this.loadedBytes > bytes) {
      const entry = this.loaded.pop();
      if (!entry) break;
      if (entry.seq < this.apartUpTo) {
        this.loaded.push(entry);
        break;
      }
      this.loadedMessages--;
      this.loadedBytes -= entry.bytes;
      this.pushToRest(entry.bytes);
      this.after = entry.seq - 1;
      mayExpire ||= entry.expiresAtMs !== Number.POSITIVE_INFINITY;
    }
    return mayExpire;
  }

  /** Puts an entry back in its place. */
  giveBack(entry: QueueEntry): void {
    this.returned.push(entry);
    this.count(entry);
  }

  /** Forgets `messages` of the rest: they were not found up to `upTo`. */
  forget(messages: number, upTo: number): void {
    this.after = Math.max(this.after, upTo);
    this.restMessages -= messages;
    if (messages > 0) this.isRestWeighed = false;
    this.madeGood();
  }

  /** An empty rest weighs nothing, whatever it was said to weigh. */
  private madeGood(): void {
    if (this.restMessages > 0) return;
    this.restBytes = 0;
    this.isRestWeighed = true;
    this.isRestored = false;
  }

  private count(entry: QueueEntry): void {
    this.loadedMessages++;
    this.loadedBytes += entry.bytes;
  }
}
