/**
 * One consumer of a named queue: what it was given, what was sent to it under which tag, and what it says about it
 * (PROTOCOL §8).
 *
 *     queue ─ dispatch ─► assigned (untagged, not sent) ─ fill ─► window (sent, tagged) ─ ack, reject, nack ─► queue
 *                            └─ lost connection, less credit: back, no attempt counted
 *
 * Invariants: assigned and unsettled together are at most `prefetch`; tags are contiguous and assigned at first send;
 * a call with an unknown tag changes nothing. With ack `none` nothing is kept once sent.
 */
import type { AckMode, Note, TagRanges } from '@ringhub/protocol';
import type { Batch } from './batch.ts';
import type { Place } from './consumer-rotation.ts';
import { Fifo } from './fifo.ts';
import type { GapEntry } from './gap-entry.ts';
import type { QueueEffect } from './queue-effects.ts';
import { isExpired, type Moment, type QueueEntry } from './queue-entry.ts';
import { UnackedWindow } from './unacked-window.ts';

export interface ConsumerSettings {
  /** Unique among all queues and consumers of the hub, and never used again. */
  readonly id: number;
  /** The session's id. */
  readonly session: string;
  readonly ack: AckMode;
  /** Unsettled messages at most; 0 pauses. */
  readonly prefetch: number;
  /** When unsettled messages go back to the queue: with the connection, or with the session (default). */
  readonly onLost: 'requeue' | 'keep';
  /** Refuses other consumers beside it. */
  readonly exclusive: boolean;
}

/** Tags from the first unsettled one on, at most: a message held forever does not make the window grow forever. */
const MAX_SPAN = 65_536;
/** Assigned to a consumer that does not ack, at most; the rest waits for others. */
const MAX_ASSIGNED = 512;
const MAX_ASSIGNED_BYTES = 1024 * 1024;
/** A consumer that acknowledges has no more in hand: what is in flight is in memory, also where its queue is on disk. */
const MAX_INFLIGHT_BYTES = 16 * 1024 * 1024;

/** What a consumer needs of its queue. */
export interface Obligations {
  /** A message ended with this consumer. */
  ended(
    entry: QueueEntry,
    outcome: 'acked' | 'written' | 'rejected' | 'expired',
    moment: Moment,
    effects: QueueEffect[],
  ): void;
  /** A delivery failed; `delayMs` as the consumer asked, undefined for the queue's backoff. */
  failed(entry: QueueEntry, delayMs: number | undefined, moment: Moment, effects: QueueEffect[]): void;
  /** A message comes back that was never sent. */
  unsent(entry: QueueEntry): void;
  /** This consumer may have credit now. */
  offersCredit(consumer: Consumer): void;
  dispatch(moment: Moment, effects: QueueEffect[]): void;
}

export class Consumer {
  readonly id: number;
  readonly session: string;
  readonly window = new UnackedWindow<QueueEntry | GapEntry>();
  prefetch: number;
  closed = false;
  /** Of the queue: its place in the rotation, while it has one, and whether its `dirty` was told. */
  place: Place | undefined;
  isMarked = false;

  /** It has a connection. */
  isAttached = true;
  private readonly assigned = new Fifo<QueueEntry>();
  private assignedBytes = 0;
  private notice: GapEntry | undefined;
  /** The last gap told with ack `none`, should it not have been received. */
  private told: { readonly tag: number; readonly gap: GapEntry } | undefined;

  constructor(
    readonly settings: ConsumerSettings,
    private readonly queue: Obligations,
  ) {
    this.id = settings.id;
    this.session = settings.session;
    this.prefetch = settings.prefetch;
  }

  /** Messages given to it and not settled, sent or not. */
  get inflight(): number {
    return this.assigned.length + this.window.messages;
  }

  get hasCredit(): boolean {
    if (this.closed || !this.isAttached) return false;
    if (this.settings.ack === 'none')
      return (
        this.prefetch > 0 && this.assigned.length < MAX_ASSIGNED && this.assignedBytes < MAX_ASSIGNED_BYTES
      );
    return (
      this.assigned.length + this.window.unsettled < this.prefetch &&
      this.assigned.length + this.window.span < MAX_SPAN &&
      // One at least, however large it is.
      this.assignedBytes + this.window.bytes < MAX_INFLIGHT_BYTES
    );
  }

  /** Whether `fill` would give anything. */
  get hasSomethingToSend(): boolean {
    if (this.closed || !this.isAttached) return false;
    return this.notice !== undefined || this.assigned.length > 0 || this.window.sentTag < this.window.lastTag;
  }

  /** The queue gives it a message. */
  assign(entry: QueueEntry): void {
    this.assigned.push(entry);
    this.assignedBytes += entry.bytes;
  }

  /** Tells a gap before what is sent next. */
  tell(gap: GapEntry): void {
    if (this.notice) this.notice.absorb(gap);
    else this.notice = gap;
  }

  /** Moves what may be sent now into a batch of contiguous tags: first what a resume asks for again. */
  fill(batch: Batch, maxItems: number, maxBytes: number, moment: Moment, effects: QueueEffect[]): void {
    batch.clear();
    this.isMarked = false;
    if (this.closed || !this.isAttached) return;
    if (this.fillResends(batch, maxItems, maxBytes)) return;
    if (this.notice) this.fillNotice(batch, this.notice);
    while (batch.count < maxItems && batch.bytes < maxBytes) {
      const entry = this.takeAssigned(moment, effects);
      if (!entry) break;
      this.send(entry, batch, moment, effects);
    }
    this.creditChanged(moment, effects);
  }

  /**
   * Settles tags as acknowledged. Those that are settled already are passed over: after a resume a client cannot know.
   *
   * @returns a tag that was never sent or is named twice; then nothing has changed
   */
  ack(upTo: number, ranges: TagRanges, moment: Moment, effects: QueueEffect[]): number | undefined {
    if (this.settings.ack === 'none') return undefined;
    const unknown = upTo > this.window.sentTag ? upTo : this.unknownTag(ranges, upTo);
    if (unknown !== undefined) return unknown;
    this.settleAcked(upTo, ranges, moment, effects);
    this.creditChanged(moment, effects);
    return undefined;
  }

  /** Ends messages unprocessed: dead letters. Returns an unknown tag as {@link ack} does. */
  reject(ranges: TagRanges, moment: Moment, effects: QueueEffect[]): number | undefined {
    if (this.settings.ack === 'none') return undefined;
    const unknown = this.unknownTag(ranges, 0);
    if (unknown !== undefined) return unknown;
    for (const tag of tagsOf(ranges, this.window.firstTag)) this.settle(tag, 'rejected', moment, effects);
    this.creditChanged(moment, effects);
    return undefined;
  }

  /**
   * Gives messages back to the queue, for any consumer to try again. Returns an unknown tag as {@link ack} does.
   *
   * @param delayMs not before so long from now; undefined for the queue's backoff
   */
  nack(
    ranges: TagRanges,
    delayMs: number | undefined,
    moment: Moment,
    effects: QueueEffect[],
  ): number | undefined {
    if (this.settings.ack === 'none') return undefined;
    const unknown = this.unknownTag(ranges, 0);
    if (unknown !== undefined) return unknown;
    for (const tag of tagsOf(ranges, this.window.firstTag)) {
      const entry = this.window.take(tag);
      if (entry?.kind === 'message') this.queue.failed(entry, delayMs, moment, effects);
    }
    this.creditChanged(moment, effects);
    return undefined;
  }

  /** Sets how many unsettled messages it may have; what was given and not sent beyond that goes back. */
  setPrefetch(prefetch: number, moment: Moment, effects: QueueEffect[]): void {
    this.prefetch = prefetch;
    const isOver = (): boolean =>
      this.settings.ack === 'none'
        ? prefetch === 0
        : this.assigned.length + this.window.unsettled > this.prefetch;
    while (this.assigned.length > 0 && isOver()) this.returnLastAssigned();
    this.creditChanged(moment, effects);
  }

  /** The connection is gone; the session may come back. */
  lost(moment: Moment, effects: QueueEffect[]): void {
    this.isAttached = false;
    this.isMarked = false;
    while (this.assigned.length > 0) this.returnLastAssigned();
    if (this.beginsAnew) this.returnSent(moment, effects);
    this.queue.dispatch(moment, effects);
  }

  /** Whether it is another consumer after a lost connection: what it was sent is anybody's by then. */
  get beginsAnew(): boolean {
    return this.settings.onLost === 'requeue' && this.settings.ack !== 'none';
  }

  /** Whether a resume claims no more than was sent. */
  mayResume(lastTag: number, ackedUpTo: number, ackedRanges: TagRanges): boolean {
    const highestAcked = Math.max(ackedUpTo, ackedRanges[ackedRanges.length - 1]?.[1] ?? 0);
    return lastTag <= this.window.lastTag && highestAcked <= lastTag;
  }

  /**
   * The client came back: applies its acks, and has what was sent after `lastTag` sent again with its tags. With ack `none`
   * that is lost, and tags go on after `lastTag`. Not for one that {@link beginsAnew}.
   *
   * @returns with ack `none`, how many messages were written and not received: the caller may {@link tell} it; else 0
   */
  resume(
    lastTag: number,
    ackedUpTo: number,
    ackedRanges: TagRanges,
    moment: Moment,
    effects: QueueEffect[],
  ): number {
    if (this.isAttached) this.lost(moment, effects);
    this.isAttached = true;
    this.settleAcked(ackedUpTo, ackedRanges, moment, effects);
    const notReceived = this.settings.ack === 'none' ? this.notReceived(lastTag) : 0;
    if (this.settings.ack === 'none') this.window.restartAfter(lastTag);
    else this.window.rewind(lastTag);
    this.creditChanged(moment, effects);
    if (this.hasSomethingToSend && !this.isMarked) {
      this.isMarked = true;
      effects.push({ kind: 'dirty', consumer: this });
    }
    return notReceived;
  }

  /** Gives everything back: the consumer is over. What was sent counts as an attempt. */
  close(moment: Moment, effects: QueueEffect[]): void {
    this.closed = true;
    while (this.assigned.length > 0) this.returnLastAssigned();
    this.returnSent(moment, effects);
  }

  /** Takes out everything it holds, for a queue that ends. */
  takeAll(): QueueEntry[] {
    this.closed = true;
    const entries: QueueEntry[] = [];
    for (let tag = this.window.firstTag; tag <= this.window.lastTag; tag++) {
      const entry = this.window.take(tag);
      if (entry?.kind === 'message') entries.push(entry);
    }
    for (let entry = this.assigned.shift(); entry; entry = this.assigned.shift()) entries.push(entry);
    this.assignedBytes = 0;
    return entries;
  }

  // ── sending ──

  private fillResends(batch: Batch, maxItems: number, maxBytes: number): boolean {
    for (let tag = this.window.nextResend(); tag > 0; tag = this.window.nextResend()) {
      const entry = this.window.get(tag)!;
      const joins = batch.count === 0 || tag === batch.firstTag + batch.count;
      if (!joins || batch.count >= maxItems || batch.bytes >= maxBytes) break;
      if (entry.kind === 'message') batch.add(tag, entry.record, noteOf(entry));
      else batch.add(tag, entry, undefined);
      this.window.markSent(tag);
    }
    return batch.count > 0;
  }

  private fillNotice(batch: Batch, gap: GapEntry): void {
    this.notice = undefined;
    const keeps = this.settings.ack !== 'none';
    const tag = keeps ? this.window.add(gap) : this.window.skip();
    if (!keeps) this.told = { tag, gap };
    batch.add(tag, gap, undefined);
  }

  /** The next message to send; what has expired while it waited for the socket is not sent any more. */
  private takeAssigned(moment: Moment, effects: QueueEffect[]): QueueEntry | undefined {
    for (let entry = this.assigned.shift(); entry; entry = this.assigned.shift()) {
      this.assignedBytes -= entry.bytes;
      if (!isExpired(entry, moment.wallMs)) return entry;
      this.queue.ended(entry, 'expired', moment, effects);
    }
    return undefined;
  }

  private send(entry: QueueEntry, batch: Batch, moment: Moment, effects: QueueEffect[]): void {
    entry.waitedMs += moment.wallMs - entry.waitsSinceMs;
    if (this.settings.ack !== 'none') {
      batch.add(this.window.add(entry), entry.record, noteOf(entry));
      return;
    }
    batch.add(this.window.skip(), entry.record, noteOf(entry));
    this.queue.ended(entry, 'written', moment, effects);
  }

  // ── settling ──

  private settle(tag: number, outcome: 'acked' | 'rejected', moment: Moment, effects: QueueEffect[]): void {
    const entry = this.window.take(tag);
    if (entry?.kind === 'message') this.queue.ended(entry, outcome, moment, effects);
  }

  private settleAcked(upTo: number, ranges: TagRanges, moment: Moment, effects: QueueEffect[]): void {
    const { firstTag } = this.window;
    for (let tag = firstTag; tag <= upTo; tag++) this.settle(tag, 'acked', moment, effects);
    for (const tag of tagsOf(ranges, firstTag)) this.settle(tag, 'acked', moment, effects);
  }

  /** The first tag that was not sent, or does not lie above `above`. */
  private unknownTag(ranges: TagRanges, above: number): number | undefined {
    const { sentTag } = this.window;
    for (const [from, to] of ranges) {
      if (from <= above) return from;
      if (to > sentTag) return Math.max(from, sentTag + 1);
    }
    return undefined;
  }

  private creditChanged(moment: Moment, effects: QueueEffect[]): void {
    this.queue.offersCredit(this);
    this.queue.dispatch(moment, effects);
  }

  // ── giving back ──

  private returnLastAssigned(): void {
    const entry = this.assigned.pop();
    if (!entry) return;
    this.assignedBytes -= entry.bytes;
    this.queue.unsent(entry);
  }

  private returnSent(moment: Moment, effects: QueueEffect[]): void {
    const { lastTag } = this.window;
    for (let tag = this.window.firstTag; tag <= lastTag; tag++) {
      const entry = this.window.take(tag);
      if (entry?.kind === 'message') this.queue.failed(entry, 0, moment, effects);
    }
  }

  private notReceived(lastTag: number): number {
    const items = this.window.lastTag - lastTag;
    if (!this.told || this.told.tag <= lastTag) return items;
    return items - 1 + (this.told.gap.count ?? 0);
  }
}

/** What its receiver is told beside the message. */
const noteOf = ({ redelivered, attempts }: QueueEntry): Note | undefined =>
  redelivered ? { redelivered: Math.max(1, attempts) } : undefined;

function* tagsOf(ranges: TagRanges, from: number): Generator<number> {
  for (const [first, last] of ranges) for (let tag = Math.max(first, from); tag <= last; tag++) yield tag;
}
