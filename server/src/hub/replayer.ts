/**
 * Reads for subscriptions that are not live: snapshots and the log, as far as credit allows (PROTOCOL §10).
 */
import { formatCursor } from '@ringhub/protocol';
import type { Snapshot } from '../core/last-values.ts';
import type { LogReader } from '../core/log-reader.ts';
import type { Subscription } from '../core/subscription.ts';
import type { LogEntry } from '../ports/engine.ts';
import type { HubContext } from './context.ts';

const READ_AT_ONCE = 256;
/** Records looked at in one turn for one subscription; with a rare pattern the rest waits for its next turn. */
const SCAN_A_TURN = 2048;
/**
 * And for all together: where thousands come back at once, those who still want to be let in, or have live messages to get, do not wait
 * for what the others have to read.
 */
const SCAN_A_TURN_OF_ALL = 4096;

export class Replayer {
  /** Those who have more to read, and wait for a turn with room for them; who has waited longest comes first. */
  private readonly waiting = new Set<Subscription>();
  private left = SCAN_A_TURN_OF_ALL;

  constructor(
    private readonly hub: HubContext,
    /** Has a subscription flushed again in the next turn. */
    private readonly again: (subscription: Subscription) => void,
  ) {}

  /** A turn is over: in the next one, so many of those who wait go on as there is room for. */
  turnOver(): void {
    this.left = SCAN_A_TURN_OF_ALL;
    let room = this.left / SCAN_A_TURN;
    for (const subscription of this.waiting) {
      if (room === 0) return;
      this.waiting.delete(subscription);
      if (subscription.queue.closed) continue;
      room--;
      this.again(subscription);
    }
  }

  /** Fills the ring from where its readers stand. */
  pull(subscription: Subscription): void {
    if (this.waiting.has(subscription)) return;
    const { readers } = subscription.queue;
    if (readers.snapshot && !this.pullSnapshot(subscription, readers.snapshot)) return;
    for (const reader of readers.all) if (reader.phase === 'reading') this.pullLog(subscription, reader);
  }

  private pullSnapshot({ queue }: Subscription, snapshot: Snapshot): boolean {
    for (let record = snapshot.peek(); record; record = snapshot.peek()) {
      if (queue.roomToRead === 0 || !queue.takeRead(record, this.hub.clock.nowMs())) return false;
      snapshot.advance();
    }
    const cursor = formatCursor(queue.readers.starts);
    queue.endSnapshot({ kind: 'snapshot-end', cursor, complete: snapshot.complete });
    queue.readers.endSnapshot();
    return true;
  }

  private pullLog(subscription: Subscription, reader: LogReader): void {
    const { queue } = subscription;
    let scanned = 0;
    while (reader.phase === 'reading' && !reader.pending) {
      this.tellTrimmed(subscription, reader);
      if (reader.after >= this.hub.feedOffset(reader.log)) {
        reader.reachHead();
        return;
      }
      if (queue.roomToRead === 0) return;
      if (scanned >= SCAN_A_TURN || this.left <= 0) {
        this.waiting.add(subscription);
        return;
      }
      const before = reader.after;
      this.read(subscription, reader);
      if (reader.after === before) return;
      scanned += reader.after - before;
      this.left -= reader.after - before;
    }
  }

  private read(subscription: Subscription, reader: LogReader): void {
    reader.pending = true;
    let isLater = false;
    this.hub.engine.read(reader.log, reader.after, READ_AT_ONCE, (entries) => {
      reader.pending = false;
      if (subscription.queue.closed) return;
      this.takeAll(subscription, reader, entries);
      if (isLater) this.again(subscription);
    });
    isLater = true;
  }

  private takeAll(subscription: Subscription, reader: LogReader, entries: readonly LogEntry[]): void {
    const { queue } = subscription;
    for (const entry of entries) {
      // What the feed has not brought yet is not there yet for anybody.
      if (entry.offset > this.hub.feedOffset(reader.log)) return;
      if (entry.kind === 'corrupt') this.tellCorrupt(subscription, reader, entry.offset);
      else if (subscription.matches(entry)) {
        if (queue.roomToRead === 0 || !queue.takeRead(entry, this.hub.clock.nowMs())) return;
      }
      reader.passed(entry.offset);
    }
  }

  /** Nobody can know whether it was for this subscription. */
  private tellCorrupt({ queue }: Subscription, { log, epoch }: LogReader, offset: number): void {
    this.hub.counters.corrupt++;
    queue.tellLoss({ log, epoch, from: offset, to: offset, count: null, reason: 'corrupt' });
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
