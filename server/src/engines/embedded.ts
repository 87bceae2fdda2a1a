/**
 * The embedded engine: the logs of one node, in this process, the durable one on a store.
 *
 *     volatile  append ─► feed ─► done                                   all before `publish` returns
 *     durable   append, copies for queues ─► one batch a turn ─► on disk ─► feed ─► done
 *
 * A publish to the volatile log that reaches durable queues is fed at once, and done when its copies are on disk.
 * The volatile log's epoch is this instance; the durable one's is the store's.
 */
import type { LogId } from '@ringhub/protocol';
import { DedupWindow } from '../core/dedup-window.ts';
import { DEFAULT_LOG_LIMITS, type LogLimits, VolatileLog } from '../core/volatile-log.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  Engine,
  Fate,
  LogBounds,
  LogEntry,
  NewRecord,
  PublishExtras,
  PublishNumber,
  PublishResult,
  StoredRecord,
} from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import { DurableIds } from './durable-ids.ts';
import { DEFAULT_DURABLE_LOG_LIMITS, DurableLog } from './durable-log.ts';
import { DurableNumbers } from './durable-numbers.ts';
import { DurableValues } from './durable-values.ts';
import { GradualRemoval } from './gradual-removal.ts';
import { QueueEntries } from './queue-entries.ts';
import { StoredMeta } from './stored-meta.ts';
import { type Storing, WriteGroup } from './write-group.ts';

const TRIM_EVERY_MS = 1000;

export interface EmbeddedEngineOptions {
  readonly clock: Clock;
  /** Of the volatile log: a new one for each process. */
  readonly epoch: string;
  readonly limits?: LogLimits | undefined;
  /** Told when something happened that must not. */
  readonly onFault?: (fault: string, error: unknown) => void;
  /** Without it nothing can be durable. */
  readonly durable?:
    | {
        readonly store: Store;
        /** Of this store's log: from its creation, restore or repair on. */
        readonly epoch: string;
        readonly limits?: LogLimits | undefined;
      }
    | undefined;
}

/** What stands on the store. */
interface Durable {
  readonly store: Store;
  readonly group: WriteGroup;
  readonly log: DurableLog;
  readonly ids: DurableIds;
  readonly numbers: DurableNumbers;
  readonly entries: QueueEntries;
  readonly values: DurableValues;
  readonly meta: StoredMeta;
  readonly removal: GradualRemoval;
}

type Done = (result: PublishResult) => void;

export class EmbeddedEngine implements Engine {
  readonly logs: readonly LogId[];
  private readonly clock: Clock;
  private readonly volatile: VolatileLog;
  private readonly durable: Durable | undefined;
  private readonly ids = new DedupWindow();
  private readonly trimming: { stop(): void };
  private feed: (record: StoredRecord) => void = () => {};

  constructor(options: EmbeddedEngineOptions) {
    const { clock, epoch, limits = DEFAULT_LOG_LIMITS, durable } = options;
    this.clock = clock;
    this.volatile = new VolatileLog(epoch, limits);
    this.durable = durable && open(durable, options);
    this.logs = durable ? ['v', 'd'] : ['v'];
    this.trimming = clock.every(TRIM_EVERY_MS, () => this.trim());
  }

  get stored(): { readonly bytes: number; readonly entries: number } | undefined {
    return this.durable?.store.size;
  }

  get queues(): QueueEntries | undefined {
    return this.durable?.entries;
  }

  get values(): DurableValues | undefined {
    return this.durable?.values;
  }

  get meta(): StoredMeta | undefined {
    return this.durable?.meta;
  }

  onFeed(handler: (record: StoredRecord) => void): void {
    this.feed = handler;
  }

  onFailure(handler: (why: string) => void): void {
    this.durable?.store.onFailure(({ reason, text }) => handler(`${reason}: ${text}`));
  }

  publish(record: NewRecord, done: Done, extras: PublishExtras = NO_EXTRAS): void {
    const isStored = record.log === 'd' || (extras.queues?.length ?? 0) > 0 || extras.settles !== undefined;
    if (isStored) this.store(record, extras, done);
    else this.keep(record, extras, done);
  }

  fateOf(subject: string, number: PublishNumber, tell: (fate: Fate) => void): void {
    if (this.durable) this.durable.numbers.find(subject, number, tell);
    else tell('unknown');
  }

  bounds(log: LogId): LogBounds {
    const { epoch, first, last, messages, bytes } = this.logOf(log);
    return { epoch, first, last, messages, bytes };
  }

  read(log: LogId, after: number, limit: number, done: (entries: readonly LogEntry[]) => void): void {
    done(this.logOf(log).read(after, limit));
  }

  readBack(log: LogId, before: number, limit: number, done: (entries: readonly LogEntry[]) => void): void {
    done(this.logOf(log).readBack(before, limit));
  }

  offsetBefore(log: LogId, timeMs: number): number {
    return this.logOf(log).offsetBefore(timeMs);
  }

  async close(): Promise<void> {
    this.trimming.stop();
    this.durable?.removal.stop();
    this.durable?.group.flush();
    await this.durable?.store.close();
  }

  // ── volatile ──

  private keep(record: NewRecord, { isOwn = false, placed }: PublishExtras, done: Done): void {
    const id = isOwn ? undefined : record.id;
    if (id !== undefined && this.answerRemembered(record, id, done)) return;
    if (record.refuseNew) {
      // It may have been stored when its exchange was another one, or led elsewhere.
      const { durable } = this;
      if (durable && id !== undefined && this.answerDuplicate(durable, record, id, done)) return;
      done({ kind: 'refused', error: record.refuseNew });
      return;
    }
    const stored = this.append(record, id);
    this.feed(stored);
    placed?.(stored);
    done({ kind: 'taken', record: stored, seqs: NO_SEQS });
  }

  private append(record: NewRecord, id: string | undefined): StoredRecord {
    const nowMs = this.clock.nowMs();
    const stored = this.volatile.append(record, this.clock.wallMs(), nowMs);
    if (id !== undefined) this.ids.remember(record.subject, record.exchange, id, stored.offset, nowMs);
    return stored;
  }

  private answerRemembered(record: NewRecord, id: string, done: Done): boolean {
    const offset = this.ids.find(record.subject, record.exchange, id, this.clock.nowMs());
    if (offset === undefined) return false;
    // It may have led to a durable queue then, and be on its way to the disk.
    if (this.durable && this.answerDuplicate(this.durable, record, id, done)) return true;
    done({ kind: 'duplicate', log: 'v', offset });
    return true;
  }

  // ── durable ──

  private store(record: NewRecord, extras: PublishExtras, done: Done): void {
    const { durable } = this;
    if (!durable || durable.group.failed) {
      // Without a store nothing durable can be declared, so nothing leads here.
      done({ kind: 'refused', error: 'store-failed' });
      return;
    }
    const id = extras.isOwn ? undefined : record.id;
    if (id !== undefined && this.answerDuplicate(durable, record, id, done)) return;
    // Published before, it may have led to no durable queue, or the exchange may have been a volatile one.
    if (id !== undefined && this.answerRemembered(record, id, done)) return;
    if (record.refuseNew) {
      done({ kind: 'refused', error: record.refuseNew });
      return;
    }
    // The hub's own are few, and must not be lost for want of room.
    if (durable.group.isFull && !extras.isOwn) {
      done({ kind: 'refused', error: 'unavailable' });
      return;
    }
    const { group, log, entries } = durable;
    const stored = record.log === 'd' ? log.append(record) : this.append(record, id);
    const seqs = extras.queues?.map((queue) => entries.add(queue, stored)) ?? NO_SEQS;
    for (const [queue, seq] of extras.settles ?? []) entries.settle(queue, seq);
    for (const number of extras.numbers ?? []) durable.numbers.add(record.subject, number);
    if (id !== undefined) {
      const { epoch } = this.logOf(record.log);
      const publish = { log: record.log, epoch, offset: stored.offset };
      durable.ids.remember(record.subject, record.exchange, id, publish);
    }
    if (record.log === 'v') {
      this.feed(stored);
      extras.placed?.(stored);
    }
    group.whenStored(
      new StoringPublish(durable, this.feed, stored, seqs, extras.queues, extras.placed, done),
    );
  }

  private answerDuplicate(durable: Durable, record: NewRecord, id: string, done: Done): boolean {
    return durable.ids.find(record.subject, record.exchange, id, ({ log, epoch, offset }, failed) => {
      if (failed) {
        done({ kind: 'refused', error: 'store-failed' });
        return;
      }
      // A position of an earlier life of the log names nothing in this one.
      done({ kind: 'duplicate', log, offset: epoch === this.logOf(log).epoch ? offset : 0 });
    });
  }

  private trim(): void {
    this.volatile.trim(this.clock.wallMs());
    const { durable } = this;
    if (!durable || durable.group.isFull) return;
    durable.log.trim();
    durable.ids.forget();
    durable.numbers.forget();
    durable.removal.goOn();
  }

  private logOf(log: LogId): VolatileLog | DurableLog {
    return log === 'd' && this.durable ? this.durable.log : this.volatile;
  }
}

/** A publish on its way to the disk. */
class StoringPublish implements Storing {
  constructor(
    private readonly durable: Durable,
    private readonly feed: (record: StoredRecord) => void,
    private readonly stored: StoredRecord,
    private readonly seqs: readonly number[],
    private readonly queues: PublishExtras['queues'],
    private readonly placed: PublishExtras['placed'],
    private readonly done: Done,
  ) {}

  told(failed: boolean): void {
    const { durable, stored } = this;
    if (this.queues) for (const queue of this.queues) durable.entries.told(queue, stored);
    if (failed) {
      this.done({ kind: 'refused', error: 'store-failed' });
      return;
    }
    if (stored.log === 'd') {
      durable.log.flushed(stored);
      this.feed(stored);
      this.placed?.(stored);
    }
    this.done({ kind: 'taken', record: stored, seqs: this.seqs });
  }
}

const NO_EXTRAS: PublishExtras = {};
const NO_SEQS: readonly number[] = [];

function open(
  { store, epoch, limits }: NonNullable<EmbeddedEngineOptions['durable']>,
  { clock, epoch: volatileEpoch, onFault }: EmbeddedEngineOptions,
): Durable {
  const epochOf = (log: LogId): string => (log === 'd' ? epoch : volatileEpoch);
  const group = new WriteGroup(store, clock, onFault);
  const now = () => ({ wallMs: clock.wallMs(), nowMs: clock.nowMs() });
  const wallMs = () => clock.wallMs();
  const log = new DurableLog(epoch, store, group, limits ?? DEFAULT_DURABLE_LOG_LIMITS, clock);
  const entries = new QueueEntries(store, group, now, epochOf);
  const values = new DurableValues(store, group, now, (offset) => log.release(offset));
  return {
    store,
    group,
    log,
    entries,
    values,
    ids: new DurableIds(store, group, wallMs),
    numbers: new DurableNumbers(store, group, wallMs),
    meta: new StoredMeta(store, group),
    removal: new GradualRemoval(clock, group, [entries, values]),
  };
}
