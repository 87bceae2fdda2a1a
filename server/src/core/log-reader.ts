/**
 * Where a subscription reads: a snapshot first, then the log, then the live feed (PROTOCOL §10).
 *
 *   snapshot ── ended ─► reading ── at the head ─► live ── catch-up, ring full ─► reading
 *
 * Invariant: every record of the log after the start is either scanned here or came through the live feed,
 * and none does both: `after` is the last offset this subscription is done with.
 */
import type { LogId } from '@ringhub/protocol';
import type { Snapshot } from './last-values.ts';

export type ReaderPhase = 'snapshot' | 'reading' | 'live';

export class LogReader {
  phase: ReaderPhase;
  /** A read of the engine is under way. */
  pending = false;

  constructor(
    readonly log: LogId,
    readonly epoch: string,
    public after: number,
    start: 'reading' | 'live' | Snapshot,
  ) {
    this.snapshot = typeof start === 'string' ? undefined : start;
    this.phase = typeof start === 'string' ? start : 'snapshot';
  }

  snapshot: Snapshot | undefined;

  takesLive(offset: number): boolean {
    return this.phase === 'live' && offset > this.after;
  }

  /** Done with everything up to an offset. */
  passed(offset: number): void {
    this.after = offset;
  }

  endSnapshot(): void {
    this.snapshot = undefined;
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

  /** Up to where this subscription has looked, given where the feed is; `undefined` within a snapshot. */
  cursorOffset(feedOffset: number): number | undefined {
    switch (this.phase) {
      case 'snapshot':
        return undefined;
      case 'reading':
        return this.after;
      case 'live':
        return feedOffset;
      default:
        return this.phase satisfies never;
    }
  }
}
