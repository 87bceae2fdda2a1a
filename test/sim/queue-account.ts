/**
 * The account of one session queue: what the hub wrote for it, held against what was published.
 *
 *    start                                        head
 *      │  sent │ lost, told │ sent │ conflated │ …  │ waiting in the ring
 *      ▼───────▼────────────▼──────▼───────────▼────▼
 *    every record that matches is in exactly one of these, and gaps count them to the message
 *
 * Listens to what the hub hands to sockets, whether or not it arrives.
 */
import {
  type Deliver,
  type GapRange,
  type MessageItem,
  parseCursor,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Exchange } from '../../server/src/core/exchanges.ts';
import { MAX_RANGES } from '../../server/src/core/gap-entry.ts';
import type { Subscription } from '../../server/src/core/subscription.ts';
import { Duty } from './duty.ts';
import { covers, QueueBalance } from './queue-balance.ts';
import type { Bound } from './reference-router.ts';
import { conflationKey, type Taken, type Truth } from './truth.ts';
import type { World } from './world.ts';

/** Told of something that had been sent: not of something missing from what was sent. */
const OF_SENT = new Set(['not-received', 'redelivery-limit']);

type Sent = { readonly offset: number } | { readonly ranges: readonly GapRange[] } | 'snapshot-end';

export class QueueAccount {
  readonly id: number;
  readonly epoch: string;
  /** Everything after this offset is due, the snapshot aside. */
  readonly start: number;
  readonly isSnapshot: boolean;
  lastTag = 0;
  messagesSent = 0;
  gapsSent = 0;

  /** Which records after the start are due. */
  readonly duty: Duty;
  /** The latest of each key as of the start, due before everything else. */
  readonly snapshot: readonly Taken[];
  readonly snapshotExchanges: readonly Exchange<Subscription>[];
  readonly #byTag = new Map<number, Sent>();
  /** Tags by offset. */
  readonly sentBy = new Map<number, number>();
  #lastOffset = 0;
  readonly #lastOfKey = new Map<string, number>();
  /** As told in notes. */
  replaced = 0;
  #isSnapshotOver: boolean;
  readonly #snapshotOf: ReadonlySet<number>;

  constructor(
    private readonly world: World,
    readonly truth: Truth,
    readonly process: number,
    readonly options: SubscribeOptions,
    readonly subscription: Subscription,
    bindings: readonly Bound[],
  ) {
    const { queue } = subscription;
    this.id = queue.id;
    const reader = queue.readers.of('v')!;
    this.epoch = reader.epoch;
    this.start = reader.after;
    this.isSnapshot = reader.phase === 'snapshot';
    this.#isSnapshotOver = !this.isSnapshot;
    this.duty = new Duty(truth, this.epoch, this.start, bindings);
    this.snapshot = this.isSnapshot ? truth.lastPerKey(this.epoch, bindings, this.start) : [];
    this.snapshotExchanges = subscription.bindings.map(({ exchange }) => exchange);
    this.#snapshotOf = new Set(bindings.map((b) => b.exchange.incarnation));
  }

  get name(): string {
    return `queue ${this.process}/${this.id}`;
  }

  get isConflating(): boolean {
    return this.subscription.queue.settings.overflow === 'conflate';
  }

  /** The hub has changed the bindings: what it takes or reads from now on goes by these. */
  rebound(bindings: readonly Bound[]): void {
    const reader = this.subscription.queue.readers.of('v')!;
    const fed = reader.phase === 'live' ? this.truth.last(this.epoch) : 0;
    this.duty.rebound(Math.max(fed, reader.after), bindings);
  }

  /** What was sent under a tag. */
  item(tag: number): Sent | undefined {
    return this.#byTag.get(tag);
  }

  /** Messages among the tags after one and before another. */
  messagesBetween(after: number, before: number): number {
    let count = 0;
    for (let tag = after + 1; tag < before; tag++) {
      const item = this.#byTag.get(tag);
      if (item && typeof item === 'object' && 'offset' in item) count++;
    }
    return count;
  }

  /** The hub goes on with this queue: with ack `none`, gaps that did not arrive will be told again. */
  resumed(lastTag: number): void {
    if (this.options.ack !== 'none') return;
    for (let tag = lastTag + 1; tag <= this.lastTag; tag++) {
      const item = this.#byTag.get(tag);
      if (item && typeof item === 'object' && 'ranges' in item) this.#byTag.delete(tag);
    }
  }

  /** A `deliver` frame was handed to a socket. */
  sent({ firstTag, items, notes }: Deliver, bounds: { first: number }): void {
    this.world.note(`${this.name} sends ${firstTag}: ${items.map(textOf).join(' ')}`);
    const noteOf = new Map(notes);
    items.forEach((item, index) => {
      const tag = firstTag + index;
      const isNew = tag > this.lastTag;
      if (tag > this.lastTag + 1) this.fail('tags-contiguous', `tag ${tag} sent after ${this.lastTag}`);
      if (isNew) this.lastTag = tag;
      if (item.kind === 'snapshot-end') {
        this.#isSnapshotOver = true;
        this.#resendIsSame(isNew, tag, 'snapshot-end');
        if (isNew) this.#byTag.set(tag, 'snapshot-end');
      } else if (item.kind === 'gap') {
        this.#sentGap(isNew, tag, item.gap.ranges, item.gap.count, bounds);
      } else {
        this.#sentMessage(isNew, tag, item, noteOf.get(index)?.replaced ?? 0);
      }
    });
  }

  #sentMessage(isNew: boolean, tag: number, item: MessageItem, replaced: number): void {
    const { offset } = item;
    if (!isNew) {
      this.#resendIsSame(isNew, tag, offset);
      return;
    }
    this.#byTag.set(tag, { offset });
    this.messagesSent++;
    this.replaced += replaced;
    const taken = this.truth.at(this.epoch, offset);
    if (!taken || taken.payload !== item.payload || taken.key !== item.key || taken.timeMs !== item.timeMs) {
      this.fail('content', `offset ${offset} was not published as delivered`);
      return;
    }
    if (offset <= this.start) {
      if (this.#isSnapshotOver || !this.snapshot.includes(taken))
        this.fail('start', `offset ${offset} is before the start ${this.start}`);
    } else if (!this.duty.isDue(taken)) {
      this.fail('binding', `offset ${offset} (${taken.exchange} ${taken.key}) is not of this subscription`);
    }
    if (this.sentBy.has(offset)) this.fail('sent-once', `offset ${offset} is sent under tag ${tag}, too`);
    this.sentBy.set(offset, tag);
    if (taken.expiresMs < this.world.nowMs) this.fail('ttl', `offset ${offset} was sent after its TTL`);
    this.#checkOrder(taken);
  }

  #checkOrder(taken: Taken): void {
    const key = this.isConflating ? conflationKey(taken, this.options.conflationHeader) : '';
    const last = this.isConflating ? (this.#lastOfKey.get(key) ?? 0) : this.#lastOffset;
    if (taken.offset <= last) this.fail('queue-order', `offset ${taken.offset} was sent after ${last}`);
    this.#lastOffset = taken.offset;
    this.#lastOfKey.set(key, taken.offset);
  }

  #sentGap(
    isNew: boolean,
    tag: number,
    ranges: readonly GapRange[],
    count: number | null,
    bounds: { first: number },
  ): void {
    this.gapsSent++;
    const sum = ranges.reduce<number | null>(
      (total, range) => (total === null || range.count === null ? null : total + range.count),
      0,
    );
    if (sum !== count) this.fail('gap-count', `a gap says ${count}, its ranges say ${sum}`);
    if (ranges.length === 0 || count === 0) this.fail('gap-count', 'a gap tells nothing');
    for (const range of ranges) this.#checkRange(range, bounds);
    const before = this.#byTag.get(tag);
    if (!isNew && before && typeof before === 'object' && 'offset' in before) {
      const [only] = ranges;
      const isLimit = ranges.length === 1 && only?.reason === 'redelivery-limit';
      if (!isLimit || only.from !== before.offset) this.fail('resend', `tag ${tag} became another gap`);
    } else if (!isNew && JSON.stringify(before) !== JSON.stringify({ ranges })) {
      this.fail('resend', `the gap of tag ${tag} was told differently before`);
    }
    this.#byTag.set(tag, { ranges: ranges.map((r) => ({ ...r })) });
  }

  #checkRange({ epoch, from, to, reason, count }: GapRange, { first }: { first: number }): void {
    if (reason === 'epoch') {
      const isOver = epoch !== this.epoch || from > this.truth.last(epoch);
      if (!isOver || count !== null) this.fail('gap-true', `epoch gap of ${epoch} from ${from}`);
      return;
    }
    if (epoch !== this.epoch) this.fail('gap-true', `a gap ${reason} of epoch ${epoch}`);
    if (to === null || to < from) this.fail('gap-true', `a gap ${reason} from ${from} to ${to}`);
    if (reason === 'trimmed' && to! >= first)
      this.fail('gap-true', `${to} is not trimmed: ${first} is there`);
    if ((count === null) !== (reason === 'trimmed') && reason !== 'several') {
      this.fail('gap-true', `a gap ${reason} counts ${count}`);
    }
  }

  #resendIsSame(isNew: boolean, tag: number, what: number | 'snapshot-end'): void {
    if (isNew) return;
    const before = this.#byTag.get(tag);
    const same =
      what === 'snapshot-end'
        ? before === what
        : before && typeof before === 'object' && 'offset' in before && before.offset === what;
    if (!same) this.fail('resend', `tag ${tag} now stands for ${what}`);
  }

  /** A mark was sent: everything up to it was sent before, or told, or will come as a later one of its key. */
  marked(cursor: string): void {
    const position = parseCursor(cursor)?.find((p) => p.epoch === this.epoch);
    if (!position) {
      this.fail('mark', `mark ${cursor} is of no epoch of ${this.name}`);
      return;
    }
    if (position.offset > this.truth.last(this.epoch)) this.fail('mark', `${cursor} is beyond the log`);
    const ranges = this.ranges([]);
    for (const taken of this.duty.between(this.start, position.offset)) {
      if (this.sentBy.has(taken.offset) || ranges.some((r) => covers(r, taken.offset))) continue;
      if (this.isConflating && this.isSuperseded(taken, this.truth.last(this.epoch))) continue;
      this.fail('mark', `${cursor} is beyond offset ${taken.offset}, which was not sent yet`);
    }
  }

  /** Every record up to where the queue has read is sent, waiting, conflated, or told as lost: to the message. */
  check(fed: number): void {
    const { readers, closed } = this.subscription.queue;
    if (!readers.snapshot && !closed) new QueueBalance(this).check(fed);
  }

  /** A later record of the same conflation key is there for this subscription. */
  isSuperseded(taken: Taken, upTo: number): boolean {
    const header = this.options.conflationHeader;
    const key = conflationKey(taken, header);
    const isSame = (later: Taken): boolean => conflationKey(later, header) === key;
    return (
      this.snapshot.some((later) => later.offset > taken.offset && isSame(later)) ||
      this.duty.between(taken.offset, upTo).some(isSame)
    );
  }

  /** The key was published again after the snapshot, to an exchange of it. */
  isNewer({ key, reached }: Taken): boolean {
    const shared = reached.filter((incarnation) => this.#snapshotOf.has(incarnation));
    return this.truth
      .between(this.epoch, this.start, this.truth.last(this.epoch))
      .some((later) => later.key === key && shared.some((one) => later.reached.includes(one)));
  }

  /** Whether a gap that was sent had as many ranges as it may have: then some were joined. */
  get isJoined(): boolean {
    return [...this.#byTag.values()].some(
      (item) => typeof item === 'object' && 'ranges' in item && item.ranges.length >= MAX_RANGES,
    );
  }

  /** Losses told in gaps that were sent, and in these; not those of messages that had been sent. */
  ranges(more: readonly GapRange[]): GapRange[] {
    const ranges = [...more];
    for (const item of this.#byTag.values()) {
      if (typeof item === 'object' && 'ranges' in item) ranges.push(...item.ranges);
    }
    return ranges.filter((r) => !OF_SENT.has(r.reason));
  }

  fail(invariant: string, text: string): void {
    const { overflow = 'default', ack = 'default' } = this.options;
    this.world.fail(invariant, `${this.name} (${overflow}, ack ${ack}): ${text}`);
  }
}

const textOf = (item: Deliver['items'][number]): string =>
  item.kind === 'message' ? String(item.offset) : item.kind === 'gap' ? `gap ${item.gap.count}` : item.kind;
