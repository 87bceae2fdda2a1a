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
  type LogId,
  type MessageItem,
  parseCursor,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Exchange } from '../../server/src/core/exchanges.ts';
import { MAX_RANGES } from '../../server/src/core/gap-entry.ts';
import type { Subscription } from '../../server/src/core/subscription.ts';
import { LogAccount } from './log-account.ts';
import { covers, QueueBalance } from './queue-balance.ts';
import type { Bound } from './reference-router.ts';
import { conflationKey, DISK_EPOCH, isExpired, type Taken, type Truth } from './truth.ts';
import type { World } from './world.ts';

/** Told of something that had been sent: not of something missing from what was sent. */
const OF_SENT = new Set(['not-received', 'redelivery-limit']);

type Sent =
  | { readonly log: LogId; readonly offset: number }
  | { readonly ranges: readonly GapRange[] }
  | 'snapshot-end';

export class QueueAccount {
  readonly id: number;
  readonly isSnapshot: boolean;
  lastTag = 0;
  messagesSent = 0;
  gapsSent = 0;

  /** By log, of every log that the hub has. */
  readonly logs: readonly LogAccount[];
  readonly snapshotExchanges: readonly Exchange<Subscription>[];
  readonly #byTag = new Map<number, Sent>();
  readonly #lastOfKey = new Map<string, number>();
  /** As told in notes. */
  replaced = 0;
  #isSnapshotOver: boolean;
  readonly #snapshotOf: ReadonlySet<number>;

  constructor(
    private readonly world: World,
    readonly truth: Truth,
    /** The hub process it is of. */
    readonly process: number,
    epochs: readonly (readonly [LogId, string])[],
    readonly options: SubscribeOptions,
    readonly subscription: Subscription,
    bindings: readonly Bound[],
  ) {
    const { queue } = subscription;
    this.id = queue.id;
    this.isSnapshot = queue.readers.snapshot !== undefined;
    this.#isSnapshotOver = !this.isSnapshot;
    this.logs = epochs.map(([log, epoch]) => {
      const reads = (): boolean => queue.readers.of(log)?.log === log;
      // Where it does not read a log, nothing of it is due, whatever queues before it owed.
      const start = reads() ? queue.readers.of(log)!.after : 0;
      const snapshot = reads() && this.isSnapshot ? truth.lastPerKey(epoch, bindings, start) : [];
      return new LogAccount(truth, log, epoch, start, reads, bindings, snapshot);
    });
    this.snapshotExchanges = subscription.bindings.map(({ exchange }) => exchange);
    this.#snapshotOf = new Set(bindings.map((b) => b.exchange.incarnation));
  }

  /** Its part for a log. */
  of(log: LogId): LogAccount {
    return this.logs.find((one) => one.log === log) ?? this.logs[0]!;
  }

  ofEpoch(epoch: string): LogAccount | undefined {
    return this.logs.find((one) => one.epoch === epoch);
  }

  /** Of the volatile log: that of the hub process. */
  get epoch(): string {
    return this.of('v').epoch;
  }

  get name(): string {
    return `queue ${this.process}/${this.id}`;
  }

  get isConflating(): boolean {
    return this.subscription.queue.settings.overflow === 'conflate';
  }

  /** The hub has changed the bindings: what it takes or reads from now on goes by these. */
  rebound(bindings: readonly Bound[]): void {
    const { readers } = this.subscription.queue;
    for (const part of this.logs) {
      const reader = readers.of(part.log);
      const isRead = reader?.log === part.log;
      const last = this.truth.last(part.epoch);
      const fed = isRead && reader.phase !== 'live' ? reader.after : last;
      part.duty.rebound(fed, bindings);
    }
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
  sent({ firstTag, items, notes }: Deliver, bounds: FirstKept): void {
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
    const { log, offset } = item;
    const part = this.of(log);
    const taken = this.truth.at(part.epoch, offset);
    if (taken && !this.mayRead(taken)) this.fail('permission', `offset ${offset} may not be read`);
    if (!isNew) {
      this.#resendIsSame(isNew, tag, item);
      return;
    }
    this.#byTag.set(tag, { log, offset });
    this.messagesSent++;
    this.replaced += replaced;
    if (!taken || taken.payload !== item.payload || taken.key !== item.key || taken.timeMs !== item.timeMs) {
      this.fail('content', `offset ${offset} was not published as delivered`);
      return;
    }
    if (offset <= part.start) {
      if (this.#isSnapshotOver || !part.snapshot.includes(taken))
        this.fail('start', `offset ${offset} is before the start ${part.start}`);
    } else if (!part.duty.isDue(taken)) {
      this.fail('binding', `offset ${offset} (${taken.exchange} ${taken.key}) is not of this subscription`);
    }
    if (part.sentBy.has(offset)) this.fail('sent-once', `offset ${offset} is sent under tag ${tag}, too`);
    part.sentBy.set(offset, tag);
    if (isExpired(taken, this.world.nowMs, this.wallMs()))
      this.fail('ttl', `offset ${offset} was sent after its TTL`);
    this.#checkOrder(part, taken);
  }

  /** What the wall clock of its hub says: a TTL of what is read from the disk goes by that. */
  wallMs: () => number = () => this.world.nowMs;

  /** Whether whoever has this queue may be given a message now. */
  mayRead: (taken: Taken) => boolean = () => true;

  #checkOrder(part: LogAccount, taken: Taken): void {
    const key = this.isConflating
      ? `${taken.log} ${conflationKey(taken, this.options.conflationHeader)}`
      : '';
    const last = this.isConflating ? (this.#lastOfKey.get(key) ?? 0) : part.lastOffset;
    if (taken.offset <= last) this.fail('queue-order', `offset ${taken.offset} was sent after ${last}`);
    part.lastOffset = taken.offset;
    this.#lastOfKey.set(key, taken.offset);
  }

  #sentGap(
    isNew: boolean,
    tag: number,
    ranges: readonly GapRange[],
    count: number | null,
    bounds: FirstKept,
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

  #checkRange({ log, epoch, from, to, reason, count }: GapRange, firstKept: FirstKept): void {
    const first = firstKept(log);
    if (reason === 'epoch') {
      // No life of the hub ends the durable log, and nobody has seen of it what could still be lost.
      const isOver = epoch !== DISK_EPOCH && (epoch !== this.epoch || from > this.truth.last(epoch));
      if (!isOver || count !== null) this.fail('gap-true', `epoch gap of ${epoch} from ${from}`);
      return;
    }
    if (epoch !== this.of(log).epoch) this.fail('gap-true', `a gap ${reason} of epoch ${epoch}`);
    if (to === null || to < from) this.fail('gap-true', `a gap ${reason} from ${from} to ${to}`);
    if (reason === 'trimmed' && to! >= first)
      this.fail('gap-true', `${to} is not trimmed: ${first} is there`);
    if ((count === null) !== (reason === 'trimmed') && reason !== 'several') {
      this.fail('gap-true', `a gap ${reason} counts ${count}`);
    }
  }

  #resendIsSame(isNew: boolean, tag: number, what: MessageItem | 'snapshot-end'): void {
    if (isNew) return;
    const before = this.#byTag.get(tag);
    const isSame =
      what === 'snapshot-end' || typeof before !== 'object' || !('offset' in before)
        ? before === what
        : before.log === what.log && before.offset === what.offset;
    const text = what === 'snapshot-end' ? what : `${what.log} ${what.offset}`;
    if (!isSame) this.fail('resend', `tag ${tag} now stands for ${text}`);
  }

  /** A mark was sent: everything up to it was sent before, or told, or will come as a later one of its key. */
  marked(cursor: string): void {
    const positions = parseCursor(cursor) ?? [];
    for (const { log, epoch, offset } of positions) {
      const part = this.ofEpoch(epoch);
      if (part?.log !== log) this.fail('mark', `mark ${cursor} is of no epoch of ${this.name}`);
      else this.#markedLog(part, cursor, offset);
    }
    if (positions.length === 0) this.fail('mark', `mark ${cursor} is of no epoch of ${this.name}`);
  }

  #markedLog({ epoch, start, duty, sentBy }: LogAccount, cursor: string, offset: number): void {
    if (offset > this.truth.last(epoch)) this.fail('mark', `${cursor} is beyond the log`);
    let ranges: GapRange[] | undefined;
    for (const taken of duty.between(start, offset)) {
      if (sentBy.has(taken.offset)) continue;
      ranges ??= this.ranges([]).filter((r) => r.epoch === epoch);
      if (ranges.some((r) => covers(r, taken.offset))) continue;
      if (this.isConflating && this.isSuperseded(taken, Number.POSITIVE_INFINITY)) continue;
      this.fail('mark', `${cursor} is beyond offset ${taken.offset}, which was not sent yet`);
    }
  }

  /** Every record up to where the queue has read is sent, waiting, conflated, or told as lost: to the message. */
  check(fed: (log: LogId) => number): void {
    const { readers, closed } = this.subscription.queue;
    if (!readers.snapshot && !closed) new QueueBalance(this).check(fed);
  }

  /** A later record of the same conflation key is there for this subscription. Between two logs there is no order. */
  isSuperseded(taken: Taken, upTo: number): boolean {
    const header = this.options.conflationHeader;
    const key = conflationKey(taken, header);
    const isSame = (later: Taken): boolean => conflationKey(later, header) === key;
    return this.logs.some(({ log, epoch, start, duty, snapshot }) => {
      const isOwn = log === taken.log;
      const last = this.truth.last(epoch);
      if (snapshot.some((later) => (!isOwn || later.offset > taken.offset) && isSame(later))) return true;
      return duty.between(isOwn ? taken.offset : start, isOwn ? Math.min(upTo, last) : last).some(isSame);
    });
  }

  /** The key was published again after the snapshot, to an exchange of it. */
  isNewer({ epoch, key, reached }: Taken): boolean {
    const shared = reached.filter((incarnation) => this.#snapshotOf.has(incarnation));
    return this.truth
      .between(epoch, this.ofEpoch(epoch)?.start ?? 0, this.truth.last(epoch))
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

/** Offset of the oldest record that a log still has. */
type FirstKept = (log: LogId) => number;

const textOf = (item: Deliver['items'][number]): string =>
  item.kind === 'message'
    ? `${item.log === 'd' ? 'd' : ''}${item.offset}`
    : item.kind === 'gap'
      ? `gap ${item.gap.count}`
      : item.kind;
