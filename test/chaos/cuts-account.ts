/**
 * The books of the cuts: what was published and became of it, and what each reader was handed, by (publisher, number). They trust
 * nothing the hub says of itself. Pure.
 *
 * Which way a message takes follows from its number, so each reader knows what it has to get: of each publisher the numbers of its
 * ways, in order, each once. A number may be missing only where the reader is allowed gaps and was told one in that place.
 */

export const DURABLE_EXCHANGE = 'cuts';
export const VOLATILE_EXCHANGE = 'amq.topic';

/** Routing keys; `kept` and `shared` are those of durable queues. */
const DURABLE_WAYS = ['log.a', 'log.b', 'log.c', 'kept', 'shared'] as const;
const LIVE_WAYS = ['live.a', 'live.b', 'live.c'] as const;
export type Way = (typeof DURABLE_WAYS)[number] | (typeof LIVE_WAYS)[number];

/** Publishers so many; the first ones publish what is durable, the others what is not. */
export const PUBLISHERS = 8;
const DURABLE_PUBLISHERS = 5;

/** The ways that the messages of a publisher take, in turn. */
export const waysOf = (publisher: number): readonly Way[] =>
  publisher < DURABLE_PUBLISHERS ? DURABLE_WAYS : LIVE_WAYS;
export const wayOf = (publisher: number, n: number): Way => {
  const ways = waysOf(publisher);
  return ways[n % ways.length]!;
};
export const isLive = (way: Way): boolean => way.startsWith('live');

const PADDING = '.'.repeat(60);
export const payloadOf = (publisher: number, n: number): string => `${publisher}:${n}:${PADDING}`;
const PAYLOAD = /^(\d+):(\d+):\.{60}$/;

const MAX_TOLD = 60;
const MAX_TOLD_OF_A_KIND = 5;
const CONFIRMED = 1;
const UNKNOWN = 2;
const SEEN = 1;
const MARKED = 2;

/** A byte for each number, as many as are needed. */
class ByteList {
  private bytes = new Uint8Array(1_024);

  get(index: number): number {
    return this.bytes[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.bytes.length) {
      const more = new Uint8Array(Math.max(index + 1, this.bytes.length * 2));
      more.set(this.bytes);
      this.bytes = more;
    }
    this.bytes[index] = value;
  }
}

export interface ReaderRules {
  readonly name: string;
  readonly ways: readonly Way[];
  /** Consumers that share a queue get what is sent again in any order, and twice where it says so. */
  readonly isShared?: boolean;
  /** What is in memory only is gone with the hub's process: told by a gap. */
  readonly mayMiss?: boolean;
}

export class CutsAccount {
  /** Messages of each publisher so far: they have the numbers from 0. */
  readonly published = new Array<number>(PUBLISHERS).fill(0);
  confirmed = 0;
  unknown = 0;
  violations = 0;
  /** The first of them, in words. */
  readonly told: string[] = [];
  readonly readers: ReaderBook[] = [];
  private readonly kinds = new Map<string, number>();
  private readonly outcomes = Array.from({ length: PUBLISHERS }, () => new ByteList());
  private readonly confirmedByWay = new Map<Way, number>();

  get publishedInAll(): number {
    return this.published.reduce((sum, count) => sum + count, 0);
  }

  get pending(): number {
    return this.publishedInAll - this.confirmed - this.unknown;
  }

  reader(rules: ReaderRules): ReaderBook {
    const book = new ReaderBook(rules, this);
    this.readers.push(book);
    return book;
  }

  confirm(publisher: number, n: number): void {
    this.settle(publisher, n, CONFIRMED);
    this.confirmed++;
    const way = wayOf(publisher, n);
    this.confirmedByWay.set(way, this.confirmedOf(way) + 1);
  }

  confirmedOf(way: Way): number {
    return this.confirmedByWay.get(way) ?? 0;
  }

  /** Nobody can know whether it was taken: true of what was in memory only. */
  lose(publisher: number, n: number): void {
    if (!isLive(wayOf(publisher, n))) this.violation(`${publisher}:${n} is durable, and its fate unknown`);
    this.settle(publisher, n, UNKNOWN);
    this.unknown++;
  }

  isConfirmed(publisher: number, n: number): boolean {
    return this.outcomes[publisher]!.get(n) === CONFIRMED;
  }

  violation(text: string): void {
    this.violations++;
    // A few of each kind: what differs in numbers alone is of one kind.
    const kind = text.replaceAll(/\d+/g, '');
    const count = (this.kinds.get(kind) ?? 0) + 1;
    this.kinds.set(kind, count);
    if (count <= MAX_TOLD_OF_A_KIND && this.told.length < MAX_TOLD) this.told.push(text);
  }

  private settle(publisher: number, n: number, outcome: number): void {
    const outcomes = this.outcomes[publisher]!;
    if (outcomes.get(n) !== 0) this.violation(`${publisher}:${n} ended twice`);
    outcomes.set(n, outcome);
  }
}

export class ReaderBook {
  received = 0;
  duplicates = 0;
  reordered = 0;
  gaps = 0;
  /** Handed out again, as what is sent again may be. */
  repeated = 0;
  private readonly seen: ByteList[];
  private readonly last: number[];
  /** By publisher: a gap came after this number, and nothing since. */
  private readonly gapAfter = new Map<number, number>();
  /** By publisher: numbers between which a gap was told. */
  private readonly excused: (readonly [after: number, before: number])[][];

  constructor(
    readonly rules: ReaderRules,
    private readonly account: CutsAccount,
  ) {
    this.seen = account.published.map(() => new ByteList());
    this.last = account.published.map(() => -1);
    this.excused = account.published.map(() => []);
  }

  /** The last number that came of a publisher; −1 before the first. */
  lastOf(publisher: number): number {
    return this.last[publisher]!;
  }

  /**
   * @param isMarked whether the message says that it was sent before
   * @param said what else it says of itself, to be told of one that is not right
   */
  take(payload: unknown, isMarked = false, said: unknown = undefined): void {
    const [, publisher, n] = (PAYLOAD.exec(String(payload)) ?? []).map(Number);
    const { name, ways, isShared } = this.rules;
    if (
      publisher === undefined ||
      n === undefined ||
      !ways.includes(wayOf(publisher, n)) ||
      !this.wasPublished(publisher, n)
    ) {
      const rest = said === undefined ? '' : ` (${JSON.stringify(said)})`;
      this.account.violation(`${name} was given ${String(payload)}${rest}, which was never published to it`);
      return;
    }
    const seen = this.seen[publisher]!;
    const last = this.last[publisher]!;
    const before = seen.get(n);
    if (before !== 0) {
      // The copy that is marked may be handed out before the one that was sent first, by another consumer.
      this.again(publisher, n, isMarked || before === MARKED);
      return;
    }
    seen.set(n, isMarked ? MARKED : SEEN);
    this.received++;
    if (n < last && !isShared) {
      this.reordered++;
      this.account.violation(`${name}: ${publisher}:${n} came after ${publisher}:${last}`);
    }
    this.last[publisher] = Math.max(n, last);
    const after = this.gapAfter.get(publisher);
    if (after === undefined) return;
    this.gapAfter.delete(publisher);
    this.excused[publisher]!.push([after, n]);
  }

  /** Messages are missing here, it was said. */
  gap(reason: string): void {
    this.gaps++;
    // Another process has another epoch; nothing else may be missing.
    if (!this.rules.mayMiss || reason !== 'epoch')
      this.account.violation(`${this.rules.name} was told of a gap: ${reason}`);
    this.last.forEach((last, publisher) => {
      if (!this.gapAfter.has(publisher)) this.gapAfter.set(publisher, last);
    });
  }

  /** As many came as there are for it. */
  get isComplete(): boolean {
    return this.received >= this.rules.ways.reduce((sum, way) => sum + this.account.confirmedOf(way), 0);
  }

  /** Confirmed, for this reader, and never handed to it, nor told as missing. */
  get lost(): string[] {
    const lost: string[] = [];
    this.account.published.forEach((count, publisher) => {
      for (let n = 0; n < count; n++) {
        if (!this.rules.ways.includes(wayOf(publisher, n)) || this.seen[publisher]!.get(n) !== 0) continue;
        if (!this.account.isConfirmed(publisher, n)) continue;
        const isTold = this.excused[publisher]!.some(([after, before]) => n > after && n < before);
        if (!isTold) lost.push(`${this.rules.name} ${publisher}:${n}`);
      }
    });
    return lost;
  }

  private wasPublished(publisher: number, n: number): boolean {
    return n < (this.account.published[publisher] ?? 0);
  }

  private again(publisher: number, n: number, isMarked: boolean): void {
    if (this.rules.isShared && isMarked) {
      this.repeated++;
      return;
    }
    this.duplicates++;
    this.account.violation(`${this.rules.name}: ${publisher}:${n} came twice`);
  }
}
