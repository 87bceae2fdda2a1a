/**
 * The volatile log: the last messages in memory, bounded in messages, bytes and age (DESIGN §3 "Logs").
 *
 *     first                      last
 *       ▼                          ▼
 *   …  [41] [42] [43] … [97] [98] [99]     circular, slot = offset & mask, growing by doubling
 *
 * Offsets start at 1 and have no holes here, so an offset is its own index. Log time never goes back.
 */
import type { LogId } from '@ringhub/protocol';
import type { NewRecord, StoredRecord } from '../ports/engine.ts';

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

/** What a record costs beside its payload: object, slots and key. */
const RECORD_OVERHEAD_BYTES = 128;
const INITIAL_SLOTS = 64;

export class VolatileLog {
  readonly id: LogId = 'v';
  first = 1;
  last = 0;
  bytes = 0;

  private slots: (StoredRecord | undefined)[] = new Array(INITIAL_SLOTS);
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
    const stored: StoredRecord = {
      kind: 'message',
      exchange: record.exchange,
      key: record.key,
      payload: record.payload,
      payloadBytes: record.payloadBytes,
      contentType: record.contentType,
      headers: record.headers,
      id: record.id,
      ttlMs: record.ttlMs,
      subject: record.subject,
      refuseNew: record.refuseNew,
      reached: record.reached,
      log: this.id,
      offset: this.last + 1,
      timeMs: this.lastTimeMs,
      expiresMs: record.ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + record.ttlMs,
      bytes: record.payloadBytes + record.key.length + headerBytes(record) + RECORD_OVERHEAD_BYTES,
      holders: 0,
      sessions: 0,
      itemText: undefined,
      itemBytes: undefined,
    };
    this.last++;
    this.slots[this.last & (this.slots.length - 1)] = stored;
    this.bytes += stored.bytes;
    this.trim();
    return stored;
  }

  /** The record at an offset, or `undefined` where it was trimmed or never was. */
  at(offset: number): StoredRecord | undefined {
    return offset >= this.first && offset <= this.last
      ? this.slots[offset & (this.slots.length - 1)]
      : undefined;
  }

  /** Appends up to `limit` records after an offset to `into`. */
  read(after: number, limit: number, into: StoredRecord[]): void {
    const from = Math.max(after + 1, this.first);
    const to = Math.min(this.last, from + limit - 1);
    for (let offset = from; offset <= to; offset++) into.push(this.at(offset)!);
  }

  /** Appends up to `limit` records before an offset to `into`, newest first. */
  readBack(before: number, limit: number, into: StoredRecord[]): void {
    const from = Math.min(before - 1, this.last);
    const to = Math.max(this.first, from - limit + 1);
    for (let offset = from; offset >= to; offset--) into.push(this.at(offset)!);
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
      if (this.at(middle)!.timeMs < timeMs) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Lets go of what is over the bounds; `wallMs` applies the age also when nothing is published. */
  trim(wallMs = this.lastTimeMs): void {
    const oldest = wallMs - this.limits.maxAgeMs;
    while (this.first <= this.last) {
      const record = this.at(this.first)!;
      const over =
        this.messages > this.limits.maxMessages ||
        this.bytes > this.limits.maxBytes ||
        record.timeMs < oldest;
      if (!over) return;
      this.slots[this.first & (this.slots.length - 1)] = undefined;
      this.bytes -= record.bytes;
      this.trimmedTimeMs = record.timeMs;
      this.first++;
    }
  }

  private grow(): void {
    const size = this.slots.length * 2;
    const slots = new Array<StoredRecord | undefined>(size);
    for (let offset = this.first; offset <= this.last; offset++) slots[offset & (size - 1)] = this.at(offset);
    this.slots = slots;
  }
}

function headerBytes(record: NewRecord): number {
  if (!record.headers) return 0;
  let bytes = 0;
  for (const [name, value] of Object.entries(record.headers)) {
    bytes += name.length + (typeof value === 'string' ? value.length : 8);
  }
  return bytes;
}
