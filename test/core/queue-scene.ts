/**
 * A session queue with everything around it that it needs, for tests that tell a story.
 */
import type { Note } from '@ringhub/protocol';
import { expect } from 'vitest';
import { Batch } from '../../server/src/core/batch.ts';
import type { SessionBytes } from '../../server/src/core/held-messages.ts';
import { LogReader } from '../../server/src/core/log-reader.ts';
import { LogReaders } from '../../server/src/core/log-readers.ts';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import type { Entry } from '../../server/src/core/ready-ring.ts';
import type { RingSettings } from '../../server/src/core/ring-settings.ts';
import { type Offered, SessionQueue } from '../../server/src/core/session-queue.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { EPOCH, storedRecord, textOf } from './stored-record.ts';

export interface SentItem {
  readonly tag: number;
  readonly entry: Entry;
  readonly note: Note | undefined;
}

export interface SceneOptions extends Partial<RingSettings> {
  readonly start?: 'live' | 'reading';
  readonly after?: number;
  readonly sessionMaxBytes?: number;
  readonly sessionBytes?: SessionBytes;
  readonly budget?: MemoryBudget;
}

export class QueueScene {
  readonly budget: MemoryBudget;
  readonly sessionBytes: SessionBytes;
  readonly queue: SessionQueue;
  nowMs = 1000;
  readonly batch = new Batch();
  private offset: number;

  constructor(options: SceneOptions = {}) {
    const { start = 'live', after = 0, sessionMaxBytes = 1e9, sessionBytes, budget, ...settings } = options;
    this.budget = budget ?? new MemoryBudget(1e9);
    this.sessionBytes = sessionBytes ?? { held: 0, max: sessionMaxBytes };
    this.offset = after;
    this.queue = new SessionQueue(
      1,
      {
        overflow: 'drop-oldest',
        ack: 'auto',
        capacity: 4,
        capacityBytes: 1e6,
        prefetch: 3,
        maxRedeliveries: 5,
        ...settings,
      },
      new LogReaders([new LogReader('v', EPOCH, after, start)]),
      this.budget,
      this.sessionBytes,
    );
  }

  /** Offers the next record. */
  offer(over: Partial<StoredRecord> = {}): Offered {
    return this.queue.offer(storedRecord(++this.offset, over), this.nowMs);
  }

  /** Offers so many records of 100 bytes. */
  offers(count: number): Offered[] {
    return Array.from({ length: count }, () => this.offer());
  }

  /** Everything that may be sent now. */
  send(maxItems = 512, maxBytes = 1e9): SentItem[] {
    const sent: SentItem[] = [];
    for (;;) {
      this.queue.fill(this.batch, maxItems, maxBytes, this.nowMs);
      const { notes, firstTag } = this.batch;
      const entries = this.batch.toArray();
      if (entries.length === 0) return sent;
      const noteAt = new Map(notes);
      sent.push(
        ...entries.map((entry, i) => ({
          tag: firstTag + i,
          entry,
          note: noteAt.get(i) && { ...noteAt.get(i) },
        })),
      );
    }
  }

  /** What is sent now, as `1:m1`. */
  texts(maxItems?: number): string[] {
    return this.send(maxItems).map(({ tag, entry }) => `${tag}:${textOf(entry)}`);
  }

  /** The one reader, of the volatile log. */
  get reader(): LogReader {
    return this.queue.readers.of('v')!;
  }

  /** Up to which offset everything was sent or settled. */
  sentUpTo(feedOffset: number): number | undefined {
    return this.queue.sentUpTo(() => feedOffset)?.[0]?.offset;
  }

  /** What waits, head first. */
  get waiting(): string[] {
    const { ready } = this.queue;
    return Array.from({ length: ready.length }, (_, i) => textOf(ready.peek(i)!));
  }

  /** The promises that hold at every instant. */
  check(): void {
    const { queue } = this;
    let [ready, inflight, bytes] = [0, 0, 0];
    for (let i = 0; i < queue.ready.length; i++) {
      const entry = queue.ready.peek(i)!;
      if (entry.kind !== 'message') continue;
      ready++;
      bytes += entry.bytes;
    }
    for (let tag = 1; tag <= queue.window.lastTag; tag++) {
      const entry = queue.window.get(tag);
      if (entry?.kind !== 'message') continue;
      inflight++;
      bytes += entry.bytes;
    }
    const counted = [queue.ready.messages, queue.window.messages, queue.bytes, queue.residual];
    if (`${counted}` !== `${[ready, inflight, bytes, 0]}`)
      expect(counted).toEqual([ready, inflight, bytes, 0]);
    const held = [ready + inflight, bytes, this.sessionBytes.held];
    const most = [queue.settings.capacity, queue.settings.capacityBytes, this.sessionBytes.max];
    if (held.some((n, i) => n > most[i]!)) expect.fail(`[messages, bytes, session] ${held} are over ${most}`);
  }
}
