/**
 * Consumers of named queues: made, resumed, settled for, and ended with their session (PROTOCOL §20).
 */
import {
  type ClientFrame,
  type ConsumeOptions,
  type Consuming,
  ERRORS,
  type ResumedQueue,
  type ResumeQueue,
} from '@ringhub/protocol';
import type { Batch } from '../core/batch.ts';
import type { Consumer } from '../core/consumer.ts';
import { type DeclaredQueue, QueueConsumer } from '../core/declared-queue.ts';
import { GapEntry } from '../core/gap-entry.ts';
import type { QueueEffect } from '../core/queue-effects.ts';
import type { Moment } from '../core/queue-entry.ts';
import type { Session } from '../core/session.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { NamedQueues } from './named-queues.ts';
import type { QueueWork } from './queue-work.ts';
import type { Refusal } from './subscriptions.ts';

type Settling = Extract<ClientFrame, { type: 'ack' | 'reject' | 'nack' }>;

export class Consumers {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly queues: NamedQueues,
    private readonly work: QueueWork,
  ) {}

  consume(session: Session, options: ConsumeOptions): Consuming | Refusal {
    const { consume: name, ack = 'auto', onLost = 'keep', exclusive = false } = options;
    const detail = { queue: name };
    if (!session.principal.may('consume', name, '')) return { error: 'forbidden', detail };
    const fault = session.subscriptionFault(0);
    if (fault) return { error: fault };
    const queue = this.queues.find({ session }, name);
    if ('error' in queue) return queue;
    const prefetch = Math.min(options.prefetch ?? session.limits.defaultPrefetch, session.limits.maxPrefetch);
    const settings = { id: this.hub.nextQueueId(), session: session.id, ack, prefetch, onLost, exclusive };
    const made = this.work.run(queue, (moment, effects) => {
      const consumer = queue.state.addConsumer(settings, moment, effects);
      return consumer === 'in-use' ? undefined : this.remember(session, queue, consumer);
    });
    if (!made) return { error: 'queue-in-use', detail };
    return { queue: made.id, granted: { ack, prefetch, onLost, exclusive } };
  }

  /** From now on it is found by whoever is told of it. */
  private remember(session: Session, queue: DeclaredQueue, consumer: Consumer): QueueConsumer {
    const made = new QueueConsumer(session, queue, consumer);
    session.consumers.set(made.id, made);
    this.hub.consumers.set(made.id, made);
    return made;
  }

  /** Has a consumer do something; what follows is performed. */
  tell<T>(
    { consumer, queue }: QueueConsumer,
    what: (consumer: Consumer, moment: Moment, effects: QueueEffect[]) => T,
  ): T {
    return this.work.run(queue, (moment, effects) => what(consumer, moment, effects));
  }

  /** Moves what may be sent to a consumer now into a batch. */
  fill(made: QueueConsumer, batch: Batch, maxItems: number, maxBytes: number): void {
    this.tell(made, (consumer, moment, effects) => consumer.fill(batch, maxItems, maxBytes, moment, effects));
  }

  /** Returns a tag that cannot be settled; then nothing has changed. */
  settle(made: QueueConsumer, frame: Settling): number | undefined {
    return this.tell(made, (consumer, moment, effects) => {
      switch (frame.type) {
        case 'ack':
          return consumer.ack(frame.upTo, frame.ranges, moment, effects);
        case 'reject':
          return consumer.reject(frame.ranges, moment, effects);
        case 'nack':
          return consumer.nack(frame.ranges, frame.delayMs, moment, effects);
        default:
          return frame satisfies never;
      }
    });
  }

  setPrefetch(made: QueueConsumer, prefetch: number): void {
    this.tell(made, (consumer, moment, effects) => consumer.setPrefetch(prefetch, moment, effects));
  }

  cancel(made: QueueConsumer): void {
    this.forget(made);
    this.tell(made, (consumer, moment, effects) =>
      made.queue.state.removeConsumer(consumer, moment, effects),
    );
  }

  /** The session's connection is gone. */
  lost(session: Session): void {
    for (const made of session.consumers.values()) {
      this.tell(made, (consumer, moment, effects) => consumer.lost(moment, effects));
    }
  }

  sessionEnded(session: Session): void {
    for (const made of [...session.consumers.values()]) this.cancel(made);
    this.queues.sessionEnded(session);
  }

  /** Its queue is gone, and with it the consumer: nothing more will come. */
  queueDeleted(ids: readonly number[], queue: string): void {
    for (const id of ids) {
      const made = this.hub.consumers.get(id);
      if (!made) continue;
      this.forget(made);
      const { code, text } = ERRORS['queue-not-found'];
      this.flusher.write(made.session, {
        type: 'error',
        ref: null,
        code,
        text,
        detail: { queue: id, name: queue },
      });
    }
  }

  /** Goes on with a consumer of a session that came back, or begins it anew. */
  resume(session: Session, wanted: ResumeQueue, options: ConsumeOptions): ResumedQueue {
    const made = session.consumers.get(wanted.queue);
    if (!made) return this.beginAnew(session, wanted.queue, options);
    if (made.consumer.beginsAnew) return this.renew(made, wanted);
    const { lastTag, ackedUpTo, ackedRanges } = wanted;
    const missed = this.tell(made, (consumer, moment, effects) =>
      consumer.resume(lastTag, ackedUpTo, ackedRanges, moment, effects),
    );
    if (missed > 0) made.consumer.tell(notReceived(missed));
    this.flusher.markConsumer(made);
    const { ack, onLost, exclusive } = made.consumer.settings;
    return {
      was: wanted.queue,
      queue: made.id,
      granted: { ack, prefetch: made.consumer.prefetch, onLost, exclusive },
    };
  }

  /** What it was sent is anybody's again; what it acknowledged is settled where its loss was not noticed before. */
  private renew(old: QueueConsumer, { ackedUpTo, ackedRanges }: ResumeQueue): ResumedQueue {
    const { session, queue, consumer } = old;
    this.forget(old);
    const made = this.work.run(queue, (moment, effects) => {
      consumer.ack(ackedUpTo, ackedRanges, moment, effects);
      const id = this.hub.nextQueueId();
      return this.remember(session, queue, queue.state.renewConsumer(consumer, id, moment, effects));
    });
    const { ack, prefetch, onLost, exclusive } = made.consumer.settings;
    return { was: old.id, queue: made.id, granted: { ack, prefetch, onLost, exclusive } };
  }

  beginAnew(session: Session, was: number, options: ConsumeOptions): ResumedQueue {
    const result = this.consume(session, options);
    if (!('error' in result)) return { was, ...result };
    const { code, text } = ERRORS[result.error];
    return { was, code, text };
  }

  private forget(made: QueueConsumer): void {
    made.session.consumers.delete(made.id);
    made.session.dirtyConsumers.delete(made);
    this.hub.consumers.delete(made.id);
  }
}

/** With ack `none` what was written and not received is lost. */
function notReceived(count: number): GapEntry {
  const gap = new GapEntry();
  gap.addUnplaced(count, 'not-received');
  return gap;
}
