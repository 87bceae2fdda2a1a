/**
 * Random commands to a named queue against the naive model, step by step; and, where loads are answered late, against
 * the promises alone: every message ends once, the books balance, bounds and credit hold, tags have no holes.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Consumer } from '../../server/src/core/consumer.ts';
import { atMost, same } from '../same.ts';
import { beginsAnew, type ModelConsumer, NamedQueueModel, type Ranges } from './named-queue-model.ts';
import { type Op, op, options } from './named-queue-ops.ts';
import { NamedQueueScene, type SceneOptions, settingsOf } from './named-queue-scene.ts';

interface Pair {
  real: Consumer;
  readonly model: ModelConsumer;
  /** The last tag its client has received, and the highest that was ever sent. */
  lastTag: number;
  highestTag: number;
}

/** The scene and, beside each real consumer, what a client of it knows. */
class Run {
  readonly scene: NamedQueueScene;
  readonly model: NamedQueueModel;
  readonly pairs: Pair[] = [];
  private readonly pending: number[] = [];

  constructor(
    options: SceneOptions,
    readonly isExact: boolean,
  ) {
    this.scene = new NamedQueueScene(options);
    this.scene.answersLoads = isExact;
    this.model = new NamedQueueModel(settingsOf(options));
  }

  step(op: Op): void {
    const { scene, model } = this;
    const before = model.ended.size;
    const restBefore = scene.queue.ready.restMessages;
    const told = this.apply(op);
    if (scene.effects.some(({ kind }) => kind === 'load')) this.seen.add('load');
    const real = scene.perform();
    for (const text of real) this.seen.add(text.replace(/ \d.*/, ''));
    if (scene.queue.delayed.messages > 0) this.seen.add('delayed');
    if (scene.queue.ready.restMessages > 0) this.seen.add('unloaded');
    if ((scene.queue.ledger.droppedBy?.get('refused') ?? 0) > 0) this.seen.add('refused');
    if (this.isExact) {
      same(real, told);
      expect(model.ended.size).toBeGreaterThanOrEqual(before);
      this.compare();
    }
    this.check();
    // Nothing else makes the rest longer, while time passes.
    const isLonger = scene.queue.ready.restMessages > restBefore;
    if (isLonger && (op.op === 'pass' || op.op === 'sweep' || op.op === 'desert'))
      this.seen.add('left to the store');
  }

  private apply(op: Op): string[] {
    const { scene, model } = this;
    const { nowMs, moment, effects } = scene;
    switch (op.op) {
      case 'push': {
        const isTaken = this.admit(op.bytes);
        return isTaken ? this.push(op.bytes, op.ttlMs) : [];
      }
      case 'admit':
        if (this.admit(op.bytes)) this.pending.push(op.bytes);
        return [];
      case 'arrive': {
        const bytes = this.pending.shift();
        return bytes === undefined ? [] : this.push(bytes, undefined);
      }
      case 'cancel': {
        const bytes = this.pending.shift();
        if (bytes === undefined) return [];
        scene.queue.release(bytes);
        model.admitted.splice(model.admitted.indexOf(bytes), 1);
        return [];
      }
      case 'join': {
        if (this.pairs.length >= 4) return [];
        const onLost = op.lost ? 'requeue' : 'keep';
        const { ack, prefetch } = op;
        const real = scene.consume({ ack, prefetch, onLost });
        const consumer: ModelConsumer = {
          id: real.id,
          ack,
          prefetch,
          onLost,
          attached: true,
          assigned: [],
          sent: [],
          sentTag: 0,
        };
        this.pairs.push({ real, model: consumer, lastTag: 0, highestTag: 0 });
        return model.join(consumer, nowMs);
      }
      case 'pass':
        scene.nowMs += op.ms;
        return this.sweep();
      case 'sweep':
        return this.sweep();
      case 'desert': {
        // Every connection is lost, and time passes.
        const told: string[] = [];
        for (const pair of this.pairs) told.push(...this.lose(pair));
        return [...told, ...this.sweep()].sort();
      }
      case 'purge': {
        const purged = scene.queue.purge(moment, effects);
        if (this.isExact) same(purged, model.ready.length + model.delayed.length);
        return model.purge('purged');
      }
      case 'answer':
        scene.answerLoads();
        return [];
      case 'restart':
        // What is delayed is found to be so only when it is loaded: the model knows no difference.
        if (!scene.queue.settings.durable || (this.isExact && model.delayed.length > 0)) return [];
        scene.perform();
        scene.restart();
        this.seen.add('restart');
        this.pairs.length = 0;
        this.pending.length = 0;
        model.restart();
        return this.sweep();
      default:
        return this.applyToConsumer(op);
    }
  }

  private applyToConsumer(op: Extract<Op, { who: number }>): string[] {
    const { scene, model } = this;
    const { nowMs, moment, effects } = scene;
    const pair = this.pick(op);
    if (!pair) return [];
    const { real, model: consumer } = pair;
    switch (op.op) {
      case 'leave':
        this.pairs.splice(this.pairs.indexOf(pair), 1);
        scene.queue.removeConsumer(real, moment, effects);
        return model.leave(consumer, nowMs);
      case 'lose':
        return this.lose(pair);
      case 'resume': {
        if (consumer.attached) return [];
        if (beginsAnew(consumer)) {
          this.seen.add('anew');
          Object.assign(pair, { real: scene.renew(real), lastTag: 0, highestTag: 0 });
          return model.renew(consumer, pair.real.id, nowMs);
        }
        // The client may have received less than was sent, but nothing that it has settled was lost.
        let least = consumer.ack === 'none' ? 0 : consumer.sent.length;
        while (least > 0 && real.window.get(least)) least--;
        const lastTag = least + Math.floor(op.share * (consumer.sent.length - least + 1));
        const ackedUpTo = Math.floor(op.share * lastTag);
        same(real.mayResume(lastTag, ackedUpTo, []), true);
        same(real.mayResume(consumer.sent.length + 1, 0, []), false);
        const notReceived = real.resume(lastTag, ackedUpTo, [], moment, effects);
        same(notReceived, consumer.ack === 'none' ? consumer.sent.length - lastTag : 0);
        pair.lastTag = lastTag;
        const acked = Array.from({ length: ackedUpTo }, (_, i) => i + 1);
        return model.resume(consumer, lastTag, consumer.ack === 'none' ? [] : acked, nowMs);
      }
      case 'fill': {
        const shown = scene.fill(real, op.n);
        for (const { tag, redelivered } of shown) {
          if (tag <= pair.highestTag) this.seen.add('sent again');
          pair.highestTag = Math.max(pair.highestTag, tag);
          if (redelivered) this.seen.add('redelivered');
          atMost(tag, pair.lastTag + 1);
          pair.lastTag = Math.max(pair.lastTag, tag);
        }
        if (!this.isExact) this.follow(consumer, shown);
        if (!this.isExact) return [];
        const expected = model.fill(consumer, op.n, nowMs);
        same(shown, expected.shown);
        return expected.told;
      }
      case 'credit':
        real.setPrefetch(op.n, moment, effects);
        return model.credit(consumer, op.n, nowMs);
      default:
        return this.settle(op, pair.real, consumer);
    }
  }

  /** One of the consumers for which the command does something, if there are any. */
  private pick(op: Extract<Op, { who: number }>): Pair | undefined {
    const able = this.pairs.filter(({ real, model }) => {
      if (op.op === 'fill') return real.hasSomethingToSend;
      if (op.op === 'resume') return !model.attached;
      return model.attached && (!('delayMs' in op) || real.window.unsettled > 0);
    });
    const among = able.length > 0 ? able : this.pairs;
    return among[op.who % Math.max(1, among.length)];
  }

  private settle(
    op: Extract<Op, { share: number; delayMs: unknown }>,
    real: Consumer,
    consumer: ModelConsumer,
  ): string[] {
    const { nowMs, moment, effects } = this.scene;
    if (!consumer.attached) return [];
    const tag = this.tagFor(op.share, real, consumer.sent.length);
    const upTo = op.op === 'ack' ? tag : 0;
    const ranges: Ranges = op.op === 'ack' || tag === 0 ? [] : [[tag, tag]];
    const unknown = this.isExact ? this.model.unknownTag(consumer, upTo, ranges) : undefined;
    let told: number | undefined;
    if (op.op === 'reject') told = real.reject(ranges, moment, effects);
    else if (op.op === 'nack') told = real.nack(ranges, op.delayMs, moment, effects);
    else told = real.ack(upTo, ranges, moment, effects);
    if (!this.isExact) return [];
    same(told, unknown);
    if (told !== undefined || consumer.ack === 'none') return [];
    const tags = [
      ...Array.from({ length: upTo }, (_, i) => i + 1),
      ...ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
    ];
    if (op.op === 'nack') return this.model.nack(consumer, tags, op.delayMs, nowMs);
    return this.model.settle(consumer, tags, op.op === 'reject' ? 'reject' : 'ack', nowMs);
  }

  /** Mostly one that waits for its ack; else any, also one that was never sent. */
  private tagFor(share: number, { window }: Consumer, sent: number): number {
    const open: number[] = [];
    for (let tag = window.firstTag; tag <= window.sentTag; tag++) if (window.get(tag)) open.push(tag);
    const isAny = share < 0.2 || open.length === 0;
    return isAny ? Math.floor(share * 5 * (sent + 2)) : open[Math.floor(share * open.length)]!;
  }

  /** In a run without an exact model: only how many tags were sent. */
  private follow(consumer: ModelConsumer, shown: readonly { tag: number; seq: number }[]): void {
    const item = { seq: 0, bytes: 0, expiresAtMs: 0, attempts: 0, redelivered: false, dueMs: 0 };
    for (const { tag } of shown) consumer.sent[tag - 1] ??= { item, state: 'settled' };
    consumer.sentTag = consumer.sent.length;
  }

  private lose({ real, model: consumer }: Pair): string[] {
    const { scene, model } = this;
    if (!consumer.attached) return [];
    consumer.attached = false;
    real.lost(scene.moment, scene.effects);
    scene.dirty.delete(real);
    return model.lose(consumer, scene.nowMs);
  }

  private admit(bytes: number): boolean {
    const isAdmitted = this.scene.admit(bytes) === 'admitted';
    if (this.isExact) same(isAdmitted, this.model.admit(bytes));
    return isAdmitted;
  }

  private push(bytes: number, ttlMs: number | undefined): string[] {
    const { scene, model } = this;
    const { nowMs } = scene;
    const seq = scene.push({ bytes, ttlMs }, true)!;
    if (!this.isExact) return [];
    const ttl = Math.min(ttlMs ?? Infinity, model.settings.messageTtlMs ?? Infinity);
    return model.push(seq, bytes, nowMs + ttl, nowMs);
  }

  private sweep(): string[] {
    const { scene } = this;
    scene.queue.sweep(scene.moment, scene.effects);
    return this.isExact ? this.model.sweep(scene.nowMs) : [];
  }

  private compare(): void {
    const { model } = this;
    const { queue } = this.scene;
    same(
      {
        waiting: queue.ready.messages + queue.delayed.messages,
        inflight: queue.inflightMessages,
        bytes: queue.bytes,
        routed: queue.ledger.routed,
        refused: queue.ledger.droppedBy?.get('refused') ?? 0,
        ended: this.scene.ended.size,
        delayed: queue.delayed.messages,
      },
      {
        waiting: model.ready.length + model.delayed.length,
        inflight: model.inflight.length,
        bytes: model.bytes,
        routed: model.routed,
        refused: model.refused,
        ended: model.ended.size,
        delayed: model.delayed.length,
      },
    );
  }

  /** What holds at every step, whatever the store does. */
  private check(): void {
    const { scene } = this;
    const { queue } = scene;
    const { settings } = queue;
    same(queue.residual, 0);
    same(queue.messages + scene.ended.size, scene.nextSeq - 1);
    if (settings.durable) same(scene.store.size, queue.messages);
    const isAwaited = scene.loads.length > 0 && settings.overflow === 'drop-head';
    if (!isAwaited) {
      atMost(queue.messages, settings.maxMessages);
      atMost(queue.bytes, settings.maxBytes);
    }
    let inflight = 0;
    for (const { real } of this.pairs) {
      inflight += real.inflight;
      if (real.hasSomethingToSend) same(scene.dirty.has(real), true);
      same(real.hasCredit && queue.ready.loadedMessages > 0, false);
      if (real.settings.ack === 'manual' && !this.reduced.has(real))
        atMost(real.inflight, real.settings.prefetch);
    }
    same(inflight, queue.inflightMessages);
  }

  /** What has happened in this run. */
  readonly seen = new Set<string>();
  private readonly reduced = new Set<Consumer>();

  noteCredit(op: Op): void {
    if (op.op !== 'credit') return;
    const pair = this.pick(op);
    if (pair) this.reduced.add(pair.real);
  }

  /** The queue is emptied by a consumer, or deleted: then every message has ended once. */
  end(byDeleting: boolean): void {
    const { scene, model } = this;
    scene.answersLoads = true;
    scene.answerLoads();
    scene.perform();
    if (byDeleting) {
      const left = scene.queue.messages;
      same(scene.queue.close(scene.moment, scene.effects), left);
      const told = scene.perform();
      if (left > 0) this.seen.add('deleted');
      if (this.isExact) same(told, model.delete());
    } else {
      for (const { real } of this.pairs) scene.queue.removeConsumer(real, scene.moment, scene.effects);
      scene.perform();
      scene.pass(1000);
      const last = scene.consume({ prefetch: 1000 });
      scene.perform();
      const seqs = scene.drain(last);
      same(
        seqs,
        seqs.toSorted((a, b) => a - b),
      );
      expect(last.ack(last.window.sentTag, [], scene.moment, scene.effects)).toBeUndefined();
      scene.perform();
    }
    same(scene.queue.messages, 0);
    same(scene.queue.bytes, 0);
    same(scene.queue.residual, 0);
    same(scene.ended.size, scene.nextSeq - 1);
    same(scene.store.size, 0);
  }
}

const EVERYTHING = [
  ...['acked', 'written', 'rejected', 'expired', 'overflow', 'redelivery-limit', 'purged', 'deleted'],
  ...['dead rejected', 'dead expired', 'dead maxlen', 'dead delivery_limit', 'requeued', 'restart', 'load'],
  ...['sent again', 'redelivered', 'anew', 'delayed', 'refused', 'unloaded', 'left to the store'],
];

describe('a named queue', () => {
  test.each([
    ['does as the model does', true],
    ['keeps its promises while loads are under way', false],
  ])('%s', { timeout: 120_000 }, (_, isExact) => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.noBias(options),
        fc.noBias(fc.array(op, { maxLength: 150, size: 'max' })),
        fc.boolean(),
        (options, ops, byDeleting) => {
          const run = new Run(options, isExact);
          for (const op of ops) {
            run.noteCredit(op);
            run.step(op);
          }
          run.end(byDeleting);
          for (const what of run.seen) seen.set(what, (seen.get(what) ?? 0) + 1);
        },
      ),
      { numRuns: 250 },
    );
    // None of it passes for want of trying.
    const rare = EVERYTHING.filter((what) => (seen.get(what) ?? 0) < 3);
    expect(rare).toEqual([]);
  });
});
