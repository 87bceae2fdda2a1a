/**
 * A named queue: messages that wait for competing consumers, durable or not.
 *
 *     push ─► ready (in order of seq; head loaded, the rest in the store) ─ dispatch ─► consumers ─ ack ─► settled
 *               ▲   │ bounds, TTL at the head, purge, delete ─► dropped, expired, dead letters │
 *               └───┴──────────── delayed (until due) ◄── nack with delay, retry backoff ◄─────┘
 *
 * Invariants: first in, first out until a redelivery, which goes back to its place; round robin over consumers with
 * credit, one message each; ready, delayed and in-flight messages together keep to the bounds (but while the oldest
 * ones of a full `drop-head` queue are on their way from the store), with admitted ones where nothing gives way; every message ends exactly once. Pure:
 * time and chance are arguments, results are values or effects appended to the caller's list.
 */
import type { QueueSettings } from '@ringhub/protocol';
import { Consumer, type ConsumerSettings, type Obligations } from './consumer.ts';
import { ConsumerRotation } from './consumer-rotation.ts';
import { DelayedEntries } from './delayed-entries.ts';
import { DeliveryMark } from './delivery-mark.ts';
import { HEAD_BOUNDS, HeadLoading, type LoadedEntry } from './head-loading.ts';
import { type Ledger, residualOf } from './ledger.ts';
import { QueueAccount, type QueueSums } from './queue-account.ts';
import type { QueueEffect } from './queue-effects.ts';
import { entryOf, isExpired, type Moment, type QueueEntry } from './queue-entry.ts';
import { QueueRoom } from './queue-room.ts';
import { MAX_SETTING_MS } from './queue-settings.ts';
import { ReadyEntries } from './ready-entries.ts';
import { retryDelayMs, spreadRandom } from './retry-delay.ts';

/** Whether a publish may be taken: `too-large` ones never fit, `full` is for now. */
export type Admission = 'admitted' | 'full' | 'too-large';

/** What the store holds of a durable queue after a restart. */
export interface RestoredQueue {
  readonly messages: number;
  readonly bytes: number;
  /** Every stored message has a higher number. */
  readonly after: number;
  /** The highest number ever given. */
  readonly lastSeq: number;
  /** Messages up to here may have been delivered before. */
  readonly redeliveredUpTo: number;
  /** False where `bytes` may be too many, as messages were damaged. */
  readonly isWeighed: boolean;
  /** The stored books; without them counting begins anew. */
  readonly sums?: QueueSums | undefined;
}

export class NamedQueue implements Obligations {
  readonly account: QueueAccount;
  readonly ready = new ReadyEntries();
  readonly delayed = new DelayedEntries();
  readonly consumers = new Map<number, Consumer>();
  closed = false;
  /** The highest number pushed. */
  lastSeq = 0;
  inflightMessages = 0;
  inflightBytes = 0;

  private readonly room: QueueRoom;
  private readonly rotation = new ConsumerRotation();
  private readonly loading: HeadLoading;
  private restMayExpire = false;
  private readonly mark: DeliveryMark;
  /** Monotonic time since which the queue has no consumer and was not declared. */
  private unusedSinceMs: number;

  constructor(
    readonly name: string,
    readonly settings: QueueSettings,
    moment: Moment,
    headBounds = HEAD_BOUNDS,
  ) {
    this.loading = new HeadLoading(this.ready, headBounds);
    this.account = new QueueAccount(settings.deadLetterExchange !== undefined, moment.nowMs);
    this.room = new QueueRoom(settings);
    this.mark = new DeliveryMark(settings.durable);
    this.unusedSinceMs = moment.nowMs;
  }

  get ledger(): Ledger {
    return this.account.ledger;
  }

  /** Messages waiting, delayed ones and those in the store included. */
  get waitingMessages(): number {
    return this.ready.messages + this.delayed.messages;
  }

  /** All messages of the queue. */
  get messages(): number {
    return this.waitingMessages + this.inflightMessages;
  }

  get bytes(): number {
    return this.ready.bytes + this.delayed.bytes + this.inflightBytes;
  }

  /** Bytes of messages that it holds in memory. */
  get heldBytes(): number {
    return this.bytes - this.ready.restBytes;
  }

  /** What the ledger's law leaves over; anything but 0 is a bug, or after a restart a damaged store. */
  get residual(): number {
    return residualOf(this.ledger, this.waitingMessages, this.inflightMessages);
  }

  // ── publishing ──

  /**
   * Whether a message of so many bytes may be published to it now. If so, room is kept for it until {@link push} or
   * {@link release}; if not, it is in the books once {@link refuse} was called: it may be one that was published before.
   */
  admit(bytes: number): Admission {
    if (this.room.admit(bytes, this, this.ready)) return 'admitted';
    return bytes > this.settings.maxBytes ? 'too-large' : 'full';
  }

  /** A message that was for this queue is not taken, for whatever reason: it is in the books all the same. */
  refuse(): void {
    this.ledger.begin();
    this.ledger.settle('refused');
  }

  /** An admitted message does not come: the room is free again. */
  release(bytes: number): void {
    this.room.release(bytes);
  }

  /** Takes an admitted message, of a durable queue one that is stored; numbers ascend. */
  push(entry: QueueEntry, moment: Moment, effects: QueueEffect[]): void {
    if (this.room.admittedMessages === 0) throw new Error('named queue: pushed without admission');
    if (entry.seq <= this.lastSeq) throw new Error('named queue: pushed out of order');
    this.room.release(entry.bytes);
    this.lastSeq = entry.seq;
    this.ledger.begin();
    if (this.closed) {
      this.account.settle(entry, 'deleted', moment, effects);
      return;
    }
    if (!this.settings.durable || this.loading.keepsPushed(this.rotation.hasTurns)) {
      this.ready.push(entry);
    } else {
      this.ready.pushToRest(entry.bytes);
      this.restMayExpire ||= entry.expiresAtMs !== Number.POSITIVE_INFINITY;
    }
    this.keepToBounds(moment, effects);
    this.dispatch(moment, effects);
  }

  // ── the store ──

  /** Takes over what the store holds; before any other call. */
  restore(restored: RestoredQueue): void {
    this.ready.restore(restored.messages, restored.bytes, restored.after, restored.isWeighed);
    this.lastSeq = restored.lastSeq;
    this.mark.restore(restored.redeliveredUpTo, restored.lastSeq);
    this.restMayExpire = true;
    if (restored.sums) this.account.add(restored.sums);
    else for (let i = 0; i < restored.messages; i++) this.ledger.begin();
  }

  /**
   * What a `load` found, in order.
   *
   * @param isEnd nothing more is stored up to the `upTo` of that effect; so is it where nothing was found
   */
  loaded(entries: readonly LoadedEntry[], isEnd: boolean, moment: Moment, effects: QueueEffect[]): void {
    const missing = this.loading.answered(entries, isEnd, (found) => this.takeLoaded(found, moment, effects));
    this.account.dropMissing(missing, effects);
    if (this.closed) return;
    this.keepToBounds(moment, effects);
    this.dispatch(moment, effects);
  }

  private takeLoaded(found: LoadedEntry, moment: Moment, effects: QueueEffect[]): void {
    if (found.record === undefined) {
      this.ready.takeFromRest(found.seq, undefined);
      this.ready.setApart(found.seq);
      this.account.dropCorrupt(found.seq, effects);
      return;
    }
    const entry = entryOf(found);
    entry.redelivered ||= this.mark.isBehind(entry.seq);
    this.ready.takeFromRest(entry.seq, entry.bytes);
    if (entry.dueWallMs > moment.wallMs) {
      this.ready.setApart(entry.seq);
      this.delay(entry, moment);
    } else this.ready.load(entry);
  }

  /** Nobody is there to take it soon. */
  private unload(): void {
    if (!this.settings.durable || [...this.consumers.values()].some(({ isAttached }) => isAttached)) return;
    this.restMayExpire = this.loading.unload() || this.restMayExpire;
  }

  // ── consuming ──

  /** A new consumer, or `in-use` where it or another one wants to be alone. */
  addConsumer(settings: ConsumerSettings, moment: Moment, effects: QueueEffect[]): Consumer | 'in-use' {
    const isAlone = (consumer: Consumer): boolean => consumer.settings.exclusive;
    if (this.consumers.size > 0 && (settings.exclusive || [...this.consumers.values()].some(isAlone)))
      return 'in-use';
    return this.join(settings, moment, effects);
  }

  /** Another consumer in the place of one that begins anew; the queue is not unused in between. */
  renewConsumer(consumer: Consumer, id: number, moment: Moment, effects: QueueEffect[]): Consumer {
    this.consumers.delete(consumer.id);
    this.rotation.leave(consumer);
    consumer.close(moment, effects);
    return this.join({ ...consumer.settings, id, prefetch: consumer.prefetch }, moment, effects);
  }

  private join(settings: ConsumerSettings, moment: Moment, effects: QueueEffect[]): Consumer {
    const consumer = new Consumer(settings, this);
    this.consumers.set(consumer.id, consumer);
    this.rotation.join(consumer);
    this.dispatch(moment, effects);
    return consumer;
  }

  /** A consumer is cancelled or its session has ended: what it holds goes back. */
  removeConsumer(consumer: Consumer, moment: Moment, effects: QueueEffect[]): void {
    if (!this.consumers.delete(consumer.id)) return;
    this.rotation.leave(consumer);
    consumer.close(moment, effects);
    this.unusedSinceMs = moment.nowMs;
    if (this.settings.autoDelete && this.consumers.size === 0) effects.push({ kind: 'unused' });
    this.dispatch(moment, effects);
  }

  /** Gives messages to consumers with credit, in turn. Every call that makes this possible does it itself. */
  dispatch(moment: Moment, effects: QueueEffect[]): void {
    if (this.closed) return;
    this.expireHead(moment, effects);
    // Asked only where there is a message: whoever has no credit loses its turn, and with nothing to take there is none to lose.
    for (let entry = this.ready.peek(); entry && this.rotation.hasCredit; entry = this.ready.peek()) {
      if (!this.mark.allows(entry.seq)) break;
      this.ready.shift();
      this.assign(entry, effects);
      this.expireHead(moment, effects);
    }
    this.askForMark(effects);
    const { restMessages } = this.ready;
    if (restMessages === 0) this.restMayExpire = false;
    const isWanted = restMessages > 0 && this.rotation.hasTurns;
    const isNeeded = this.restMayExpire || this.room.isExceeded(this);
    this.loading.ask(isWanted, isNeeded, this.lastSeq, effects);
  }

  private askForMark(effects: QueueEffect[]): void {
    const next = this.ready.peek()?.seq ?? this.ready.after + 1;
    // There may be no message yet: nobody is to lose a turn by the question.
    if (!this.mark.isDue(next) || !this.rotation.hasTurns) return;
    effects.push({ kind: 'mark', upTo: this.mark.ahead(next) });
  }

  /** The store knows that messages up to here may have been delivered. */
  marked(upTo: number, moment: Moment, effects: QueueEffect[]): void {
    this.mark.stored(upTo);
    this.dispatch(moment, effects);
  }

  /** What is to be stored as delivered. */
  get deliveredMark(): number {
    return this.mark.value;
  }

  /** Nothing is delivered any more: {@link deliveredMark} is what was. */
  stopDelivering(): void {
    this.mark.stop();
  }

  private assign(entry: QueueEntry, effects: QueueEffect[]): void {
    const consumer = this.rotation.turn();
    this.inflightMessages++;
    this.inflightBytes += entry.bytes;
    this.mark.assigned(entry.seq);
    consumer.assign(entry);
    if (consumer.isMarked) return;
    consumer.isMarked = true;
    effects.push({ kind: 'dirty', consumer });
  }

  // ── what consumers say (Obligations) ──

  offersCredit(consumer: Consumer): void {
    this.rotation.join(consumer);
  }

  ended(
    entry: QueueEntry,
    outcome: 'acked' | 'written' | 'rejected' | 'expired',
    moment: Moment,
    effects: QueueEffect[],
  ): void {
    this.landed(entry);
    if (outcome === 'acked' || outcome === 'written') this.account.settle(entry, outcome, moment, effects);
    else this.account.bury(entry, outcome, moment, effects);
  }

  failed(entry: QueueEntry, delayMs: number | undefined, moment: Moment, effects: QueueEffect[]): void {
    this.landed(entry);
    entry.attempts++;
    entry.redelivered = true;
    entry.waitsSinceMs = moment.wallMs;
    const { deliveryLimit, retry } = this.settings;
    if (deliveryLimit !== null && entry.attempts > deliveryLimit) {
      this.account.bury(entry, 'delivery_limit', moment, effects);
      return;
    }
    const backoffMs = retry ? retryDelayMs(retry, entry.attempts, spreadRandom(moment.random, entry.seq)) : 0;
    const waitMs = Math.min(delayMs ?? backoffMs, MAX_SETTING_MS);
    entry.dueWallMs = waitMs > 0 ? moment.wallMs + waitMs : 0;
    if (waitMs > 0) this.delay(entry, moment);
    else this.ready.giveBack(entry);
    effects.push({ kind: 'requeued', entry, delayMs: waitMs });
  }

  unsent(entry: QueueEntry): void {
    this.landed(entry);
    this.ready.giveBack(entry);
  }

  private landed(entry: QueueEntry): void {
    this.inflightMessages--;
    this.inflightBytes -= entry.bytes;
  }

  // ── time ──

  /** Monotonic time at which a delayed message is due; Infinity for none. */
  get nextDueMs(): number {
    return this.delayed.nextDueMs;
  }

  /** Has time pass: messages become due, those at the head expire, what nobody takes is unloaded, an unused queue ends. */
  sweep(moment: Moment, effects: QueueEffect[]): void {
    if (this.closed) return;
    this.releaseDue(moment);
    const { expiresMs } = this.settings;
    const isUnused =
      this.consumers.size === 0 && moment.nowMs - this.unusedSinceMs >= (expiresMs ?? Infinity);
    if (isUnused) effects.push({ kind: 'unused' });
    this.unload();
    this.dispatch(moment, effects);
  }

  /** It was declared again, or inspected: an unused queue lives on. */
  touch(moment: Moment): void {
    this.unusedSinceMs = moment.nowMs;
  }

  private delay(entry: QueueEntry, moment: Moment): void {
    this.delayed.add(entry, moment.nowMs + entry.dueWallMs - moment.wallMs);
    this.releaseDue(moment);
  }

  private releaseDue({ nowMs }: Moment): void {
    for (let entry = this.delayed.takeDue(nowMs); entry; entry = this.delayed.takeDue(nowMs)) {
      entry.dueWallMs = 0;
      this.ready.giveBack(entry);
    }
  }

  private expireHead(moment: Moment, effects: QueueEffect[]): void {
    for (let head = this.ready.peek(); head && isExpired(head, moment.wallMs); head = this.ready.peek()) {
      this.ready.shift();
      this.account.bury(head, 'expired', moment, effects);
    }
  }

  // ── bounds and ends ──

  /** Buries the oldest ready messages until the rest keeps to the bounds; only those of a `drop-head` queue can be over. */
  private keepToBounds(moment: Moment, effects: QueueEffect[]): void {
    if (this.settings.overflow !== 'drop-head') return;
    while (this.room.isExceeded(this)) {
      const oldest = this.ready.shift();
      if (!oldest) return;
      this.account.bury(oldest, 'maxlen', moment, effects);
    }
  }

  /** Drops all that waits; returns how many that were. */
  purge(moment: Moment, effects: QueueEffect[]): number {
    const purged = this.waitingMessages;
    this.dropWaiting('purged', moment, effects);
    return purged;
  }

  /** Ends the queue: all messages are dropped, in-flight ones included, and none is a dead letter. Returns how many. */
  close(moment: Moment, effects: QueueEffect[]): number {
    const deleted = this.messages;
    this.closed = true;
    for (const consumer of this.consumers.values()) {
      for (const entry of consumer.takeAll()) {
        this.landed(entry);
        this.account.settle(entry, 'deleted', moment, effects);
      }
    }
    this.consumers.clear();
    this.rotation.clear();
    this.dropWaiting('deleted', moment, effects);
    return deleted;
  }

  private dropWaiting(outcome: 'purged' | 'deleted', moment: Moment, effects: QueueEffect[]): void {
    for (let entry = this.ready.shift(); entry; entry = this.ready.shift())
      this.account.settle(entry, outcome, moment, effects);
    for (let entry = this.delayed.take(); entry; entry = this.delayed.take())
      this.account.settle(entry, outcome, moment, effects);
    const { restMessages, after } = this.ready;
    this.account.dropRange(after, this.lastSeq, restMessages, outcome, effects);
    this.ready.forget(restMessages, this.lastSeq);
    this.loading.dropRest();
  }
}
