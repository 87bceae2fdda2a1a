/**
 * Where a subscription reads one log: a snapshot first, then the log, then the live feed (PROTOCOL §10).
 *
 *   snapshot ── ended ─► reading ── at the head ─► live ── catch-up, ring full ─► reading
 *
 * Invariant: every record of the log after the start is either scanned here or came through the live feed,
 * and none does both: `after` is the last offset this subscription is done with.
 */
import type { LogId } from '@ringhub/protocol';

export type ReaderPhase = 'snapshot' | 'reading' | 'live';

export class LogReader {
  /** A read of the engine is under way. */
  pending = false;
  /** The record behind this one was the first to be read. */
  readonly start: number;

  constructor(
    readonly log: LogId,
    readonly epoch: string,
    public after: number,
    public phase: ReaderPhase,
  ) {
    this.start = after;
  }

  takesLive(offset: number): boolean {
    return this.phase === 'live' && offset > this.after;
  }

  /** Done with everything up to an offset. */
  passed(offset: number): void {
    this.after = offset;
  }

  endSnapshot(): void {
    this.phase = 'reading';
  }

  /** Everything that the feed has brought was read: live from here. */
  reachHead(): void {
    this.phase = 'live';
  }

  /** The ring is full: from here on the log is read. Everything before this record came through the feed. */
  fallBehind(offset: number): void {
    this.after = offset - 1;
    this.phase = 'reading';
  }

  /** Up to where this subscription has looked, given where the feed is. */
  cursorOffset(feedOffset: number): number {
    return this.phase === 'live' ? feedOffset : this.after;
  }
}
