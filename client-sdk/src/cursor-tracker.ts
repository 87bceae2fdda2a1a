/**
 * The cursor of one subscription: up to where each log was processed (PROTOCOL §10).
 *
 *      processed │ being processed, in order of delivery
 *   ─────────────┤ [5 done] [6    ] [mark] [7 done] [8    ]
 *              cursor                         ▲ processed out of order: remembered until the cursor passes it
 *
 * The cursor moves over the done ones at the front. Where deliveries are not in order of offset (`conflate`) only
 * marks and snapshot ends move it, and until a snapshot has ended nothing does. After a lost session the hub
 * reads from the cursor again: `has` recognises what need not be processed twice.
 */
import { formatCursor, type LogId, type Position } from '@ringhub/protocol';
import type { Range } from './delivery-queue.ts';

interface Entry {
  done: boolean;
  /** Where the cursor moves once this and everything before is done. */
  readonly moves: readonly Position[];
  /** Ends a snapshot: from here on the cursor moves at all. */
  readonly thaws: boolean | undefined;
  /** Of a message, to recognise it again. */
  readonly position: Position | undefined;
}

export class CursorTracker {
  /** False with `conflate`. */
  declare readonly ordered: boolean;
  #cursor = new Map<LogId, Position>();
  #frozen: boolean;
  #order: Entry[] = [];
  readonly #byTag = new Map<number, Entry>();
  /** Where an earlier snapshot ended, or how far the application came after it: what follows is missed where another one begins. */
  #seen: readonly Position[] = [];
  /** Processed beyond the cursor: each message, or with conflation the latest one of each key. */
  #known = new Map<string, Position>();

  /** @param cursor `null` until a snapshot has ended */
  constructor(ordered: boolean, cursor: string | null) {
    this.ordered = ordered;
    this.#frozen = cursor === null;
    this.#move(positionsOf(cursor));
  }

  get cursor(): string | null {
    return this.#frozen ? null : formatCursor([...this.#cursor.values()]);
  }

  /** A message came. */
  message(tag: number, position: Position): void {
    this.#append(tag, this.ordered ? [position] : [], position);
  }

  /** A gap came; `ends` is the last offset of each log that it covers, 0 where an epoch begins: that is always in order. */
  gap(tag: number, ends: readonly Position[]): void {
    this.#append(tag, this.ordered ? ends : ends.filter(({ offset }) => !offset));
  }

  /** @returns what neither this snapshot brought nor an earlier one, which a lost session had begin again */
  snapshotEnd(tag: number, cursor: string): Range[] {
    const ends = positionsOf(cursor);
    this.#append(tag, ends, undefined, true);
    return this.#seen.flatMap((seen) => {
      const { log, epoch, offset } = seen;
      const end = ends.find((other) => other.log === log);
      if (!end || isUpTo(end, seen)) return [];
      return [{ log, epoch, from: offset + 1, to: end.epoch === epoch ? end.offset : null }];
    });
  }

  /** A mark counts once everything delivered before it was processed. */
  mark(cursor: string): void {
    // Tags begin at 1.
    this.#append(0, positionsOf(cursor));
    this.settle(0);
  }

  /** What a tag stands for is processed. @param key the conflation key of a message, with `conflate` */
  settle(tag: number, key?: string): void {
    const entry = this.#byTag.get(tag);
    if (!entry) return;
    this.#byTag.delete(tag);
    entry.done = true;
    if (entry.position && key) this.add(entry.position, key);
    this.#advance();
  }

  /**
   * A later tag stands for this message, too: processed, that one moves the cursor past both. Not where a mark stands between
   * them, which has to wait for it.
   */
  forget(tag: number): void {
    const at = this.#order.indexOf(this.#byTag.get(tag)!);
    if (this.#order[at]?.position && this.#order[at + 1]?.position) {
      this.#order.splice(at, 1);
      this.#byTag.delete(tag);
    }
  }

  /** Processed, though no tag of the present session stands for it. */
  add(position: Position, key = idOf(position)): void {
    if (isUpTo(position, this.#known.get(key))) return;
    this.#known.delete(key);
    this.#known.set(key, position);
    // Bounded: the older half is forgotten, and may be seen again. Not one by one: to find the oldest one of a Map takes longer the
    // more were deleted before it.
    if (this.#known.size > 20_000) this.#known = new Map([...this.#known].slice(10_000));
  }

  /** Deliveries begin, or begin anew as the session was lost: `cursor` is the hub's answer, `null` where a snapshot comes first. */
  restart(cursor: string | null): void {
    if (cursor === null) {
      this.#seen = this.#frozen
        ? (this.#order.find(({ thaws }) => thaws)?.moves ?? this.#seen)
        : [...this.#cursor.values()];
      this.#frozen = true;
    }
    for (const { done, position } of this.#order) if (done && position && this.ordered) this.add(position);
    for (const [key, position] of this.#known) if (this.#covers(position)) this.#known.delete(key);
    this.#order = [];
    this.#byTag.clear();
    this.begin(cursor);
  }

  /**
   * Reading begins here, of logs that are not in the cursor: else another loss of the session would pass over them. A log that is
   * not read any more goes out of it: should it be read again, then from there on.
   */
  begin(cursor: string | null): void {
    if (this.#frozen) return;
    this.#cursor = new Map(
      positionsOf(cursor).map((start) => [start.log, this.#cursor.get(start.log) ?? start]),
    );
  }

  /** Whether a message that is delivered again, by a new session, was processed already. */
  has(position: Position, key = idOf(position)): boolean {
    return this.#covers(position) || isUpTo(position, this.#known.get(key));
  }

  #append(tag: number, moves: readonly Position[], position?: Position, thaws?: boolean): void {
    const entry = { done: false, moves, thaws, position };
    this.#order.push(entry);
    this.#byTag.set(tag, entry);
  }

  #advance(): void {
    while (this.#order[0]?.done) {
      const { moves, thaws, position } = this.#order.shift()!;
      if (thaws) this.#frozen = false;
      if (!this.#frozen) this.#move(moves);
      // In a snapshot messages come in no order: they are told apart one by one if it has to begin again.
      else if (position && this.ordered) this.add(position);
    }
  }

  #move(positions: readonly Position[]): void {
    for (const position of positions) if (!this.#covers(position)) this.#cursor.set(position.log, position);
  }

  /** Whether the cursor has passed this position. */
  #covers(position: Position): boolean {
    return isUpTo(position, this.#cursor.get(position.log));
  }
}

/** Tells messages apart. */
export const idOf = (position: Position): string => formatCursor([position]);

/** Cursors come from the hub, or were accepted by it: they need no checking. */
const positionsOf = (cursor: string | null | undefined): Position[] =>
  cursor
    ? cursor.split(',').map((part) => {
        const [log, epoch, offset] = part.split(':') as [LogId, string, string];
        return { log, epoch, offset: +offset };
      })
    : [];

const isUpTo = (a: Position, b: Position | undefined): boolean =>
  a.log === b?.log && a.epoch === b.epoch && a.offset <= b.offset;
