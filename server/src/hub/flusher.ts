/**
 * Writes what sessions have to say: once a turn, one message and one write a session (DESIGN §6).
 *
 * A write to a socket costs far more than all else, so answers, confirms and deliveries of a turn go out
 * together. An item's text is made once; sessions with the same pending items share the joined text too.
 * A socket over its backpressure limit is not written to: its rings hold the rest until it has drained.
 */
import {
  type Confirmed,
  ERRORS,
  encodeDeliver,
  encodeGapItem,
  encodeMessageItem,
  encodeServerFrame,
  encodeSnapshotEndItem,
} from '@ringhub/protocol';
import { Batch } from '../core/batch.ts';
import type { Entry } from '../core/ready-ring.ts';
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { HubContext } from './context.ts';
import { Replayer } from './replayer.ts';

const MAX_BATCH_ITEMS = 512;
/** Payload bytes of one message to one session; the rest waits for its next turn. */
const MAX_MESSAGE_BYTES = 256 * 1024;

export class Flusher {
  private dirty: Session[] = [];
  private spare: Session[] = [];
  private isScheduled = false;
  private readonly batch = new Batch();
  private readonly parts: string[] = [];
  /** The last batch's entries and their joined text. */
  private sharedEntries: Entry[] = [];
  private sharedText = '';
  private readonly replayer: Replayer;

  constructor(private readonly hub: HubContext) {
    this.replayer = new Replayer(hub, (subscription) => this.markSubscription(subscription));
  }

  /** The session has something to write at the end of this turn. */
  markSession(session: Session): void {
    if (session.isDirty) return;
    session.isDirty = true;
    this.dirty.push(session);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.hub.clock.endOfTurn(() => this.flush());
  }

  markSubscription(subscription: Subscription): void {
    subscription.session.dirty.add(subscription);
    this.markSession(subscription.session);
  }

  /** Has a frame written with the next flush; a client that reads none of its answers is cut off. */
  write(session: Session, frame: string): void {
    if (!session.link) return;
    if (session.write(frame)) this.markSession(session);
    else session.link.end(ERRORS['output-overflow']);
  }

  /** As `write`, for a confirm: those of a turn are joined. */
  confirm(session: Session, seq: number, outcome: Omit<Confirmed, 'seq' | 'count'>): void {
    if (!session.link) return;
    if (session.confirm(seq, outcome)) this.markSession(session);
    else session.link.end(ERRORS['output-overflow']);
  }

  /** Writes for every marked session. */
  flush(): void {
    const sessions = this.dirty;
    this.dirty = this.spare;
    this.spare = sessions;
    this.isScheduled = false;
    for (const session of sessions) {
      session.isDirty = false;
      try {
        this.flushSession(session);
      } catch (error) {
        // A fault in one session's rings must not keep the others waiting.
        this.hub.fault(`flush of session ${session.id} failed`, error);
        session.link?.end(ERRORS.internal);
      }
    }
    sessions.length = 0;
    this.sharedEntries = [];
    this.sharedText = '';
    this.hub.budget.forgetTexts();
  }

  /** Writes what one session has to say now, as far as its socket takes it. */
  flushSession(session: Session): void {
    const { link } = session;
    if (!link || link.bufferedBytes > this.hub.limits.maxSocketBufferBytes) return;
    const { parts } = this;
    parts.length = 0;
    this.addAnswers(session);
    this.addDeliveries(session);
    if (parts.length === 0) return;
    link.send(parts.length === 1 ? parts[0]! : parts.join('\n'));
  }

  private addAnswers(session: Session): void {
    for (const frame of session.output) this.parts.push(frame);
    session.output.length = 0;
    session.outputBytes = 0;
    if (!session.confirms.isEmpty) {
      this.parts.push(encodeServerFrame({ type: 'confirm', runs: session.confirms.drain() }));
    }
    session.publishes.told();
  }

  private addDeliveries(session: Session): void {
    let bytes = 0;
    let left = session.dirty.size;
    for (const subscription of session.dirty) {
      // What is marked again while this runs waits for the next turn.
      if (left-- === 0) return;
      session.dirty.delete(subscription);
      if (bytes >= MAX_MESSAGE_BYTES) {
        this.markSubscription(subscription);
        return;
      }
      bytes += this.addBatches(subscription, MAX_MESSAGE_BYTES - bytes);
    }
  }

  /** Returns the bytes added; a subscription that could send more is marked for the next turn. */
  private addBatches(subscription: Subscription, maxBytes: number): number {
    const { queue } = subscription;
    const { batch } = this;
    let bytes = 0;
    while (bytes < maxBytes) {
      this.replayer.pull(subscription);
      const lastTag = queue.window.lastTag;
      queue.fill(batch, MAX_BATCH_ITEMS, maxBytes - bytes, this.hub.clock.nowMs());
      if (batch.entries.length === 0) return bytes;
      bytes += batch.bytes;
      this.hub.counters.deliveries += batch.entries.length;
      if (batch.firstTag <= lastTag) this.hub.counters.redeliveries += batch.entries.length;
      this.parts.push(encodeDeliver(queue.id, batch.firstTag, this.textOf(batch), batch.notes));
    }
    this.markSubscription(subscription);
    return bytes;
  }

  private textOf({ entries }: Batch): string {
    if (entries.length === 1) return this.itemText(entries[0]!);
    if (sameEntries(entries, this.sharedEntries)) return this.sharedText;
    let text = this.itemText(entries[0]!);
    for (let i = 1; i < entries.length; i++) text += `,${this.itemText(entries[i]!)}`;
    this.sharedEntries = entries.slice();
    this.sharedText = text;
    return text;
  }

  private itemText(entry: Entry): string {
    switch (entry.kind) {
      case 'message': {
        if (entry.itemText !== undefined) return entry.itemText;
        const text = encodeMessageItem(entry);
        this.hub.budget.keepText(entry, text);
        return text;
      }
      case 'gap':
        this.hub.counters.gaps++;
        return encodeGapItem(entry.toGap());
      case 'snapshot-end':
        return encodeSnapshotEndItem(entry.cursor, entry.complete);
      default:
        return entry satisfies never;
    }
  }
}

/** Gaps of different queues are different entries, so equal arrays have equal texts. */
function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
