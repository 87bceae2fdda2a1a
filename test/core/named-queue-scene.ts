/**
 * A named queue with the store and the clocks of a test: performs its effects, and tells what ended by them.
 */

import type { QueueOptions } from '@ringhub/protocol';
import { Batch } from '../../server/src/core/batch.ts';
import type { Consumer, ConsumerSettings } from '../../server/src/core/consumer.ts';
import { HEAD_BOUNDS, type HeadBounds, type LoadedEntry } from '../../server/src/core/head-loading.ts';
import { type Admission, NamedQueue } from '../../server/src/core/named-queue.ts';
import type { QueueEffect } from '../../server/src/core/queue-effects.ts';
import { type Moment, newEntry, type SavedEntry } from '../../server/src/core/queue-entry.ts';
import { queueSettings } from '../../server/src/core/queue-settings.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { storedRecord } from './stored-record.ts';

export const settingsOf = (options: QueueOptions) => {
  const settings = queueSettings(options);
  if (typeof settings === 'string') throw new Error(settings);
  return settings;
};

export interface SceneOptions extends QueueOptions {
  readonly head?: HeadBounds;
  /** Messages a load brings at most, whatever it asks for. */
  readonly loadAtMost?: number;
}

/** Wall time is far from monotonic time, so that one taken for the other shows. */
const WALL_START_MS = 1_000_000;

export class NamedQueueScene {
  queue: NamedQueue;
  readonly effects: QueueEffect[] = [];
  /** What is stored of a durable queue: damaged ones are `undefined`. */
  readonly store = new Map<number, SavedEntry | undefined>();
  /** Answer loads at once; otherwise they wait in `loads`. */
  answersLoads = true;
  readonly loads: Extract<QueueEffect, { kind: 'load' }>[] = [];
  /** How each message ended; a second end throws. */
  readonly ended = new Map<number, string>();
  readonly dirty = new Set<Consumer>();
  unused = 0;
  /** Times that what may be delivered had to be stored. */
  marks = 0;
  storesMarks = true;
  nowMs = 0;
  nextSeq = 1;

  private readonly batch = new Batch();
  private consumerIds = 0;

  constructor(readonly options: SceneOptions = {}) {
    this.queue = this.newQueue();
  }

  get moment(): Moment {
    return { nowMs: this.nowMs, wallMs: this.wallMs, random: 0.3 };
  }

  get wallMs(): number {
    return WALL_START_MS + this.nowMs;
  }

  /** Pushes a message, admitted before or not; returns its number. */
  push(over: Partial<StoredRecord> = {}, isAdmitted = false): number | undefined {
    const record = storedRecord(this.nextSeq, { timeMs: this.wallMs, ...over });
    if (!isAdmitted && this.admit(record.bytes) !== 'admitted') return undefined;
    const entry = newEntry(this.nextSeq++, record, this.queue.settings.messageTtlMs, this.wallMs);
    if (this.queue.settings.durable) this.store.set(entry.seq, { ...entry, enqueuedMs: this.wallMs });
    this.queue.push(entry, this.moment, this.effects);
    this.storeMarks();
    return entry.seq;
  }

  /** Keeps room for a message, or counts that there is none. */
  admit(bytes: number): Admission {
    const admission = this.queue.admit(bytes);
    if (admission !== 'admitted') this.queue.refuse();
    return admission;
  }

  consume(over: Partial<ConsumerSettings> = {}): Consumer {
    const settings: ConsumerSettings = {
      id: ++this.consumerIds,
      session: 's',
      ack: 'manual',
      prefetch: 10,
      onLost: 'keep',
      exclusive: false,
      ...over,
    };
    const consumer = this.queue.addConsumer(settings, this.moment, this.effects);
    if (consumer === 'in-use') throw new Error('in use');
    this.storeMarks();
    return consumer;
  }

  /** The connection of a consumer that begins anew is back. */
  renew(consumer: Consumer): Consumer {
    this.dirty.delete(consumer);
    return this.queue.renewConsumer(consumer, ++this.consumerIds, this.moment, this.effects);
  }

  /** One batch: tag, number and redelivered count of each message. */
  fill(consumer: Consumer, maxItems = 100): { tag: number; seq: number; redelivered?: number }[] {
    const { batch } = this;
    this.dirty.delete(consumer);
    consumer.fill(batch, maxItems, 1_000_000, this.moment, this.effects);
    this.storeMarks();
    // As the hub does with what did not fit a frame.
    if (consumer.hasSomethingToSend) this.dirty.add(consumer);
    return batch.toArray().map((entry, i) => {
      const note = batch.notes.find(([index]) => index === i)?.[1];
      const seq = entry.kind === 'message' ? entry.offset : -1;
      return { tag: batch.firstTag + i, seq, ...note };
    });
  }

  /** Fills until nothing is left, and tells the numbers. */
  drain(consumer: Consumer): number[] {
    const seqs: number[] = [];
    for (;;) {
      const items = this.fill(consumer);
      this.perform();
      if (items.length === 0) return seqs;
      seqs.push(...items.map(({ seq }) => seq));
    }
  }

  pass(ms: number): string[] {
    this.nowMs += ms;
    this.queue.sweep(this.moment, this.effects);
    return this.perform();
  }

  /** Performs all effects, and those of the loads they ask for; returns what ended or was requeued. */
  perform(): string[] {
    const told: string[] = [];
    for (this.storeMarks(); this.effects.some(({ kind }) => kind !== 'mark'); this.storeMarks()) {
      for (const effect of this.effects.splice(0)) this.performOne(effect, told);
      if (this.answersLoads) this.answerLoads();
    }
    return told.sort();
  }

  answerLoads(): void {
    for (const load of this.loads.splice(0)) this.answer(load);
  }

  /** The hub is killed and comes back: what is stored is all there is. */
  restart(): void {
    const { queue } = this;
    const sums = JSON.parse(JSON.stringify(queue.account.toSums())) as ReturnType<
      typeof queue.account.toSums
    >;
    this.queue = this.newQueue();
    this.effects.length = 0;
    this.loads.length = 0;
    this.dirty.clear();
    const entries = [...this.store.values()];
    this.queue.restore({
      messages: entries.length,
      bytes: entries.reduce((bytes, entry) => bytes + (entry?.record.bytes ?? 0), 0),
      after: 0,
      isWeighed: true,
      lastSeq: queue.lastSeq,
      redeliveredUpTo: queue.lastSeq,
      sums,
    });
  }

  /** The store has what may be delivered from now on. */
  storeMarks(): void {
    if (!this.storesMarks) return;
    for (;;) {
      const at = this.effects.findIndex(({ kind }) => kind === 'mark');
      if (at < 0) return;
      const [effect] = this.effects.splice(at, 1);
      this.marks++;
      if (effect?.kind === 'mark') this.queue.marked(effect.upTo, this.moment, this.effects);
    }
  }

  private newQueue(): NamedQueue {
    return new NamedQueue('q', settingsOf(this.options), this.moment, this.options.head ?? HEAD_BOUNDS);
  }

  private performOne(effect: QueueEffect, told: string[]): void {
    switch (effect.kind) {
      case 'settled':
        this.end(effect.entry.seq, effect.outcome, told);
        return;
      case 'dead-letter':
        this.end(effect.entry.seq, `dead ${effect.reason}`, told);
        return;
      case 'corrupt':
        this.end(effect.seq, 'corrupt', told);
        return;
      case 'requeued': {
        const { seq, attempts, dueWallMs } = effect.entry;
        told.push(`requeued ${seq} x${attempts}`);
        const saved = this.store.get(seq);
        if (saved) this.store.set(seq, { ...saved, attempts, dueWallMs });
        return;
      }
      case 'dropped-range': {
        const seqs = [...this.store.keys()].filter((seq) => seq > effect.after && seq <= effect.upTo);
        if (seqs.length !== effect.count) throw new Error(`${seqs.length} dropped, ${effect.count} told`);
        for (const seq of seqs) this.end(seq, effect.outcome, told);
        return;
      }
      case 'missing':
        told.push(`missing ${effect.count}`);
        return;
      case 'load':
        if (this.loads.length > 0) throw new Error('a second load under way');
        this.loads.push(effect);
        return;
      case 'mark':
        // Comes again until it is stored.
        this.effects.push(effect);
        return;
      case 'dirty':
        this.dirty.add(effect.consumer);
        return;
      case 'unused':
        this.unused++;
        return;
      default:
        effect satisfies never;
    }
  }

  private end(seq: number, outcome: string, told: string[]): void {
    if (this.ended.has(seq)) throw new Error(`${seq} ended twice: ${this.ended.get(seq)}, ${outcome}`);
    if (this.queue.settings.durable && !this.store.delete(seq)) throw new Error(`${seq} is not stored`);
    this.ended.set(seq, outcome);
    told.push(`${outcome} ${seq}`);
  }

  private answer({ after, upTo, limit, maxBytes }: Extract<QueueEffect, { kind: 'load' }>): void {
    const found: LoadedEntry[] = [];
    const seqs = [...this.store.keys()].filter((seq) => seq > after && seq <= upTo).sort((a, b) => a - b);
    let bytes = 0;
    const most = Math.min(limit, this.options.loadAtMost ?? limit);
    if (most < 1) throw new Error('a load of nothing');
    for (const seq of seqs) {
      const saved = this.store.get(seq);
      bytes += saved?.record.bytes ?? 0;
      if (found.length > 0 && (found.length >= most || bytes > maxBytes)) break;
      found.push(saved ?? { seq });
    }
    this.queue.loaded(found, found.length === seqs.length, this.moment, this.effects);
  }
}
