/**
 * Counts the entries that a queue had at one moment, step by step while the queue goes on: each once, those that end
 * meanwhile included.
 *
 *     counted │ position │ still to be looked at │ up to
 *                         └─ ends now: counted when it ends, and passed over later
 *
 * Nothing may be taken from the store in bulk meanwhile; what is told to end one by one is told here, too.
 */
import type { Recount } from '../ports/engine.ts';

/** What a step finds of one entry; `bytes` is undefined where it is damaged. */
export interface Counted {
  readonly seq: number;
  readonly bytes: number | undefined;
}

/** after < seq <= upTo. */
type Range = readonly [after: number, upTo: number];

export class EntryRecount implements Recount {
  messages = 0;
  bytes = 0;
  damaged = 0;
  isDone = false;
  isGone = false;

  private readonly endedAhead = new Set<number>();
  private rangeIndex = 0;
  private position = 0;

  constructor(
    /** Where the entries lie, in order. */
    private readonly ranges: readonly Range[],
    /** Entries with after < seq <= upTo, in order, `limit` at most. */
    private readonly read: (range: Range, limit: number) => readonly Counted[],
    private readonly ended: () => void,
  ) {
    this.position = ranges[0]?.[0] ?? 0;
  }

  step(limit: number): boolean {
    const range = this.ranges[this.rangeIndex];
    if (this.isDone || !range) {
      this.stop();
      return true;
    }
    const found = this.read([Math.max(this.position, range[0]), range[1]], limit);
    for (const entry of found) if (!this.endedAhead.delete(entry.seq)) this.count(entry);
    if (found.length < limit) {
      this.position = range[1];
      this.rangeIndex++;
    } else this.position = found[found.length - 1]!.seq;
    return false;
  }

  stop(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.endedAhead.clear();
    this.ended();
  }

  /** The queue is deleted, with all that was not looked at. */
  abandon(): void {
    if (this.isDone) return;
    this.isGone = true;
    this.stop();
  }

  /** An entry ends; `read` still finds it. */
  ends(seq: number): void {
    const isAhead = seq > this.position && this.ranges.some(([after, upTo]) => seq > after && seq <= upTo);
    if (this.isDone || !isAhead || this.endedAhead.has(seq)) return;
    const [entry] = this.read([seq - 1, seq], 1);
    if (!entry) return;
    this.endedAhead.add(seq);
    this.count(entry);
  }

  private count({ bytes }: Counted): void {
    this.messages++;
    if (bytes === undefined) this.damaged++;
    else this.bytes += bytes;
  }
}
