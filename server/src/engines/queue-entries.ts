/**
 * The entries of durable named queues on disk: what was put into each, until its obligation ends. What becomes of an
 * entry, and when, is decided by the hub; the sums of its ledger are stored in the same step as the entries.
 *
 * Many entries that end at once (a purge, a queue that is deleted) are noted as a range in that step, and taken away by
 * and by: what lies in such a range is gone for everybody.
 */
import type { LogId } from '@ringhub/protocol';
import type { EngineQueues, StoredEntry, StoredRecord } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { Now } from './durable-log.ts';
import { sealJson, sealText, unsealJson } from './sealed-value.ts';
import { entryKey, queueKey, queueOf, queueRange, sequenceOf, sumsKey, tableRange } from './store-keys.ts';
import { decodeCopy, encodeCopy } from './stored-messages.ts';
import type { WriteGroup } from './write-group.ts';

/** Entries taken away in one turn. */
const REMOVE_AT_ONCE = 2_000;
const COUNT_AT_ONCE = 1_000;
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

/** Stored beside an entry that was delivered in vain. */
interface Postponed {
  readonly attempts: number;
  readonly dueMs: number;
}

export class QueueEntries implements EngineQueues {
  private readonly states = new Map<number, QueueState>();
  private readonly changed = new Set<number>();
  /** By queue: whether an entry was postponed, as far as that was looked up. */
  private readonly postponed = new Map<number, boolean>();
  private sumsOf: (queue: number) => string | undefined = () => undefined;

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
    return seq;
  }

  read(
    queue: number,
    after: number,
    upTo: number,
    limit: number,
    done: (entries: readonly StoredEntry[]) => void,
  ): void {
    const { dropping } = this.stateOf(queue);
    const isDropped = (seq: number): boolean => dropping.some(([from, to]) => seq > from && seq <= to);
    // Ranges that have ended are passed over in one step.
    const start = dropping.reduce((at, [from, to]) => (at >= from && at < to ? to : at), after);
    const now = this.now();
    const entries: StoredEntry[] = [];
    const to = queueKey(queue, upTo + 1);
    for (const { key, value } of this.store.range(queueKey(queue, start + 1), to, { limit })) {
      const seq = sequenceOf(key);
      if (!isDropped(seq)) entries.push(this.entryOf(queue, seq, value, now));
    }
    done(entries);
  }

  settle(queue: number, seq: number): void {
    this.removeEntry(queue, seq);
    this.changed.add(queue);
  }

  drop(queue: number, after: number, upTo: number): void {
    this.stateOf(queue).dropping.push([after, upTo]);
    this.changed.add(queue);
    this.group.whenStored(() => {});
  }

  postpone(queue: number, seq: number, attempts: number, dueMs: number): void {
    const value: Postponed = { attempts, dueMs };
    this.group.put(entryKey('attempts', queue, seq), sealJson(value));
    this.postponed.set(queue, true);
    this.changed.add(queue);
  }

  onSums(sums: (queue: number) => string | undefined): void {
    this.sumsOf = sums;
  }

  sums(queue: number): string | undefined {
    const { sums } = this.stateOf(queue);
    return sums === undefined ? undefined : JSON.stringify(sums);
  }

  bounds(queue: number): { readonly first: number; readonly last: number } {
    const { lastSeq } = this.stateOf(queue);
    let first = lastSeq + 1;
    this.read(queue, 0, lastSeq, 1, ([oldest]) => {
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
    this.states.set(queue, { lastSeq, dropping: [[0, lastSeq]], isRemoved: true });
    this.changed.add(queue);
    this.group.whenStored(() => {});
  }

  /** Takes away some more of what has ended. */
  removeSome(): void {
    let left = REMOVE_AT_ONCE;
    for (const [queue, state] of this.states) {
      while (state.dropping.length > 0) {
        const [after, upTo] = state.dropping[0]!;
        const from = queueKey(queue, after + 1);
        const found = this.store.range(from, queueKey(queue, upTo + 1), { limit: left });
        for (const { key } of found) this.removeEntry(queue, sequenceOf(key));
        left -= found.length;
        this.changed.add(queue);
        if (left === 0) {
          state.dropping[0] = [sequenceOf(found[found.length - 1]!.key), upTo];
          return;
        }
        state.dropping.shift();
      }
      if (state.isRemoved) {
        this.states.delete(queue);
        this.postponed.delete(queue);
        this.changed.delete(queue);
        this.group.put(sumsKey(queue), undefined);
      }
    }
  }

  private entryOf(queue: number, seq: number, value: Uint8Array, now: Now): StoredEntry {
    const record = decodeCopy(value, seq, this.epochOf, now);
    const postponed = this.havePostponed(queue)
      ? unsealJson<Postponed>(this.store.get(entryKey('attempts', queue, seq)))
      : undefined;
    const { attempts, dueMs } = postponed ?? { attempts: 0, dueMs: 0 };
    return { seq, record, attempts, dueMs };
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
      const sums = state.isRemoved ? undefined : this.sumsOf(queue);
      const { sums: _, ...rest } = state;
      const text = JSON.stringify(rest);
      const value = sums === undefined ? text : `${text.slice(0, -1)},"sums":${sums}}`;
      this.group.put(sumsKey(queue), sealText(value));
    }
    this.changed.clear();
  }
}
