/**
 * Writes what sessions have to say: once a turn, one message and one write a session (ARCHITECTURE, rule 5).
 *
 * A write to a socket costs far more than all else, so answers, confirms and deliveries of a turn go out
 * together, in the codec of the session's connection.
 * A socket over its backpressure limit is not written to: its rings hold the rest until it has drained.
 */
import { type Confirmed, ERRORS } from '@ringhub/protocol';
import { Batch } from '../core/batch.ts';
import type { QueueConsumer } from '../core/declared-queue.ts';
import type { Answer, HubCodec } from '../core/hub-codec.ts';
import type { Link, Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Message } from '../ports/transport.ts';
import type { HubContext } from './context.ts';
import { Replayer } from './replayer.ts';

const MAX_BATCH_ITEMS = 512;
/** Payload bytes of one message to one session; the rest waits for its next turn. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** Who gives the messages of named queues. */
export interface ConsumerFill {
  fill(consumer: QueueConsumer, batch: Batch, maxItems: number, maxBytes: number): void;
}

export class Flusher {
  private consumers: ConsumerFill = { fill: (_, batch) => batch.clear() };
  private beforeFlush: () => void = () => {};
  private dirty: Session[] = [];
  private spare: Session[] = [];
  private isScheduled = false;
  /** Of this flush. */
  private nowMs = 0;
  private readonly batch = new Batch();
  private readonly replayer: Replayer;

  constructor(private readonly hub: HubContext) {
    this.replayer = new Replayer(hub, (subscription) => this.markSubscription(subscription));
  }

  /** Sets what is done before each flush. */
  onFlush(before: () => void): void {
    this.beforeFlush = before;
  }

  /** Set once they are there: what follows from filling is performed by them. */
  onConsumers(consumers: ConsumerFill): void {
    this.consumers = consumers;
  }

  /** The session has something to write at the end of this turn. */
  markSession(session: Session): void {
    if (session.isDirty) return;
    session.isDirty = true;
    this.dirty.push(session);
    this.wake();
  }

  /** There is a flush at the end of this turn. */
  wake(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.hub.clock.endOfTurn(() => this.flush());
  }

  markSubscription(subscription: Subscription): void {
    subscription.session.dirty.add(subscription);
    this.markSession(subscription.session);
  }

  markConsumer(consumer: QueueConsumer): void {
    if (!consumer.session.link) return;
    consumer.session.dirtyConsumers.add(consumer);
    this.markSession(consumer.session);
  }

  /** Has a frame written with the next flush; a client that reads none of its answers is cut off. */
  write(session: Session, frame: Answer): void {
    const { link } = session;
    if (link) this.queue(session, link, link.codec.encode(frame));
  }

  /** As `write`, for a frame that was written as JSON before. */
  writeText(session: Session, line: string): void {
    const { link } = session;
    if (link) this.queue(session, link, link.codec.encodeText(line));
  }

  private queue(session: Session, link: Link, frame: Message): void {
    if (session.write(frame)) this.markSession(session);
    else link.end(ERRORS['output-overflow']);
  }

  /** As `write`, for a confirm: those of a turn are joined. */
  confirm(session: Session, seq: number, outcome: Omit<Confirmed, 'seq' | 'count'>): void {
    if (!session.link) return;
    if (session.confirm(seq, outcome)) this.markSession(session);
    else session.link.end(ERRORS['output-overflow']);
  }

  /** Writes for every marked session. */
  flush(): void {
    this.beforeFlush();
    this.nowMs = this.hub.clock.nowMs();
    const sessions = this.dirty;
    this.dirty = this.spare;
    this.spare = sessions;
    this.isScheduled = false;
    for (const session of sessions) {
      session.isDirty = false;
      try {
        this.writeSession(session);
      } catch (error) {
        // A fault in one session's rings must not keep the others waiting.
        this.hub.fault(`flush of session ${session.id} failed`, error);
        session.link?.end(ERRORS.internal);
      }
    }
    sessions.length = 0;
    this.batch.forget();
    this.replayer.turnOver();
    this.hub.jsonCodec.forgetShared();
    this.hub.binaryCodec.forgetShared();
    this.hub.budget.forgetItems();
  }

  /** Writes what one session has to say now, as far as its socket takes it. */
  flushSession(session: Session): void {
    this.nowMs = this.hub.clock.nowMs();
    this.writeSession(session);
  }

  private writeSession(session: Session): void {
    const { link } = session;
    if (!link || link.bufferedBytes > this.hub.limits.maxSocketBufferBytes) return;
    const { codec } = link;
    codec.begin();
    this.addAnswers(session, codec);
    this.addDeliveries(session, codec);
    const message = codec.end();
    if (message !== undefined) link.send(message);
  }

  private addAnswers(session: Session, codec: HubCodec): void {
    if (session.output.length > 0) {
      for (const frame of session.output) codec.put(frame);
      session.output.length = 0;
    }
    session.outputBytes = 0;
    if (!session.confirms.isEmpty) {
      codec.put(codec.encode({ type: 'confirm', runs: session.confirms.drain() }));
    }
    session.publishesTold();
  }

  private addDeliveries(session: Session, codec: HubCodec): void {
    let bytes = session.dirtyConsumers.size > 0 ? this.addConsumed(session, codec) : 0;
    // What is marked again while this runs waits for the next turn.
    const { newest } = session.dirty;
    let isLast = false;
    while (!isLast) {
      const subscription = session.dirty.shift();
      if (!subscription) return;
      isLast = subscription === newest;
      if (subscription.queue.closed) continue;
      if (bytes >= MAX_MESSAGE_BYTES) {
        this.markSubscription(subscription);
        return;
      }
      bytes += this.addBatches(subscription, codec, MAX_MESSAGE_BYTES - bytes);
    }
  }

  /** Returns the bytes added; consumers that could be sent more are marked for the next turn. */
  private addConsumed(session: Session, codec: HubCodec): number {
    const { batch } = this;
    let bytes = 0;
    for (const made of [...session.dirtyConsumers]) {
      session.dirtyConsumers.delete(made);
      while (bytes < MAX_MESSAGE_BYTES) {
        const { lastTag } = made.consumer.window;
        this.consumers.fill(made, batch, MAX_BATCH_ITEMS, MAX_MESSAGE_BYTES - bytes);
        if (batch.count === 0) break;
        bytes += batch.bytes;
        this.count(batch, lastTag);
        codec.putBatch(made.id, batch);
        // A message of a named queue goes to one consumer only.
        this.forgetUnheld(batch);
      }
      if (made.consumer.hasSomethingToSend) this.markConsumer(made);
    }
    return bytes;
  }

  private forgetUnheld({ entries, count }: Batch): void {
    for (let i = 0; i < count; i++) {
      const entry = entries[i]!;
      if (entry.kind === 'message') this.hub.budget.forgetUnheld(entry);
    }
  }

  private count(batch: Batch, lastTag: number): void {
    const { counters } = this.hub;
    counters.deliveries += batch.count;
    if (batch.firstTag <= lastTag) counters.redeliveries += batch.count;
    counters.gaps += batch.gaps;
  }

  /** Returns the bytes added; a subscription that could send more is marked for the next turn. */
  private addBatches(subscription: Subscription, codec: HubCodec, maxBytes: number): number {
    const { queue } = subscription;
    const { batch } = this;
    let bytes = 0;
    while (bytes < maxBytes) {
      this.replayer.pull(subscription);
      const lastTag = queue.window.lastTag;
      queue.fill(batch, MAX_BATCH_ITEMS, maxBytes - bytes, this.nowMs);
      if (batch.count === 0) return bytes;
      bytes += batch.bytes;
      this.count(batch, lastTag);
      codec.putBatch(queue.id, batch);
      if (queue.isDry) return bytes;
    }
    this.markSubscription(subscription);
    return bytes;
  }
}
