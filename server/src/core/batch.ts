/**
 * Entries of one queue with contiguous tags, on their way into one `deliver` frame. One instance is reused, and its array
 * with it: emptying an array of JavaScript gives its memory back, to be asked for again with the next batch. Hot path.
 */
import type { Note } from '@ringhub/protocol';
import type { Entry } from './ready-ring.ts';

export class Batch {
  firstTag = 0;
  /** Of `entries`, how many are in the batch. What stands behind them is of earlier ones. */
  count = 0;
  readonly entries: Entry[] = [];
  readonly notes: (readonly [index: number, note: Note])[] = [];
  bytes = 0;
  gaps = 0;

  clear(): void {
    this.firstTag = 0;
    this.count = 0;
    if (this.notes.length > 0) this.notes.length = 0;
    this.bytes = 0;
    this.gaps = 0;
  }

  /** Lets go of what stands behind the batch, too: nothing is to be kept alive from one turn to the next. */
  forget(): void {
    this.clear();
    this.entries.length = 0;
  }

  add(tag: number, entry: Entry, note: Note | undefined): void {
    if (this.count === 0) this.firstTag = tag;
    if (note) this.notes.push([this.count, note]);
    this.entries[this.count++] = entry;
    if (entry.kind === 'gap') this.gaps++;
    this.bytes += entry.kind === 'message' ? entry.bytes : 128;
  }

  /** A copy of its entries. */
  toArray(): Entry[] {
    return this.entries.slice(0, this.count);
  }
}
