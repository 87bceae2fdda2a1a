/**
 * The entries of durable named queues on disk: what was put into each, until its obligation ends. What becomes of an
 * entry, and when, is decided by the hub; the sums of its ledger are stored in the same step as the entries.
 *
 * Many entries that end at once (a purge, a queue that is deleted) are noted as a range in that step, and taken away by
 * and by: what lies in such a range is gone for everybody.
 */
import type { ErrorName, LogId } from '@ringhub/protocol';
import type { EngineQueues, StoredEntry, StoredRecord, Storing } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { Now } from './durable-log.ts';
import { EntryRecount } from './entry-recount.ts';
import { sealJson, sealText, unsealJson } from './sealed-value.ts';
import { entryKey, queueKey, queueOf, queueRange, sequenceOf, sumsKey, tableRange } from './store-keys.ts';
import { decodeCopy, encodeCopy } from './stored-messages.ts';
import type { WriteGroup } from './write-group.ts';

const COUNT_AT_ONCE = { messages: 1_000, bytes: 4 * 1024 * 1024 };
const OLDEST = { messages: 1, bytes: 1 };
const MAX_QUEUES = 1_000_000;

/** after < seq <= upTo. */
type Range = readonly [after: number, upTo: number];

/** What is stored of a queue besides its entries. */
interface QueueState {
  /** Number of the newest entry: it is not given to another, even if all are gone. */
  lastSeq: number;
  /** Ranges of entries that have ended and are still there. */
  dropping: Range[];
  /** The queue itself is gone. */
  isRemoved?: true;
  sums?: unknown;
}

const NOTHING_STORING: Storing = { messages: 0, bytes: 0 };

/** Stored beside an entry that was delivered in vain. */
interface Postponed {
  readonly attempts: number;
  readonly dueMs: number;
  /** Absent where a hub before this one stored it. */
  readonly delayMs?: number;
}

export class QueueEntries implements EngineQueues {
  private readonly states = new Map<number, QueueState>();
  private readonly changed = new Set<number>();
  private readonly recounts = new Map<number, EntryRecount>();
  /** Ranges whose batch is not on disk yet: there may be entries that are not, either. */
  private readonly fresh = new Set<Range>();
  private readonly storing = new Map<number, { messages: number; bytes: number }>();
  private sumsOf: (queue: number, storing: Storing) => string | undefined = () => undefined;
  /** By queue: whether an entry was postponed, as far as that was looked up. */
  private readonly postponed = new Map<number, boolean>();

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly now: () => Now,
    /** The present epoch of each log. */
    private readonly epochOf: (log: LogId) => string,
  ) {
    const { from, to } = tableRange('sums');
    for (const { key, value } of store.range(from, to, { limit: MAX_QUEUES })) {
      this.states.set(queueOf(key), unsealJson<QueueState>(value) ?? this.rebuiltState(queueOf(key)));
    }
    group.onCommit(() => this.saveStates());
  }

  /** Puts a copy of a message into a queue; it counts once the batch is on disk. */
  add(queue: number, record: StoredRecord): number {
    const seq = ++this.stateOf(queue).lastSeq;
    this.group.put(queueKey(queue, seq), encodeCopy(record, seq, this.epochOf(record.log)));
    this.changed.add(queue);
    let storing = this.storing.get(queue);
    if (!storing) {
      storing = { messages: 0, bytes: 0 };
      this.storing.set(queue, storing);
    }
    storing.messages++;
    storing.bytes += record.bytes;
    return seq;
  }

  /** What was added last of the copies not told of yet is on disk, and the hub is told now. */
  told(queue: number, { bytes }: StoredRecord): void {
    const storing = this.storing.get(queue);
    if (!storing) return;
    storing.messages--;
    storing.bytes -= bytes;
    if (storing.messages === 0) this.storing.delete(queue);
  }

  read(
    queue: number,
    after: number,
    upTo: number,
    atMost: { readonly messages: number; readonly bytes: number },
    done: (entries: readonly StoredEntry[], isEnd: boolean) => void,
  ): void {
    const now = this.now();
    const entries: StoredEntry[] = [];
    let { messages: limit, bytes: maxBytes } = atMost;
    for (const [from, to] of this.keptRanges(queue, after, upTo)) {
      if (limit <= 0 || maxBytes <= 0) break;
      const found = this.store.range(queueKey(queue, from + 1), queueKey(queue, to + 1), { limit, maxBytes });
      limit -= found.length;
      for (const { key, value } of found) {
        maxBytes -= value.length;
        entries.push(this.entryOf(queue, sequenceOf(key), value, now));
      }
    }
    done(entries, limit > 0 && maxBytes > 0);
  }

  settle(queue: number, seq: number): void {
    if (!this.isThere(queue)) return;
    this.recounts.get(queue)?.ends(seq);
    this.removeEntry(queue, seq);
    this.changed.add(queue);
  }

  drop(queue: number, after: number, upTo: number): void {
    if (!this.isThere(queue)) return;
    this.stateOf(queue).dropping.push(this.freshRange(after, upTo));
    this.changed.add(queue);
  }

  postpone(queue: number, seq: number, attempts: number, dueMs: number, delayMs: number): void {
    if (!this.isThere(queue)) return;
    const value: Postponed = { attempts, dueMs, delayMs };
    this.group.put(entryKey('attempts', queue, seq), sealJson(value));
    this.postponed.set(queue, true);
    this.changed.add(queue);
  }

  onSums(sums: (queue: number, storing: Storing) => string | undefined): void {
    this.sumsOf = sums;
  }

  saveSums(queue: number, done: (error?: ErrorName) => void): void {
    if (!this.states.get(queue)?.isRemoved) this.changed.add(queue);
    this.group.whenStored((failed) => done(failed ? 'store-failed' : undefined));
  }

  sums(queue: number): string | undefined {
    const { sums } = this.stateOf(queue);
    return sums === undefined ? undefined : JSON.stringify(sums);
  }

  bounds(queue: number): { readonly first: number; readonly last: number } {
    const { lastSeq } = this.stateOf(queue);
    let first = lastSeq + 1;
    this.read(queue, 0, lastSeq, OLDEST, ([oldest]) => {
      if (oldest) first = oldest.seq;
    });
    return { first, last: lastSeq };
  }

  count(queue: number): { readonly messages: number; readonly bytes: number } {
    const { lastSeq } = this.stateOf(queue);
    let [messages, bytes, after] = [0, 0, 0];
    for (let found = -1; found !== 0; ) {
      this.read(queue, after, lastSeq, COUNT_AT_ONCE, (entries) => {
        found = entries.length;
        messages += found;
        for (const { record } of entries) bytes += record?.bytes ?? 0;
        after = entries[found - 1]?.seq ?? lastSeq;
      });
    }
    return { messages, bytes };
  }

  /** Queue ids are never used twice, so what is left of it can go by and by. */
  remove(queue: number): void {
    const { lastSeq } = this.stateOf(queue);
    this.recounts.get(queue)?.abandon();
    this.states.set(queue, { lastSeq, dropping: [this.freshRange(0, lastSeq)], isRemoved: true });
    this.changed.add(queue);
  }

  recount(queue: number): EntryRecount | undefined {
    const { lastSeq = 0 } = this.states.get(queue) ?? {};
    if (lastSeq === 0) return undefined;
    const read = ([after, upTo]: Range, limit: number) =>
      this.store
        .range(queueKey(queue, after + 1), queueKey(queue, upTo + 1), { limit })
        .map(({ key, value }) => {
          const seq = sequenceOf(key);
          return { seq, bytes: decodeCopy(value, seq, this.epochOf, this.now())?.bytes };
        });
    const ranges = this.keptRanges(queue, 0, lastSeq);
    const recount = new EntryRecount(ranges, read, () => this.recounts.delete(queue));
    this.recounts.set(queue, recount);
    return recount;
  }

  /** Takes away up to so many more entries of what has ended; returns how many. */
  removeSome(limit: number): number {
    let left = limit;
    for (const [queue, state] of this.states) {
      if (left === 0) break;
      if (state.dropping.length === 0 || this.recounts.has(queue)) continue;
      left -= this.removeOf(queue, state, left);
      if (state.isRemoved && state.dropping.length === 0) {
        this.states.delete(queue);
        this.postponed.delete(queue);
        this.changed.delete(queue);
        this.group.put(sumsKey(queue), undefined);
      }
    }
    return limit - left;
  }

  private removeOf(queue: number, state: QueueState, limit: number): number {
    let left = limit;
    while (state.dropping.length > 0) {
      const range = state.dropping[0]!;
      if (this.fresh.has(range)) break;
      const [after, upTo] = range;
      const found = this.store.keys(queueKey(queue, after + 1), queueKey(queue, upTo + 1), left);
      for (const key of found) this.removeEntry(queue, sequenceOf(key));
      left -= found.length;
      this.changed.add(queue);
      if (left === 0) {
        state.dropping[0] = [sequenceOf(found[found.length - 1]!), upTo];
        break;
      }
      state.dropping.shift();
    }
    return limit - left;
  }

  private entryOf(queue: number, seq: number, value: Uint8Array, now: Now): StoredEntry {
    const record = decodeCopy(value, seq, this.epochOf, now);
    const postponed = this.havePostponed(queue)
      ? unsealJson<Postponed>(this.store.get(entryKey('attempts', queue, seq)))
      : undefined;
    const { attempts, dueMs, delayMs = Infinity } = postponed ?? { attempts: 0, dueMs: 0 };
    return { seq, record, attempts, dueMs, delayMs };
  }

  private freshRange(after: number, upTo: number): Range {
    const range: Range = [after, upTo];
    this.fresh.add(range);
    this.group.whenStored(() => this.fresh.delete(range));
    return range;
  }

  private removeEntry(queue: number, seq: number): void {
    this.group.put(queueKey(queue, seq), undefined);
    if (this.havePostponed(queue)) this.group.put(entryKey('attempts', queue, seq), undefined);
  }

  /** Whether any entry of a queue may have something stored beside it: most queues never have. */
  private havePostponed(queue: number): boolean {
    let have = this.postponed.get(queue);
    if (have === undefined) {
      const [from, to] = [entryKey('attempts', queue, 0), entryKey('attempts', queue + 1, 0)];
      have = this.store.range(from, to, { limit: 1 }).length > 0;
      this.postponed.set(queue, have);
    }
    return have;
  }

  /** Whether it was ever added to, and is not removed: what is told of it later than that changes nothing. */
  private isThere(queue: number): boolean {
    const state = this.states.get(queue);
    return state !== undefined && !state.isRemoved;
  }

  /** The parts of after < seq <= upTo that were not dropped, in order. */
  private keptRanges(queue: number, after: number, upTo: number): Range[] {
    const dropping = this.states.get(queue)?.dropping ?? [];
    if (dropping.length === 0) return after < upTo ? [[after, upTo]] : [];
    const kept: Range[] = [];
    let at = after;
    for (const [from, to] of dropping.toSorted(([a], [b]) => a - b)) {
      if (from >= upTo) break;
      if (from > at) kept.push([at, from]);
      at = Math.max(at, to);
    }
    if (at < upTo) kept.push([at, upTo]);
    return kept;
  }

  private stateOf(queue: number): QueueState {
    let state = this.states.get(queue);
    if (!state) {
      state = { lastSeq: 0, dropping: [] };
      this.states.set(queue, state);
    }
    return state;
  }

  /** What was known of it is damaged: its numbers go on behind its newest entry, its sums begin anew. */
  private rebuiltState(queue: number): QueueState {
    const { from, to } = queueRange(queue);
    const [newest] = this.store.range(from, to, { limit: 1, reverse: true });
    return { lastSeq: newest ? sequenceOf(newest.key) : 0, dropping: [] };
  }

  /** A batch that changes entries has the sums that go with them. */
  private saveStates(): void {
    for (const queue of this.changed) {
      const state = this.stateOf(queue);
      const storing = this.storing.get(queue) ?? NOTHING_STORING;
      const sums = state.isRemoved ? undefined : this.sumsOf(queue, storing);
      const { sums: _, ...rest } = state;
      const text = JSON.stringify(rest);
      const value = sums === undefined ? text : `${text.slice(0, -1)},"sums":${sums}}`;
      this.group.put(sumsKey(queue), sealText(value));
    }
    this.changed.clear();
  }
}
