/**
 * The cursor of one subscription: up to where each log was processed (PROTOCOL §10).
 *
 *      processed │ being processed, in order of delivery
 *   ─────────────┤ [5 done] [6    ] [mark] [7 done] [8    ]
 *              cursor                         ▲ processed out of order: remembered until the cursor passes it
 *
 * The cursor moves over the done ones at the front. Where deliveries are not in order of offset (`conflate`) only
 * marks and snapshot ends move it, and until a snapshot has ended nothing does. After a lost session the hub
 * reads from the cursor again: `wasProcessed` recognises what need not be processed twice.
 */
import { formatCursor, type LogId, type Position, parseCursor } from '@ringhub/protocol';

interface Entry {
  done: boolean;
  /** Where the cursor moves once this and everything before is done. */
  readonly moves: readonly Position[];
  /** Ends a snapshot: from here on the cursor moves at all. */
  readonly thaws: boolean;
  /** Of a message, to recognise it again. */
  readonly position: Position | undefined;
}

/** Bound of the conflation keys remembered between two marks; the oldest is forgotten, and may be seen again. */
const MAX_KEYS = 10_000;

export class CursorTracker {
  readonly #cursor = new Map<LogId, Position>();
  #frozen: boolean;
  #order: Entry[] = [];
  /** How many of `#order` are behind the cursor already. */
  #passed = 0;
  #byTag = new Map<number, Entry>();
  /** Processed beyond the cursor, in an order of its own. */
  readonly #beyond = new Map<string, Position>();
  /** With conflation: the latest processed position of each key. */
  readonly #latest = new Map<string, Position>();

  /** @param ordered false with `conflate` @param cursor `null` until a snapshot has ended */
  constructor(
    readonly ordered: boolean,
    cursor: string | null,
  ) {
    this.#frozen = cursor === null;
    this.#merge(parseCursor(cursor ?? '') ?? []);
  }

  get cursor(): string | null {
    return this.#frozen ? null : formatCursor([...this.#cursor.values()]);
  }

  receivedMessage(tag: number, position: Position): void {
    this.#append(tag, this.ordered ? [position] : [], false, position);
  }

  /** @param ends the last offset of each log that the gap covers */
  receivedGap(tag: number, ends: readonly Position[]): void {
    this.#append(tag, this.ordered ? ends : [], false);
  }

  receivedSnapshotEnd(tag: number, cursor: string): void {
    this.#append(tag, parseCursor(cursor) ?? [], true);
  }

  /** A mark counts once everything delivered before it was processed. */
  receivedMark(cursor: string): void {
    const entry = { done: true, moves: parseCursor(cursor) ?? [], thaws: false, position: undefined };
    this.#order.push(entry);
    this.#advance();
  }

  /** @param key the conflation key of a message, with `conflate` */
  processed(tag: number, key?: string): void {
    const entry = this.#byTag.get(tag);
    if (!entry) return;
    this.#byTag.delete(tag);
    entry.done = true;
    if (entry.position && key !== undefined) this.#remember(key, entry.position);
    this.#advance();
  }

  /** Processed after the session it was delivered by was lost. */
  processedLate(position: Position, key?: string): void {
    if (key !== undefined) this.#remember(key, position);
    else if (!this.#covers(position)) this.#beyond.set(idOf(position), position);
  }

  /** The session was lost: deliveries begin anew from the cursor. */
  restart(): void {
    for (const { done, position } of this.#order.slice(this.#passed)) {
      if (done && position && this.ordered) this.#beyond.set(idOf(position), position);
    }
    for (const [id, position] of this.#beyond) if (this.#covers(position)) this.#beyond.delete(id);
    this.#order = [];
    this.#passed = 0;
    this.#byTag = new Map();
  }

  /** Whether a message that is delivered again, by a new session, was processed already. */
  wasProcessed(position: Position, key?: string): boolean {
    if (key === undefined) return this.#covers(position) || this.#beyond.has(idOf(position));
    const latest = this.#latest.get(key);
    return latest !== undefined && isSameLog(latest, position) && position.offset <= latest.offset;
  }

  #append(tag: number, moves: readonly Position[], thaws: boolean, position?: Position): void {
    const entry = { done: false, moves, thaws, position };
    this.#order.push(entry);
    this.#byTag.set(tag, entry);
  }

  #advance(): void {
    for (let entry = this.#order[this.#passed]; entry?.done; entry = this.#order[++this.#passed]) {
      const { moves, thaws, position } = entry;
      if (thaws) {
        this.#frozen = false;
        this.#beyond.clear();
      }
      if (!this.#frozen) this.#merge(moves);
      // In a snapshot messages come in no order: they are told apart one by one if it has to begin again.
      else if (position && this.ordered && this.#beyond.size < MAX_KEYS)
        this.#beyond.set(idOf(position), position);
    }
    // Moving the rest down only now and then keeps this linear.
    if (this.#passed < 64 || this.#passed * 2 < this.#order.length) return;
    this.#order.splice(0, this.#passed);
    this.#passed = 0;
  }

  #merge(positions: readonly Position[]): void {
    for (const position of positions) {
      const current = this.#cursor.get(position.log);
      if (current && current.epoch === position.epoch && current.offset >= position.offset) continue;
      this.#cursor.set(position.log, position);
    }
    if (this.#latest.size === 0 || positions.length === 0) return;
    for (const [key, position] of this.#latest) if (this.#covers(position)) this.#latest.delete(key);
  }

  /** Whether the cursor has passed this position. */
  #covers(position: Position): boolean {
    const current = this.#frozen ? undefined : this.#cursor.get(position.log);
    return current !== undefined && current.epoch === position.epoch && position.offset <= current.offset;
  }

  #remember(key: string, position: Position): void {
    const latest = this.#latest.get(key);
    if (latest && isSameLog(latest, position) && latest.offset >= position.offset) return;
    this.#latest.delete(key);
    this.#latest.set(key, position);
    if (this.#latest.size > MAX_KEYS) this.#latest.delete(this.#latest.keys().next().value as string);
  }
}

const idOf = ({ log, epoch, offset }: Position): string => `${log}:${epoch}:${offset}`;

const isSameLog = (a: Position, b: Position): boolean => a.log === b.log && a.epoch === b.epoch;
