/**
 * The wire side of one subscription, without a wire: takes the hub's frames, gives what the application is to
 * see, and knows what to acknowledge, what to resume from, and what was processed. Pure: no socket, no timer.
 *
 * A *life* is one queue at the hub. A lost session begins a new one: tags start at 1 again, what waited here is
 * dropped because the hub delivers it again from the cursor, what the application holds is recognised when it
 * comes again, and what was processed beyond the cursor is acknowledged and skipped.
 *
 * A nacked tag is awaited until the hub sends it again. The hub may have sent it to a connection that died, so
 * after a resume the nack is sent again.
 */
import type {
  Deliver,
  GapItem,
  Granted,
  Item,
  Position,
  ResumeQueue,
  Subscribed,
  SubscribeOptions,
  Welcome,
} from '@ringhub/protocol';
import { AckBatcher } from './ack-batcher.ts';
import { CursorTracker, idOf } from './cursor-tracker.ts';
import type { Delivery, Outcome } from './delivery.ts';
import { DeliveryQueue, notReceived } from './delivery-queue.ts';
import type { ClientLine } from './line.ts';

type Epochs = Welcome['epochs'];
type OwnDelivery = { -readonly [K in keyof Delivery]: Delivery[K] };

export class Feed {
  declare queue: number;
  declare granted: Granted;
  /** As subscribed; a later prefetch is written here, so that a resume asks for it. */
  declare options: SubscribeOptions;

  /** Messages dropped here because the application was slower than an unacknowledged feed. */
  get dropped(): number {
    return this.#waiting.dropped;
  }

  #life = 0;
  #lastTag!: number;
  #acks!: AckBatcher;
  readonly #cursor: CursorTracker;
  readonly #waiting = new DeliveryQueue();
  /** Messages the application holds, by position. */
  readonly #held = new Map<string, OwnDelivery>();
  /** Nacked, and not delivered again yet. */
  readonly #awaited = new Set<number>();
  #rejects!: number[];
  #nacks!: number[];

  constructor(options: SubscribeOptions, first: Subscribed) {
    this.options = options;
    const { since, overflow } = options;
    // A given cursor holds until what follows it was processed: the hub's may be beyond a gap still to come.
    const cursor = (since as { cursor?: string } | undefined)?.cursor ?? first.cursor;
    this.#cursor = new CursorTracker((overflow ?? first.granted.overflow) !== 'conflate', cursor);
    this.granted = first.granted;
    this.restart(first);
  }

  get cursor(): string | null {
    return this.#cursor.cursor;
  }

  /** From here on a log is read, too, that maybe only this binding is of. */
  bound(cursor: string | undefined): void {
    this.#cursor.begin([this.cursor, cursor].filter(Boolean).join());
  }

  get #keepsAccount(): boolean {
    return this.granted.ack !== 'none';
  }

  /** Begins with a queue; another one where a session was lost. */
  restart({ queue, granted, cursor }: Subscribed): void {
    this.#cursor.restart(cursor);
    this.#waiting.clear();
    this.#life++;
    this.queue = queue;
    this.granted = granted;
    this.#lastTag = 0;
    this.#acks = new AckBatcher();
    this.prefetch = granted.prefetch;
    this.#awaited.clear();
    this.#rejects = [];
    this.#nacks = [];
  }

  /** The hub grants less than the ring holds, as it did at first; acks are timed by what it grants. */
  set prefetch(wanted: number) {
    const prefetch = Math.min(wanted, this.granted.capacity - 1);
    this.#acks.prefetch = prefetch;
    this.granted = { ...this.granted, prefetch };
  }

  receive(frame: Deliver, epochs: Epochs): void {
    const notes = new Map(frame.notes);
    frame.items.forEach((item, index) => {
      const tag = frame.firstTag + index;
      const position =
        item.kind === 'message'
          ? { log: item.log, epoch: epochs[item.log]!, offset: item.offset }
          : undefined;
      const delivery = {
        item,
        note: notes.get(index),
        position,
        tag,
        lastTag: tag,
        life: this.#life,
        settled: false,
      };
      if (tag > this.#lastTag) this.#take(delivery, epochs);
      // Sent again without being awaited: it is here already.
      else if (this.#awaited.delete(tag)) this.#waiting.push(delivery, this.granted);
    });
  }

  #take(delivery: Delivery, epochs: Epochs): void {
    const { item, position, tag } = delivery;
    this.#lastTag = tag;
    if (item.kind === 'gap') this.#cursor.gap(tag, endsOf(item, epochs));
    else if (item.kind === 'snapshot-end') {
      const ranges = this.#cursor.snapshotEnd(tag, item.cursor);
      // Of no life, as the hub does not know of it. Its tag is the one before: it may become one with a gap that ends there.
      if (ranges[0])
        this.#hold({
          ...delivery,
          item: { kind: 'gap', gap: notReceived(null, ranges) },
          tag: tag - 1,
          lastTag: tag - 1,
          life: 0,
        });
    } else this.#cursor.message(tag, position!);

    if (position && this.#life > 1 && this.#isKnown(delivery)) return;
    this.#hold(delivery);
  }

  #hold(delivery: Delivery): void {
    // With acks the hub never sends so much: its prefetch is smaller than the ring.
    for (const covered of this.#waiting.push(delivery, this.granted)) this.#cursor.forget(covered);
  }

  /** Whether an earlier life brought this message: then it is processed already, or the application holds it. */
  #isKnown(delivery: Delivery): boolean {
    const position = delivery.position!;
    const held = this.#held.get(idOf(position));
    if (held) {
      held.tag = held.lastTag = delivery.tag;
      held.life = this.#life;
      return true;
    }
    if (!this.#cursor.has(position, this.#keyOf(delivery.item))) return false;
    this.#settleAs(delivery, 'ack');
    return true;
  }

  mark(cursor: string): void {
    this.#cursor.mark(cursor);
  }

  /** The next item for the application. */
  next(): Delivery | undefined {
    const delivery = this.#waiting.shift();
    if (delivery?.position) this.#held.set(idOf(delivery.position), delivery);
    return delivery;
  }

  /** Ends a delivery; a second time changes nothing. Returns whether acks are due now. */
  settle(delivery: Delivery, outcome: Outcome): boolean {
    const { settled, life, position, item } = delivery;
    if (settled) return false;
    (delivery as OwnDelivery).settled = true;
    if (position) this.#held.delete(idOf(position));
    if (life === this.#life) return this.#settleAs(delivery, outcome);
    // Without acks nothing comes again, whatever its handler made of it.
    if (position && !(outcome === 'nack' && this.#keepsAccount))
      this.#cursor.add(position, this.#keyOf(item));
    return false;
  }

  #settleAs({ tag, lastTag, item }: Delivery, outcome: Outcome): boolean {
    if (outcome === 'nack' && this.#keepsAccount) {
      this.#awaited.add(tag);
      this.#nacks.push(tag);
      return true;
    }
    for (let done = tag; done <= lastTag; done++) this.#cursor.settle(done, this.#keyOf(item));
    if (!this.#keepsAccount) return false;
    if (outcome === 'reject') {
      this.#rejects.push(tag);
      return true;
    }
    this.#acks.settle(tag);
    return this.#acks.isDue;
  }

  /** The lines that tell the hub what was settled since the last time. */
  flush(): ClientLine[] {
    const lines: ClientLine[] = [];
    const { queue } = this;
    for (const tag of this.#rejects.splice(0)) {
      lines.push(['reject', queue, [[tag, tag]]]);
      this.#acks.skip(tag);
    }
    for (const tag of this.#nacks.splice(0)) lines.push(['nack', queue, [[tag, tag]]]);
    const ack = this.#acks.take();
    if (ack) lines.push(['ack', queue, ack.ackedUpTo, ...(ack.ackedRanges[0] ? [ack.ackedRanges] : [])]);
    return lines;
  }

  /** What a hello says about this queue. Rejects not sent yet are left out, to be sent after the welcome. */
  hello(): ResumeQueue {
    return {
      queue: this.queue,
      lastTag: this.#lastTag,
      ...this.#acks.resume(),
      cursor: this.cursor,
      options: this.options,
    };
  }

  /** The session goes on: what is still awaited may have been lost on the way. */
  resume(): void {
    this.#nacks = [...this.#awaited];
  }

  /** The conflation key, by which processed messages are recognised where offsets are in no order. */
  #keyOf(item: Item): string | undefined {
    if (this.#cursor.ordered || item.kind !== 'message') return undefined;
    const header = this.options.conflationHeader;
    const value = header === undefined ? undefined : item.headers?.[header];
    return JSON.stringify([item.exchange, value === undefined ? item.key : [value]]);
  }
}

/** Where a processed gap moves the cursor: to the end of each range; to the next epoch's beginning where one is over. */
const endsOf = ({ gap }: GapItem, epochs: Epochs): Position[] =>
  gap.ranges.flatMap(({ log, epoch, to }) => {
    const now = epochs[log] ?? epoch;
    const offset = epoch === now ? to : 0;
    return offset === null ? [] : [{ log, epoch: now, offset }];
  });
