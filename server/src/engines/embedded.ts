/**
 * The embedded engine: the logs of one node, in this process.
 *
 * Publishing to the volatile log takes effect at once: the record is appended, comes back through the feed,
 * and is confirmed, all before `publish` returns. The log's epoch is this instance.
 */
import type { LogId } from '@ringhub/protocol';
import { DedupWindow } from '../core/dedup-window.ts';
import { DEFAULT_LOG_LIMITS, type LogLimits, VolatileLog } from '../core/volatile-log.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine, LogBounds, NewRecord, PublishResult, StoredRecord } from '../ports/engine.ts';

const TRIM_EVERY_MS = 1000;

export class EmbeddedEngine implements Engine {
  readonly logs: readonly LogId[] = ['v'];
  private readonly volatile: VolatileLog;
  private readonly ids = new DedupWindow();
  private readonly trimming: { stop(): void };
  private feed: (record: StoredRecord) => void = () => {};

  constructor(
    private readonly clock: Clock,
    epoch: string,
    limits: LogLimits = DEFAULT_LOG_LIMITS,
  ) {
    this.volatile = new VolatileLog(epoch, limits);
    this.trimming = clock.every(TRIM_EVERY_MS, () => this.volatile.trim(clock.wallMs()));
  }

  onFeed(handler: (record: StoredRecord) => void): void {
    this.feed = handler;
  }

  publish(record: NewRecord, done: (result: PublishResult) => void): void {
    const nowMs = this.clock.nowMs();
    if (record.id !== undefined) {
      const offset = this.ids.find(record.subject, record.exchange, record.id, nowMs);
      if (offset !== undefined) {
        done({ kind: 'duplicate', log: 'v', offset });
        return;
      }
    }
    if (record.refuseNew) {
      done({ kind: 'refused', error: record.refuseNew });
      return;
    }
    const stored = this.volatile.append(record, this.clock.wallMs(), nowMs);
    if (record.id !== undefined)
      this.ids.remember(record.subject, record.exchange, record.id, stored.offset, nowMs);
    this.feed(stored);
    done({ kind: 'taken', record: stored });
  }

  bounds(_log: LogId): LogBounds {
    const { epoch, first, last, messages, bytes } = this.volatile;
    return { epoch, first, last, messages, bytes };
  }

  read(_log: LogId, after: number, limit: number, done: (records: readonly StoredRecord[]) => void): void {
    const records: StoredRecord[] = [];
    this.volatile.read(after, limit, records);
    done(records);
  }

  readBack(
    _log: LogId,
    before: number,
    limit: number,
    done: (records: readonly StoredRecord[]) => void,
  ): void {
    const records: StoredRecord[] = [];
    this.volatile.readBack(before, limit, records);
    done(records);
  }

  offsetBefore(_log: LogId, timeMs: number): number {
    return this.volatile.offsetBefore(timeMs);
  }

  async close(): Promise<void> {
    this.trimming.stop();
  }
}
