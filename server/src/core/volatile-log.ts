/**
 * The volatile log: the last messages in memory, bounded in messages, bytes and age (PROTOCOL §10).
 *
 *     first                      last
 *       ▼                          ▼
 *   …  [41] [42] [43] … [97] [98] [99]     circular, slot = offset & mask, growing by doubling
 *
 * Offsets start at 1 and have no holes here, so an offset is its own index. Log time never goes back. Of a message
 * that reached no exchange, and so can only be read in named queues, no more than its place is kept.
 */
import type { NewRecord, StoredRecord } from '../ports/engine.ts';
import { toStored } from './stored-record.ts';

export interface LogLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export const DEFAULT_LOG_LIMITS: LogLimits = {
  maxMessages: 200_000,
  maxBytes: 128 * 1024 * 1024,
  maxAgeMs: 60 * 60 * 1000,
};

const INITIAL_SLOTS = 64;
/** What the place of a record costs that nobody can ask for. */
const PLACE_BYTES = 8;
const NOWHERE: readonly number[] = [];

export class VolatileLog {
  first = 1;
  last = 0;
  bytes = 0;

  /** A record, or of one that nobody can ask for its log time, in ms after `startMs`. */
  private slots: (StoredRecord | number | undefined)[] = new Array(INITIAL_SLOTS);
  private startMs: number | undefined;
  private lastTimeMs = 0;
  /** Log time of the newest record let go of. */
  private trimmedTimeMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly epoch: string,
    private readonly limits: LogLimits = DEFAULT_LOG_LIMITS,
  ) {}

  get messages(): number {
    return this.last - this.first + 1;
  }

  /** Stores a record at the next offset. `wallMs` becomes its log time, `nowMs` starts its TTL. */
  append(record: NewRecord, wallMs: number, nowMs: number): StoredRecord {
    if (this.messages === this.slots.length) this.grow();
    this.lastTimeMs = Math.max(this.lastTimeMs, Math.floor(wallMs));
    const stored = toStored(record, this.last + 1, this.lastTimeMs, nowMs);
    this.last++;
    this.startMs ??= stored.timeMs;
    const isAsked = stored.reached.length > 0;
    this.slots[this.last & (this.slots.length - 1)] = isAsked ? stored : stored.timeMs - this.startMs;
    this.bytes += isAsked ? stored.bytes : PLACE_BYTES;
    this.trim();
    return stored;
  }

  /** The record at an offset, or `undefined` where it was trimmed or never was. */
  at(offset: number): StoredRecord | undefined {
    if (offset < this.first || offset > this.last) return undefined;
    const slot = this.slots[offset & (this.slots.length - 1)];
    return typeof slot === 'number' ? placeOf(offset, this.startMs! + slot) : slot;
  }

  /** Up to `limit` records after an offset, oldest first. */
  read(after: number, limit: number): StoredRecord[] {
    const records: StoredRecord[] = [];
    const from = Math.max(after + 1, this.first);
    const to = Math.min(this.last, from + limit - 1);
    for (let offset = from; offset <= to; offset++) records.push(this.at(offset)!);
    return records;
  }

  /** Up to `limit` records before an offset, newest first. */
  readBack(before: number, limit: number): StoredRecord[] {
    const records: StoredRecord[] = [];
    const from = Math.min(before - 1, this.last);
    const to = Math.max(this.first, from - limit + 1);
    for (let offset = from; offset >= to; offset--) records.push(this.at(offset)!);
    return records;
  }

  /**
   * The offset after which every record has at least this log time; 0 where some of them may be trimmed already, so
   * that a reader finds out.
   */
  offsetBefore(timeMs: number): number {
    if (timeMs <= this.trimmedTimeMs) return 0;
    let low = this.first;
    let high = this.last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeAt(middle) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Lets go of what is over the bounds; `wallMs` applies the age also when nothing is published. */
  trim(wallMs = this.lastTimeMs): void {
    const oldest = wallMs - this.limits.maxAgeMs;
    while (this.first <= this.last) {
      const recordMs = this.timeAt(this.first);
      const over =
        this.messages > this.limits.maxMessages || this.bytes > this.limits.maxBytes || recordMs < oldest;
      if (!over) return;
      const slot = this.first & (this.slots.length - 1);
      const record = this.slots[slot];
      this.bytes -= typeof record === 'number' ? PLACE_BYTES : record!.bytes;
      this.slots[slot] = undefined;
      this.trimmedTimeMs = recordMs;
      this.first++;
    }
  }

  private grow(): void {
    const size = this.slots.length * 2;
    const slots = new Array<StoredRecord | number | undefined>(size);
    for (let offset = this.first; offset <= this.last; offset++)
      slots[offset & (size - 1)] = this.slots[offset & (this.slots.length - 1)];
    this.slots = slots;
  }

  private timeAt(offset: number): number {
    const slot = this.slots[offset & (this.slots.length - 1)]!;
    return typeof slot === 'number' ? this.startMs! + slot : slot.timeMs;
  }
}

/** Stands for a record that nobody can ask for: of its content nothing is kept. */
const placeOf = (offset: number, timeMs: number): StoredRecord =>
  toStored(
    {
      log: 'v',
      exchange: '',
      key: '',
      payload: '',
      payloadBytes: 0,
      contentType: '',
      headers: undefined,
      id: undefined,
      ttlMs: undefined,
      subject: '',
      reached: NOWHERE,
    },
    offset,
    timeMs,
    0,
  );
