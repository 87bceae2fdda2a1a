/**
 * The durable log: records on disk by offset, without holes, bounded in messages, bytes and age (PROTOCOL §10).
 *
 *      first           kept from           last        next
 *        ▼                 ▼                 ▼           ▼
 *     … [41] [42] … … … [90] [91] … [98] [99] ┊ [100] ┊          behind `last`: handed to the disk, seen by nobody
 *
 * Nothing is read or trimmed behind `last`, which moves when a batch is on disk. What its readers are likely to
 * ask for again, the newest records, is kept decoded.
 */
import { toStored } from '../core/stored-record.ts';
import type { LogLimits } from '../core/volatile-log.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogEntry, NewRecord, StoredRecord } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import { PAGE_RECORDS, pageOf, ReadPages } from './read-pages.ts';
import { RecentRecords } from './recent-records.ts';
import { sealJson, unsealJson } from './sealed-value.ts';
import { StoreDamage } from './store-damage.ts';
import { logKey, metaKey, sequenceOf, tableRange } from './store-keys.ts';
import { decodeMessage, encodeMessage } from './stored-messages.ts';
import type { WriteGroup } from './write-group.ts';

export const DEFAULT_DURABLE_LOG_LIMITS: LogLimits = {
  maxMessages: 10_000_000,
  maxBytes: 1024 * 1024 * 1024,
  maxAgeMs: 7 * 24 * 60 * 60 * 1000,
};

/** Records trimmed in one batch; what is left over waits for the next. */
const TRIM_AT_ONCE = 2_000;
const STATE_KEY = metaKey('log');

/** Stored with every change of the log. */
interface LogState {
  readonly next: number;
  readonly bytes: number;
  readonly lastTimeMs: number;
  readonly trimmedTimeMs: number;
}

const NEW_LOG: LogState = { next: 1, bytes: 0, lastTimeMs: 0, trimmedTimeMs: Number.MIN_SAFE_INTEGER };

/** The two clocks: log time, and what deadlines are measured by. */
export interface Now {
  readonly wallMs: number;
  readonly nowMs: number;
}

export class DurableLog {
  first: number;
  /** The newest record on disk. */
  last: number;
  /** Bytes of records, as stored. */
  bytes: number;

  private next: number;
  private lastTimeMs: number;
  private trimmedTimeMs: number;
  /** Nothing behind this offset is trimmed: the hub still has to look at it after a restart. */
  private keptFrom = 0;
  private isChanged = false;
  private oldestRecord:
    | { readonly offset: number; readonly bytes: number; readonly timeMs: number }
    | undefined;
  private readonly recent: RecentRecords;
  private readonly pages = new ReadPages();

  constructor(
    readonly epoch: string,
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly limits: LogLimits,
    private readonly clock: Pick<Clock, 'wallMs' | 'nowMs'>,
  ) {
    const { from, to } = tableRange('log');
    const [oldest] = store.range(from, to, { limit: 1 });
    const [newest] = store.range(from, to, { limit: 1, reverse: true });
    const stored = store.get(STATE_KEY);
    const kept = unsealJson<LogState>(stored);
    // Guessed, offsets might be given a second time, and its bounds would not hold.
    if (!kept && (stored || newest)) throw new StoreDamage('the state of the durable log');
    const state = kept ?? NEW_LOG;
    this.next = Math.max(state.next, newest ? sequenceOf(newest.key) + 1 : 1);
    this.last = this.next - 1;
    this.recent = new RecentRecords(this.next);
    this.first = oldest ? sequenceOf(oldest.key) : this.next;
    this.bytes = state.bytes;
    this.lastTimeMs = state.lastTimeMs;
    this.trimmedTimeMs = state.trimmedTimeMs;
    group.onCommit(() => {
      // A disk that is behind is given no more to do.
      if (!this.group.isFull) this.trim();
      this.saveState();
    });
  }

  get messages(): number {
    return this.last - this.first + 1;
  }

  /** Gives a record its offset and hands it to the disk. */
  append(record: NewRecord): StoredRecord {
    const timeMs = Math.floor(this.clock.wallMs());
    if (timeMs > this.lastTimeMs) this.lastTimeMs = timeMs;
    // Only a TTL begins now.
    const nowMs = record.ttlMs === undefined ? 0 : this.clock.nowMs();
    const stored = toStored(record, this.next++, this.lastTimeMs, nowMs);
    const value = encodeMessage(stored);
    this.bytes += value.length;
    this.isChanged = true;
    this.group.put(logKey(stored.offset), value);
    return stored;
  }

  /** A record is on disk: from now on it is there for everybody. */
  flushed(record: StoredRecord): void {
    this.last = record.offset;
    this.recent.push(record);
  }

  /** Up to `limit` records after an offset, oldest first. */
  read(after: number, limit: number): LogEntry[] {
    const from = Math.max(after + 1, this.first);
    const to = Math.min(this.last, from + limit - 1);
    if (to < from) return [];
    if (this.recent.get(from)) return this.recentFrom(from, to);
    // One record is not worth a page.
    if (limit === 1) return this.decodeAll(logKey(from), logKey(to + 1), limit, false);
    const entries: LogEntry[] = [];
    for (let number = pageOf(from); number <= pageOf(to); number++) {
      const start = Math.max(from, number * PAGE_RECORDS);
      const end = Math.min(to, (number + 1) * PAGE_RECORDS - 1);
      entries.push(...this.readPage(number, start, end));
    }
    return entries;
  }

  /** Up to `limit` records before an offset, newest first. */
  readBack(before: number, limit: number): LogEntry[] {
    const to = Math.min(before - 1, this.last);
    const from = Math.max(this.first, to - limit + 1);
    if (to < from) return [];
    if (this.recent.get(from)) return this.recentFrom(from, to).reverse();
    return this.decodeAll(logKey(from), logKey(to + 1), limit, true);
  }

  /** As the volatile log's: 0 where records of that time may be trimmed already. */
  offsetBefore(timeMs: number): number {
    if (timeMs <= this.trimmedTimeMs) return 0;
    let low = this.first;
    let high = this.last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeAt(middle, high) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Records up to this offset need not be kept for the hub's own sake. */
  release(offset: number): void {
    this.keptFrom = offset;
  }

  /** Lets go of what is over the bounds, some at a time. */
  trim(): void {
    const oldestMs = this.clock.wallMs() - this.limits.maxAgeMs;
    let left = TRIM_AT_ONCE;
    while (this.first <= this.last && this.first <= this.keptFrom && left-- > 0) {
      const isOver = this.messages > this.limits.maxMessages || this.bytes > this.limits.maxBytes;
      const { bytes, timeMs } = this.oldest();
      if (!isOver && timeMs >= oldestMs) return;
      this.bytes -= bytes;
      if (timeMs < Number.POSITIVE_INFINITY) this.trimmedTimeMs = timeMs;
      this.isChanged = true;
      this.group.put(logKey(this.first), undefined);
      this.pages.forget(pageOf(this.first));
      this.first++;
      this.recent.forgetBefore(this.first);
    }
  }

  /** What the oldest record weighs, and its time: where it is damaged, that of the next one. Read once, as long as it is there. */
  private oldest(): { readonly bytes: number; readonly timeMs: number } {
    if (this.oldestRecord?.offset !== this.first) {
      const value = this.store.get(logKey(this.first));
      const record = this.decode(value, this.first);
      const timeMs = record.kind === 'message' ? record.timeMs : this.timeAt(this.first + 1, this.last + 1);
      this.oldestRecord = { offset: this.first, bytes: value?.length ?? 0, timeMs };
    }
    return this.oldestRecord;
  }

  private now(): Now {
    return { wallMs: this.clock.wallMs(), nowMs: this.clock.nowMs() };
  }

  private saveState(): void {
    if (!this.isChanged) return;
    this.isChanged = false;
    const { next, bytes, lastTimeMs, trimmedTimeMs } = this;
    const state: LogState = { next, bytes, lastTimeMs, trimmedTimeMs };
    this.group.put(STATE_KEY, sealJson(state));
  }

  private recentFrom(from: number, to: number): LogEntry[] {
    const entries: LogEntry[] = [];
    for (let offset = from; offset <= to; offset++) entries.push(this.recent.get(offset)!);
    return entries;
  }

  /** A part of a page: from the page, where it is there as a whole. */
  private readPage(number: number, from: number, to: number): readonly LogEntry[] {
    const start = number * PAGE_RECORDS;
    const end = start + PAGE_RECORDS - 1;
    if (start < this.first || end > this.last)
      return this.decodeAll(logKey(from), logKey(to + 1), PAGE_RECORDS, false);
    let page = this.pages.get(number);
    if (!page) {
      page = this.decodeAll(logKey(start), logKey(end + 1), PAGE_RECORDS, false);
      // Where one is missing, places in the page are not offsets.
      if (page.length < PAGE_RECORDS) return page.filter(({ offset }) => offset >= from && offset <= to);
      this.pages.put(number, page);
    }
    return page.slice(from - start, to - start + 1);
  }

  private decodeAll(from: Uint8Array, to: Uint8Array, limit: number, reverse: boolean): LogEntry[] {
    return this.store
      .range(from, to, { limit, reverse })
      .map(({ key, value }) => this.decode(value, sequenceOf(key)));
  }

  private decode(value: Uint8Array | undefined, offset: number): LogEntry {
    const record = value && decodeMessage(value, offset, this.now());
    return record ?? { kind: 'corrupt', offset };
  }

  /** Log time at an offset; where it cannot be read, that of the next that can. */
  private timeAt(offset: number, end: number): number {
    for (let at = offset; at < end; at++) {
      const [entry] = this.read(at - 1, 1);
      if (entry?.kind === 'message') return entry.timeMs;
    }
    return Number.POSITIVE_INFINITY;
  }
}
