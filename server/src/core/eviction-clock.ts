/**
 * The bound on what several caches keep together, in entries and (estimated) bytes.
 *
 * CLOCK: a hand goes round all entries; it spares once what was used since it last came by, and evicts the rest.
 * O(1) amortised, and a hit only sets a flag. Caches that share one clock share its bound, so a busy one takes
 * the room of an idle one.
 */
import { Doorkeeper } from './doorkeeper.ts';

export interface ClockLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

export interface ClockEntry {
  /** Its part of the bytes; kept by the clock. */
  bytes: number;
  /** Used since the hand last came by; set by the cache. */
  used: boolean;
  /** Its place on the clock; kept by the clock, -1 when it is not on it. */
  slot: number;
  /** The clock has evicted it. */
  evicted(): void;
  /** True where it is of no use any more, used or not. */
  isStale(): boolean;
}

export class EvictionClock {
  readonly #limits: ClockLimits;
  readonly #entries: ClockEntry[] = [];
  readonly #doorkeeper: Doorkeeper;
  #owners = 0;
  #hand = 0;
  #bytes = 0;

  constructor(limits: ClockLimits) {
    this.#limits = limits;
    this.#doorkeeper = new Doorkeeper(limits.maxEntries);
  }

  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an entry fits without any other giving way. */
  hasRoom(bytes: number): boolean {
    return this.#entries.length < this.#limits.maxEntries && this.#bytes + bytes <= this.#limits.maxBytes;
  }

  /** Whether a text came before, lately: else a full cache should not make room for it. @param owner a number of its cache */
  isKnown(text: string, owner: number): boolean {
    return this.#doorkeeper.knows(text, owner);
  }

  /** A number for a cache that shares this clock. */
  join(): number {
    return ++this.#owners;
  }

  /** Takes a new entry, which makes others give way; returns false where it is over a bound all by itself. */
  add(entry: ClockEntry, bytes: number): boolean {
    if (this.#limits.maxEntries < 1 || bytes > this.#limits.maxBytes) return false;
    this.#makeRoom(this.#limits.maxEntries - 1, this.#limits.maxBytes - bytes);
    entry.bytes = bytes;
    entry.slot = this.#entries.length;
    this.#bytes += bytes;
    this.#entries.push(entry);
    return true;
  }

  /** An entry has grown or shrunk: others give way, or it goes itself where it is over a bound alone. */
  resize(entry: ClockEntry, bytes: number): void {
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    if (bytes > this.#limits.maxBytes) this.#evict(entry);
    else this.#makeRoom(this.#limits.maxEntries, this.#limits.maxBytes);
  }

  /** Looks at the next few entries and evicts those that are stale. */
  sweep(count: number): void {
    for (let i = 0; i < count && this.#entries.length > 0; i++) {
      const entry = this.#atHand();
      if (entry.isStale()) this.#evict(entry);
      else this.#hand++;
    }
  }

  #makeRoom(maxEntries: number, maxBytes: number): void {
    while (this.#entries.length > maxEntries || this.#bytes > maxBytes) {
      const entry = this.#atHand();
      if (entry.used) {
        entry.used = false;
        this.#hand++;
      } else {
        this.#evict(entry);
        // What took its place is mostly the newest entry: it waits a whole round.
        this.#hand++;
      }
    }
  }

  #atHand(): ClockEntry {
    if (this.#hand >= this.#entries.length) this.#hand = 0;
    return this.#entries[this.#hand] as ClockEntry;
  }

  /** The last entry takes its place. */
  #evict(entry: ClockEntry): void {
    const last = this.#entries.pop() as ClockEntry;
    if (last !== entry) {
      this.#entries[entry.slot] = last;
      last.slot = entry.slot;
    }
    entry.slot = -1;
    this.#bytes -= entry.bytes;
    entry.evicted();
  }
}
