/**
 * Has a named queue do something, and performs what follows from it: on the engine, on its consumers, on dead letters.
 *
 *     run(queue, call) ─► call(moment, effects) ─► each effect, in order
 *
 * What follows may lead back to the same queue (a dead letter that comes back): its state is whole
 * between two calls, so that is another call like any other.
 */

import type { DeathReason } from '../core/dead-letter.ts';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import type { LoadedEntry } from '../core/head-loading.ts';
import type { QueueEffect } from '../core/queue-effects.ts';
import type { Moment, QueueEntry } from '../core/queue-entry.ts';
import type { StoredEntry } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';

/** No timer waits longer; then there is another one. */
const MAX_ALARM_MS = 3_600_000;

export interface QueueWorkHandlers {
  /** A message died in a queue with a dead-letter exchange. */
  bury(queue: DeclaredQueue, entry: QueueEntry, reason: DeathReason): void;
  /** Nobody uses the queue any more. */
  unused(queue: DeclaredQueue): void;
}

export class QueueWork {
  private handlers: QueueWorkHandlers = { bury: () => {}, unused: () => {} };

  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
  ) {}

  /** Set once they are there: they need what they are told by. */
  onWork(handlers: QueueWorkHandlers): void {
    this.handlers = handlers;
  }

  run<T>(queue: DeclaredQueue, call: (moment: Moment, effects: QueueEffect[]) => T): T {
    const effects: QueueEffect[] = [];
    const heldBytes = queue.state.heldBytes;
    const result = call(this.hub.moment(), effects);
    this.hub.queueBytes += queue.state.heldBytes - heldBytes;
    for (const effect of effects) this.perform(queue, effect);
    this.setAlarm(queue);
    return result;
  }

  /** As `run`, where nobody could be told of a fault: a broken queue must cost publishers and others nothing. */
  attempt(queue: DeclaredQueue, call: (moment: Moment, effects: QueueEffect[]) => void): void {
    try {
      this.run(queue, call);
    } catch (error) {
      this.hub.fault(`the queue ${queue.name} failed`, error);
    }
  }

  /** What is delayed comes when it is due, not when the next sweep finds it. */
  private setAlarm(queue: DeclaredQueue): void {
    const atMs = queue.state.nextDueMs;
    if (atMs === (queue.alarm?.atMs ?? Number.POSITIVE_INFINITY)) return;
    queue.alarm?.stop();
    queue.alarm = undefined;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(MAX_ALARM_MS, Math.max(0, atMs - this.hub.clock.nowMs()));
    const { stop } = this.hub.clock.after(waitMs, () => {
      queue.alarm = undefined;
      this.attempt(queue, (moment, effects) => queue.state.sweep(moment, effects));
    });
    queue.alarm = { atMs, stop };
  }

  private perform(queue: DeclaredQueue, effect: QueueEffect): void {
    const stored = queue.isDurable ? this.hub.engine.queues : undefined;
    switch (effect.kind) {
      case 'settled':
        stored?.settle(queue.id, effect.entry.seq);
        return;
      case 'dead-letter':
        this.handlers.bury(queue, effect.entry, effect.reason);
        return;
      case 'requeued': {
        const { seq, attempts, dueWallMs } = effect.entry;
        stored?.postpone(queue.id, seq, attempts, dueWallMs, effect.delayMs);
        return;
      }
      case 'dropped-range':
        stored?.drop(queue.id, effect.after, effect.upTo);
        return;
      case 'load':
        this.load(queue, effect);
        return;
      case 'corrupt':
        this.hub.counters.corrupt++;
        this.hub.fault(`entry ${effect.seq} of the queue ${queue.name} is damaged on disk, and is dropped`);
        stored?.settle(queue.id, effect.seq);
        return;
      case 'missing':
        this.hub.counters.corrupt += effect.count;
        this.hub.fault(`${effect.count} entries of the queue ${queue.name} are missing on disk`);
        stored?.saveSums(queue.id, () => {});
        return;
      case 'mark':
        this.mark(queue, effect.upTo);
        return;
      case 'dirty': {
        const consumer = this.hub.consumers.get(effect.consumer.id);
        if (consumer) this.flusher.markConsumer(consumer);
        return;
      }
      case 'unused':
        this.handlers.unused(queue);
        return;
      default:
        effect satisfies never;
    }
  }

  /** Goes on delivering once the store knows that it may have. */
  private mark(queue: DeclaredQueue, upTo: number): void {
    this.hub.engine.queues?.saveSums(queue.id, (error) => {
      if (!error) this.run(queue, (moment, effects) => queue.state.marked(upTo, moment, effects));
    });
  }

  private load(
    queue: DeclaredQueue,
    { after, upTo, limit, maxBytes }: Extract<QueueEffect, { kind: 'load' }>,
  ): void {
    const { queues } = this.hub.engine;
    // Only what is durable is ever not loaded.
    if (!queues) return;
    queues.read(queue.id, after, upTo, { messages: limit, bytes: maxBytes }, (entries, isEnd) => {
      const wallMs = this.hub.clock.wallMs();
      const loaded = entries.map((entry) => loadedEntry(entry, queue, wallMs));
      // Each page has a turn of its own: where all that is loaded has expired, the next page is asked for at once, and
      // a long backlog would be one call within the other, and one batch.
      this.hub.clock.endOfTurn(() =>
        this.attempt(queue, (moment, effects) => queue.state.loaded(loaded, isEnd, moment, effects)),
      );
    });
  }
}

function loadedEntry(stored: StoredEntry, queue: DeclaredQueue, wallMs: number): LoadedEntry {
  const { seq, record, attempts, dueMs, delayMs } = stored;
  if (!record) return { seq };
  const ttlMs = Math.min(record.ttlMs ?? Infinity, queue.state.settings.messageTtlMs ?? Infinity);
  return {
    seq,
    record,
    enqueuedMs: record.timeMs,
    expiresAtMs: record.timeMs + ttlMs,
    attempts,
    dueWallMs: Math.min(dueMs, wallMs + delayMs),
  };
}
