/**
 * The wire side of one consumer of a named queue, without a wire: the counterpart of `feed.ts` (PROTOCOL §20). Pure: no
 * socket, no timer.
 *
 * It needs no cursor: what is not settled waits in the named queue. What was nacked or rejected comes again under
 * another tag, to any consumer. As such a frame may have been lost with its connection, the last ones are kept out of
 * what a resume calls acknowledged, and sent again: the hub passes over those it has. At most `prefetch` can be lost, as
 * the hub has no more than that unsettled.
 *
 * A *life* is one consumer at the hub. When another begins, what waits here is dropped, because the hub delivers it
 * again; what the application holds is recognised when it comes again, and what it acknowledged is acknowledged again.
 * Of a message whose log has begun anew nothing can tell that: it has offset 0, like others, and is given once more.
 */
import type { ConsumeOptions, Consuming, Deliver, ResumeQueue, TagRanges, Welcome } from '@ringhub/protocol';
import { AckBatcher } from './ack-batcher.ts';
import { idOf } from './cursor-tracker.ts';
import type { Delivery, Outcome } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { Feed } from './feed.ts';
import type { ClientLine } from './line.ts';
import type { SessionFeed } from './session.ts';
import { TagSet } from './tag-set.ts';

type OwnDelivery = { -readonly [K in keyof Delivery]: Delivery[K] };

/** A message that goes back to its queue, or out of it. */
interface Return {
  readonly type: 'nack' | 'reject';
  readonly tag: number;
  readonly delayMs: number | undefined;
}

/** Of messages acknowledged whose ack may be lost, at most; an older one may be seen again. */
const MAX_KNOWN = 20_000;
/** In a resume. */
const MAX_RANGES = 1024;
/** Of what waits for the application with ack `none`, where no prefetch bounds it. */
const BOUNDS = { capacity: 10_000, capacityBytes: 16 * 1024 * 1024 };

/** What a subscription needs of its feed, besides what the session does. */
type SubscriptionFeed = Pick<Feed, 'cursor' | 'dropped' | 'next' | 'settle' | 'prefetch'>;

export class QueueFeed implements SessionFeed, SubscriptionFeed {
  queue = 0;
  granted: Consuming['granted'];
  /** The messages of a named queue wait there, whatever was processed. */
  readonly cursor = null;
  #life = 0;
  #lastTag = 0;
  #acks = new AckBatcher();
  /** The largest prefetch of this life: so many frames may be lost. */
  #maxPrefetch = 0;
  readonly #waiting = new DeliveryQueue();
  /** Messages the application holds, by position. */
  readonly #held = new Map<string, OwnDelivery>();
  /** Positions acknowledged lately. */
  #known = new Set<string>();
  readonly #delays = new WeakMap<Delivery, number>();
  #unsent: Return[] = [];
  /** Sent, and maybe not received. */
  #sent: Return[] = [];

  constructor(
    public options: ConsumeOptions,
    first: Consuming,
  ) {
    this.granted = first.granted;
    this.restart(first);
  }

  /** Messages dropped here because the application was slower than an unacknowledged consumer's queue. */
  get dropped(): number {
    return this.#waiting.dropped;
  }

  /** Goes on as a new consumer. */
  restart({ queue, granted }: Consuming): void {
    this.#life++;
    this.queue = queue;
    this.granted = granted;
    this.#lastTag = 0;
    this.#acks = new AckBatcher();
    this.#maxPrefetch = 0;
    this.prefetch = granted.prefetch;
    this.#waiting.clear();
    this.#unsent = [];
    this.#sent = [];
  }

  set prefetch(prefetch: number) {
    this.granted = { ...this.granted, prefetch };
    this.#maxPrefetch = Math.max(this.#maxPrefetch, prefetch);
    this.#acks.prefetch = prefetch;
  }

  receive({ items, firstTag, notes }: Deliver, epochs: Welcome['epochs']): void {
    const noted = new Map(notes);
    for (const [index, item] of items.entries()) {
      const tag = firstTag + index;
      if (tag <= this.#lastTag) continue;
      this.#lastTag = tag;
      const position =
        item.kind === 'message'
          ? { log: item.log, epoch: epochs[item.log]!, offset: item.offset }
          : undefined;
      const note = noted.get(index);
      this.#take({ item, note, position, tag, lastTag: tag, life: this.#life, settled: false });
    }
  }

  #take(delivery: Delivery): void {
    const isUnacked = this.granted.ack === 'none';
    const id = this.#life > 1 ? idIn(delivery) : undefined;
    const held = id && this.#held.get(id);
    if (held) {
      held.tag = held.lastTag = delivery.tag;
      held.life = this.#life;
    } else if (id && this.#known.has(id)) this.#acks.settle(delivery.tag);
    // Of a later version: there is nothing in it for the application.
    else if (delivery.item.kind !== 'message' && !isUnacked) this.#acks.settle(delivery.tag);
    else this.#waiting.push(delivery, isUnacked ? BOUNDS : UNBOUNDED);
  }

  /** There are none for named queues. */
  mark(): void {}

  next(): Delivery | undefined {
    const delivery = this.#waiting.shift();
    const id = delivery && idIn(delivery);
    if (id) this.#held.set(id, delivery);
    return delivery;
  }

  /** Where this delivery is nacked next, it comes again after so long. */
  delay(delivery: Delivery, delayMs: number): void {
    this.#delays.set(delivery, delayMs);
  }

  /** Ends a delivery; a second time changes nothing. Returns whether something is to be sent now. */
  settle(delivery: Delivery, outcome: Outcome): boolean {
    if (delivery.settled) return false;
    (delivery as OwnDelivery).settled = true;
    const { tag, life } = delivery;
    const id = idIn(delivery);
    if (id) this.#held.delete(id);
    if (this.granted.ack === 'none') return false;
    if (id && outcome === 'ack') this.#remember(id);
    // Back in its queue since its consumer is gone: it comes again, here or elsewhere.
    if (life !== this.#life) return false;
    if (outcome === 'ack') {
      this.#acks.settle(tag);
      return this.#acks.isDue;
    }
    this.#unsent.push({ type: outcome, tag, delayMs: this.#delays.get(delivery) });
    return true;
  }

  #remember(id: string): void {
    this.#known.add(id);
    // Not one by one: to find the oldest one of a Set takes longer the more were deleted before it.
    if (this.#known.size > MAX_KNOWN) this.#known = new Set([...this.#known].slice(MAX_KNOWN / 2));
  }

  /** What the hub is to be told. */
  flush(): ClientLine[] {
    const { queue } = this;
    const lines: ClientLine[] = this.#unsent.map(({ type, tag, delayMs }) => {
      this.#acks.skip(tag);
      const ranges = [[tag, tag]] as const;
      return delayMs === undefined ? [type, queue, ranges] : [type, queue, ranges, { delayMs }];
    });
    this.#sent.push(...this.#unsent.splice(0));
    this.#sent.splice(0, this.#sent.length - this.#maxPrefetch);
    const ack = this.#acks.take();
    if (ack) lines.push(['ack', queue, ack.ackedUpTo, ...(ack.ackedRanges[0] ? [ack.ackedRanges] : [])]);
    return lines;
  }

  hello(): ResumeQueue {
    const acks = this.#acks.resume();
    const acked = without(
      [[1, acks.ackedUpTo], ...acks.ackedRanges],
      new Set(this.#sent.map(({ tag }) => tag)),
    );
    return {
      queue: this.queue,
      lastTag: this.#lastTag,
      ackedUpTo: acked.upTo,
      ackedRanges: acked.above(acked.upTo).slice(0, MAX_RANGES),
      cursor: null,
      options: this.options,
    };
  }

  /** The session went on: what may have been lost with the connection is sent again. */
  resume(): void {
    this.#unsent.unshift(...this.#sent.splice(0));
  }
}

/** Tells a message from others, where its position does. */
const idIn = ({ position }: Delivery): string | undefined => (position?.offset ? idOf(position) : undefined);

/** The prefetch bounds it. */
const UNBOUNDED = { capacity: Infinity, capacityBytes: Infinity };

/** The tags of some ranges that are not among the others. */
function without(ranges: TagRanges, others: ReadonlySet<number>): TagSet {
  const left = new TagSet();
  const holes = [...others].sort((a, b) => a - b);
  for (const [from, to] of ranges) {
    let start = from;
    for (const hole of holes) {
      if (hole < start || hole > to) continue;
      if (hole > start) left.ranges.push([start, hole - 1]);
      start = hole + 1;
    }
    if (start <= to) left.ranges.push([start, to]);
  }
  return left;
}
