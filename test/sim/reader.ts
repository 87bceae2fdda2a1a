/**
 * One subscription of an application, over everything that befalls its connection, session and hub: what it was
 * handed, what it processed, what it was told it missed.
 *
 *    handed ─► in hand ─► processed │ rejected
 *                 └─────► nacked ─► handed again
 *
 * A message may be handed out again after a nack (or a handler that failed), and in no other case: the SDK lives as
 * long as its application here, and remembers what it processed beyond the cursor. What counts as told: a gap that
 * was handed out, and whose ranges cover the place.
 */
import type { GapRange, Message, Subscription, SubscriptionEvent } from '@ringhub/client';
import {
  type BindingSpec,
  type Deliver,
  type LogId,
  type Position,
  parseCursor,
  type SubscribeOptions,
} from '@ringhub/protocol';
import { BindingWishes } from './binding-wishes.ts';
import { jumpFault } from './jump.ts';
import { Lives } from './lives.ts';
import type { QueueAccount } from './queue-account.ts';
import { conflationKey, DISK_EPOCH, type Taken, type Truth } from './truth.ts';
import type { World } from './world.ts';

type State = 'in-hand' | 'processed' | 'rejected' | 'nacked';

interface Handing {
  readonly event: SubscriptionEvent;
  /** The queue it came by. */
  readonly by: QueueAccount;
  state: State;
}

/** The end of a snapshot. */
interface Ending {
  readonly positions: readonly Position[];
  readonly complete: boolean;
  /** The queue whose snapshot it was. */
  readonly by: QueueAccount;
}

export class Reader {
  subscription: Subscription | undefined;
  /** The queue it has now. */
  account: QueueAccount | undefined;
  /** Wanted, or the client is gone: nothing is due any more. */
  isOver = false;
  /** Tags of the current queue, as they arrive. */
  lastTag = 0;
  ackedUpTo = 0;
  /** The connection was resumed: with ack `none` the next tags may be others than the next ones. */
  mayJump = false;
  messages = 0;
  gaps = 0;

  /** By epoch, the offset after which everything is due. */
  readonly #starts = new Map<string, number>();
  readonly #handed = new Map<number, Handing>();
  readonly #told: GapRange[] = [];
  /** The end of a snapshot, handed out; it counts once all before it was processed, and the cursor says so. */
  #ending: Ending | undefined;
  readonly #snapshots: Ending[] = [];
  readonly #lives: Lives;
  /** Which bindings the application wants by now. */
  readonly wishes: BindingWishes;
  /** By which queue each gap came. */
  readonly #gapsBy = new Map<SubscriptionEvent, QueueAccount>();
  /** The latest epoch of which something was processed. */
  #processedEpoch = -1;
  /** As of when the last hello was said, and that which the present queue came of: what was processed later, the hub could not know. */
  #epochSaid = -1;
  #epochAtHello = -1;
  /** By log, where the message handed out last stood. */
  readonly #last = new Map<LogId, { readonly epoch: number; readonly offset: number }>();

  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    readonly name: string,
    readonly options: SubscribeOptions,
  ) {
    this.#lives = new Lives(truth);
    this.wishes = new BindingWishes(options.bindings);
  }

  get isConflating(): boolean {
    return this.options.overflow === 'conflate';
  }

  /** Everything that the hub sent has come, and is done with. */
  get isDrained(): boolean {
    if (!this.subscription || !this.account || this.lastTag !== this.account.lastTag) return false;
    for (const { state } of this.#handed.values()) if (state === 'in-hand') return false;
    return true;
  }

  /** The subscription has a queue, its first or, after a lost session, another. */
  begin(account: QueueAccount): void {
    this.world.note(
      `${this.name} has ${account.name} from ${account.isSnapshot ? 'a snapshot' : account.logs.map(({ start }) => start)}`,
    );
    this.account = account;
    this.#epochAtHello = this.#epochSaid;
    this.#lives.begin(account);
    this.lastTag = 0;
    this.ackedUpTo = 0;
    this.mayJump = false;
    this.#ending = undefined;
    // Nothing more comes of a log whose last binding was taken back before its session was lost.
    if (!account.of('v').isRead)
      for (const epoch of this.#starts.keys()) if (epoch !== DISK_EPOCH) this.#starts.delete(epoch);
    if (account.isSnapshot) {
      this.#last.clear();
      return;
    }
    const { since } = this.options;
    const given = typeof since === 'object' && 'cursor' in since ? (parseCursor(since.cursor) ?? []) : [];
    if (this.#starts.size === 0)
      for (const { log, epoch, offset } of given) if (account.of(log).isRead) this.#starts.set(epoch, offset);
    for (const { isRead, epoch, start } of account.logs)
      if (isRead && !this.#starts.has(epoch)) this.#starts.set(epoch, start);
  }

  /** A `deliver` frame has arrived: its tags follow those before, or are sent again after a nack. */
  arrived({ firstTag, items }: Deliver): void {
    const next = firstTag + items.length;
    if (firstTag > this.lastTag + 1) {
      const text = jumpFault(this.account!, this.lastTag, firstTag, items[0]!);
      const mayJump = this.options.ack === 'none' && this.mayJump;
      if (text || !mayJump) this.#fail('client-tags', `tag ${firstTag} came after ${this.lastTag}; ${text}`);
    }
    this.mayJump = false;
    if (firstTag <= this.lastTag && next > this.lastTag + 1) {
      this.#fail('client-tags', `tags ${firstTag} to ${next - 1} came after ${this.lastTag}`);
    }
    this.lastTag = Math.max(this.lastTag, next - 1);
  }

  // ── what the application does ──

  /** The SDK hands something out. */
  take(event: SubscriptionEvent): void {
    if (event.kind === 'gap') {
      // A loop that was left begins with the same gap again.
      if (this.#gapsBy.has(event)) return;
      this.gaps++;
      const places = event.ranges.map(
        (r) => `${r.reason} ${this.truth.indexOf(r.epoch) + 1}:${r.from}-${r.to ?? ''}`,
      );
      this.world.note(`${this.name} gap ${event.count} ${places.slice(0, 4).join(', ')}`);
      this.#gapsBy.set(event, this.account!);
      for (const range of event.ranges) this.#takeRange(range);
    } else if (event.kind === 'snapshot-end') {
      const positions = parseCursor(event.cursor);
      if (!positions) {
        this.#fail('snapshot', `ended with cursor ${event.cursor}`);
        return;
      }
      this.world.note(`${this.name} snapshot ends at ${event.cursor}`);
      this.#ending = { positions, complete: event.complete, by: this.account! };
    } else {
      this.#takeMessage(event);
    }
  }

  /** The end of an epoch is told once; it stands for all that was published until the present epoch began. */
  #takeRange(range: GapRange): void {
    this.#told.push(range);
    const present = this.truth.indexOf(this.account!.epoch);
    const over = this.truth.indexOf(range.epoch);
    if (range.log === 'd') return;
    if (range.reason !== 'epoch' || over === present) return;
    if (this.#epochAtHello > over) {
      this.#fail('epoch-once', `the end of epoch ${over + 1} is told after epoch ${this.#epochAtHello + 1}`);
    }
    for (const epoch of this.#starts.keys()) {
      if (epoch === DISK_EPOCH) continue;
      const index = this.truth.indexOf(epoch);
      if (over < index && index < present) this.#told.push({ ...range, epoch, from: 1 });
    }
  }

  #takeMessage(event: Message): void {
    const { log, epoch, offset } = event.position;
    this.world.note(`${this.name} takes ${log}${offset}`);
    const taken = this.truth.at(epoch, offset);
    if (!taken || taken.payload !== event.data || taken.key !== event.routingKey) {
      this.#fail('content', `offset ${offset} was not published as handed out`);
      return;
    }
    const place = this.truth.place(epoch, offset);
    const before = this.#handed.get(place);
    if (before?.event === event) return;
    if (before && before.state !== 'nacked') {
      this.#fail('once', `offset ${offset} is handed out again, though ${before.state}`);
    }
    this.#handed.set(place, { event, by: this.account!, state: 'in-hand' });
    this.messages++;
    if (before || this.isConflating) return;
    const index = this.truth.indexOf(epoch);
    const last = this.#last.get(log) ?? { epoch: -1, offset: 0 };
    const isBack = index < last.epoch || (index === last.epoch && offset <= last.offset);
    // What one queue lost and told, the next one may bring: it reads from the cursor again.
    // So may a binding that was made later than this was published.
    if (isBack && !this.#isTold(epoch, offset) && !this.#lives.isNew(taken))
      this.#fail('order', `offset ${offset} came after ${last.offset}`);
    this.#last.set(log, { epoch: index, offset });
  }

  /** The application is done with something it was handed. */
  settle(event: SubscriptionEvent, state: Exclude<State, 'in-hand'>): void {
    this.#thaw();
    // Where the volatile log stands, nothing of the durable one says.
    if (event.kind === 'gap' && event.ranges.some(({ log }) => log === 'v'))
      this.#processedBy(this.#gapsBy.get(event)!);
    if (event.kind !== 'message') return;
    const handing = this.#handed.get(this.truth.place(event.position.epoch, event.position.offset));
    if (handing?.event !== event || handing.state !== 'in-hand') return;
    handing.state = state;
    if (state !== 'nacked' && event.position.log === 'v') this.#processedBy(handing.by);
  }

  /** From the end of its snapshot on, everything is due. Until then a lost session begins another snapshot. */
  #thaw(): void {
    if (!this.#ending || this.subscription?.cursor === null) return;
    this.#snapshots.push(this.#ending);
    for (const { epoch, offset } of this.#ending.positions) this.#starts.set(epoch, offset);
    this.#ending = undefined;
  }

  /** What was in hand when its queue ended moves no cursor. */
  #processedBy(account: QueueAccount): void {
    if (account === this.account) this.#processedEpoch = this.truth.indexOf(account.epoch);
  }

  // ── what the SDK claims ──

  /** A hello names this subscription. */
  resumes(ackedUpTo: number, cursor: string | null, bindings: readonly BindingSpec[]): void {
    const fault = this.wishes.faultOf(bindings);
    if (fault) this.#fail('wishes', `resumes ${fault}`);
    this.world.note(`${this.name} resumes at tag ${this.lastTag}, acked ${ackedUpTo}, cursor ${cursor}`);
    this.#epochSaid = this.#processedEpoch;
    this.checkCursor(cursor);
  }

  /** Tags that the SDK acknowledges: all of them done with, by this application. */
  acked(from: number, to: number): void {
    const { account } = this;
    if (!account || this.options.ack === 'none') return;
    for (let tag = from; tag <= to; tag++) {
      const item = account.item(tag);
      if (!item || typeof item !== 'object' || !('offset' in item)) continue;
      const { epoch } = account.of(item.log);
      const state = this.#handed.get(this.truth.place(epoch, item.offset))?.state;
      // Told as lost by one queue, it is passed over when the next one brings it after all.
      const isDone =
        state === 'processed' || state === 'rejected' || (!state && this.#isTold(epoch, item.offset));
      if (isDone || (this.isConflating && this.#isSuperseded(epoch, item.offset))) continue;
      this.#fail(
        'ack-processed',
        `tag ${tag} (offset ${item.offset}) is acknowledged, though ${state ?? 'unseen'}`,
      );
    }
  }

  /** The SDK's cursor: everything up to it is processed, told, or conflated away. */
  checkCursor(cursor: string | null): void {
    if (cursor === null || this.isOver) return;
    this.#thaw();
    for (const { epoch, offset } of parseCursor(cursor) ?? []) {
      const start = this.#starts.get(epoch);
      if (start === undefined) {
        // A log that a binding has added: it is read on from here, if the session is lost.
        if (this.account?.ofEpoch(epoch)?.isRead) this.#starts.set(epoch, offset);
        continue;
      }
      const fault = this.#firstMissing(epoch, start, offset, true);
      if (fault) this.#fail('cursor', `${cursor} is beyond offset ${fault.offset}, which was not processed`);
    }
  }

  /** At the end, with everything drained. */
  check(): void {
    this.#thaw();
    if (this.#ending) this.#fail('snapshot', 'the cursor did not move past its end');
    for (const [epoch, start] of this.#starts) {
      const missing = this.#firstMissing(epoch, start, this.truth.last(epoch), false);
      if (missing)
        this.#fail('accounted', `offset ${missing.offset} of ${epoch} was neither processed nor told`);
    }
    for (const { positions, complete, by } of this.#snapshots) {
      if (!complete || positions.some(({ epoch, offset }) => offset !== this.#starts.get(epoch))) continue;
      for (const taken of by.logs.flatMap(({ snapshot }) => snapshot)) {
        if (this.#isAccounted(taken, false) || by.isNewer(taken)) continue;
        this.#fail(
          'snapshot',
          `offset ${taken.offset}, the last of ${taken.key}, was neither processed nor told`,
        );
      }
    }
    for (const { event, state } of this.#handed.values()) {
      if (state === 'in-hand')
        this.#fail('drained', `offset ${(event as Message).position.offset} is still in hand`);
    }
  }

  #firstMissing(epoch: string, start: number, upTo: number, isOpen: boolean): Taken | undefined {
    return this.#lives.due(epoch, start, upTo).find((taken) => !this.#isAccounted(taken, isOpen));
  }

  /** @param isOpen more is to come: a conflated message may be superseded by one that was not handed out yet */
  #isAccounted(taken: Taken, isOpen: boolean): boolean {
    const { epoch, offset } = taken;
    const state = this.#handed.get(this.truth.place(epoch, offset))?.state;
    if (state === 'processed' || state === 'rejected') return true;
    if (this.#isTold(epoch, offset)) return true;
    if (!this.isConflating) return this.#isPassed(taken);
    const later = this.#later(taken);
    const isSuperseded = later.some(
      (one) =>
        isOpen ||
        this.#handed.has(this.truth.place(one.epoch, one.offset)) ||
        this.#isTold(one.epoch, one.offset),
    );
    return isSuperseded || this.#isNotWanted(taken, later);
  }

  /** It gave way to a later one, whose binding was taken back before the next queue could bring that. */
  #isNotWanted(taken: Taken, later: readonly Taken[]): boolean {
    const { account, truth } = this;
    const { epoch, offset } = taken;
    const { conflationHeader } = this.options;
    return truth
      .between(epoch, offset, truth.last(epoch))
      .some(
        (one) =>
          conflationKey(one, conflationHeader) === conflationKey(taken, conflationHeader) &&
          !later.includes(one) &&
          this.#lives.wasDueBy(account!, one),
      );
  }

  /**
   * Of a binding made after this was published, and after the queue of that time had brought something later, which was
   * processed. The next queue may bring it (PROTOCOL §5), but the SDK has passed it by then: nobody owes it.
   */
  #isPassed(taken: Taken): boolean {
    for (const { event, by, state } of this.#handed.values()) {
      if (event.kind !== 'message' || (state !== 'processed' && state !== 'rejected')) continue;
      const { epoch, offset } = event.position;
      if (epoch === taken.epoch && offset > taken.offset && !this.#lives.wasDueBy(by, taken)) return true;
    }
    return false;
  }

  #isTold(epoch: string, offset: number): boolean {
    return this.#told.some(
      (range) =>
        range.epoch === epoch && range.from <= offset && offset <= (range.to ?? Number.POSITIVE_INFINITY),
    );
  }

  #isSuperseded(epoch: string, offset: number): boolean {
    const taken = this.truth.at(epoch, offset);
    if (!taken) return false;
    const { conflationHeader } = this.options;
    const key = conflationKey(taken, conflationHeader);
    // Also by one whose binding was taken back since.
    return this.truth.epochs.some((other) => {
      const after = this.truth.between(other, other === epoch ? offset : 0, this.truth.last(other));
      return after.some(
        (one) =>
          (other === epoch || one.log !== taken.log) &&
          this.#handed.has(this.truth.place(other, one.offset)) &&
          conflationKey(one, conflationHeader) === key,
      );
    });
  }

  /** Records after this one with its conflation key. */
  #later(taken: Taken): Taken[] {
    const { conflationHeader } = this.options;
    const key = conflationKey(taken, conflationHeader);
    const later = [...this.#lives.later(taken), ...this.#lives.beside(taken)];
    return later.filter((one) => conflationKey(one, conflationHeader) === key);
  }

  #fail(invariant: string, text: string): void {
    const { overflow = 'default', ack = 'default' } = this.options;
    this.world.fail(invariant, `${this.name} (${overflow}, ack ${ack}): ${text}`);
  }
}
