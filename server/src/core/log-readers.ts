/**
 * The logs one subscription reads, and where it stands in each (PROTOCOL §10): the volatile one, the durable one, or
 * both. A snapshot of `last-per-key` comes before all of them.
 */
import type { LogId, Position } from '@ringhub/protocol';
import type { Snapshot } from './last-values.ts';
import { LogReader } from './log-reader.ts';

/** Offset of the newest record the feed has brought, by log. */
export type FeedOffsets = (log: LogId) => number;

export class LogReaders {
  readonly all: LogReader[];

  constructor(
    readers: readonly LogReader[],
    /** Being read before the logs; each log is read from where it was taken. */
    public snapshot?: Snapshot,
  ) {
    this.all = [...readers];
  }

  /** The reader of a log; every log with a binding has one. */
  of(log: LogId): LogReader | undefined {
    const [first, second] = this.all;
    return first?.log === log ? first : second;
  }

  /** One more log is read, live from here on. */
  add(log: LogId, epoch: string, after: number): void {
    if (!this.of(log)) this.all.push(new LogReader(log, epoch, after, this.snapshot ? 'snapshot' : 'live'));
  }

  epochOf(log: LogId): string {
    return this.of(log)?.epoch ?? '';
  }

  get isLive(): boolean {
    for (const reader of this.all) if (reader.phase !== 'live') return false;
    return true;
  }

  endSnapshot(): void {
    this.snapshot = undefined;
    for (const reader of this.all) reader.endSnapshot();
  }

  /** Everything before these was looked at; `undefined` within a snapshot. */
  positions(feedOffsets: FeedOffsets): Position[] | undefined {
    if (this.snapshot) return undefined;
    return this.all.map((reader) => ({
      log: reader.log,
      epoch: reader.epoch,
      offset: reader.cursorOffset(feedOffsets(reader.log)),
    }));
  }

  /** Where reading goes on, whatever the feed has brought since. */
  get starts(): Position[] {
    return this.all.map(({ log, epoch, after }) => ({ log, epoch, offset: after }));
  }
}
