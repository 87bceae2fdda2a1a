/**
 * Entries of one queue with contiguous tags, on their way into one `deliver` frame. One instance is reused.
 */
import type { Note } from '@ringhub/protocol';
import type { Entry } from './ready-ring.ts';

export class Batch {
  firstTag = 0;
  readonly entries: Entry[] = [];
  readonly notes: (readonly [index: number, note: Note])[] = [];
  bytes = 0;
  gaps = 0;

  clear(): void {
    this.firstTag = 0;
    this.entries.length = 0;
    this.notes.length = 0;
    this.bytes = 0;
    this.gaps = 0;
  }

  add(tag: number, entry: Entry, note: Note | undefined): void {
    if (this.entries.length === 0) this.firstTag = tag;
    if (note) this.notes.push([this.entries.length, note]);
    this.entries.push(entry);
    if (entry.kind === 'gap') this.gaps++;
    this.bytes += entry.kind === 'message' ? entry.bytes : 128;
  }
}
