/**
 * Reads for subscriptions that are not live: snapshots and the log, as far as credit allows (PROTOCOL §10).
 */
import { formatCursor } from '@ringhub/protocol';
import type { LogReader } from '../core/log-reader.ts';
import type { Subscription } from '../core/subscription.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';

const READ_AT_ONCE = 256;
/** Records looked at in one turn for one subscription; with a rare pattern the rest waits for its next turn. */
const SCAN_A_TURN = 2048;

export class Replayer {
  constructor(
    private readonly hub: HubContext,
    /** Has a subscription flushed again in the next turn. */
    private readonly again: (subscription: Subscription) => void,
  ) {}

  /** Fills the ring from where its reader stands. */
  pull(subscription: Subscription): void {
    const { reader } = subscription.queue;
    if (reader.phase === 'live' || reader.pending) return;
    if (reader.phase === 'snapshot' && !this.pullSnapshot(subscription)) return;
    this.pullLog(subscription);
  }

  private pullSnapshot({ queue }: Subscription): boolean {
    const { reader } = queue;
    const snapshot = reader.snapshot!;
    for (let record = snapshot.peek(); record; record = snapshot.peek()) {
      if (queue.roomToRead === 0 || !queue.takeRead(record, this.hub.clock.nowMs())) return false;
      snapshot.advance();
    }
    const cursor = formatCursor([{ log: reader.log, epoch: reader.epoch, offset: reader.after }]);
    queue.endSnapshot({ kind: 'snapshot-end', cursor, complete: snapshot.complete });
    reader.endSnapshot();
    return true;
  }

  private pullLog(subscription: Subscription): void {
    const { queue } = subscription;
    const { reader } = queue;
    let scanned = 0;
    while (reader.phase === 'reading' && !reader.pending) {
      this.tellTrimmed(subscription, reader);
      if (reader.after >= this.hub.feedOffset) {
        reader.reachHead();
        return;
      }
      if (queue.roomToRead === 0) return;
      if (scanned >= SCAN_A_TURN) {
        this.again(subscription);
        return;
      }
      const before = reader.after;
      this.read(subscription, reader);
      if (reader.after === before) return;
      scanned += reader.after - before;
    }
  }

  private read(subscription: Subscription, reader: LogReader): void {
    reader.pending = true;
    let isLater = false;
    this.hub.engine.read(reader.log, reader.after, READ_AT_ONCE, (records) => {
      reader.pending = false;
      if (subscription.queue.closed) return;
      this.takeAll(subscription, reader, records);
      if (isLater) this.again(subscription);
    });
    isLater = true;
  }

  private takeAll(subscription: Subscription, reader: LogReader, records: readonly StoredRecord[]): void {
    const { queue } = subscription;
    for (const record of records) {
      // What the feed has not brought yet is not there yet for anybody.
      if (record.offset > this.hub.feedOffset) return;
      if (subscription.matches(record)) {
        if (queue.roomToRead === 0 || !queue.takeRead(record, this.hub.clock.nowMs())) return;
      }
      reader.passed(record.offset);
    }
  }

  private tellTrimmed({ queue }: Subscription, reader: LogReader): void {
    const { first } = this.hub.engine.bounds(reader.log);
    if (first <= reader.after + 1) return;
    queue.tellLoss({
      log: reader.log,
      epoch: reader.epoch,
      from: reader.after + 1,
      to: first - 1,
      count: null,
      reason: 'trimmed',
    });
    reader.passed(first - 1);
  }
}
