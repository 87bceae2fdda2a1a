/**
 * An exchange's results by routing key: bounded, and kept up to date rather than wiped.
 *
 * - The bound is an {@link EvictionClock}, which several exchanges may share. Where it is full, a key has to come twice
 *   before another one gives way: keys that hardly ever come again would only push each other out. The last one that
 *   was not let in is remembered apart, as a message is routed more than once on its way.
 * - Every change of a binding has a number (the version) and goes into a ring of the last {@link LOG_SIZE}. An
 *   entry knows the version it stands for. When it is asked for again, the changes since are applied to it, each
 *   by testing one pattern against its key. Further behind than the ring, or than a new match would cost, it is
 *   no hit.
 * - A result refers to targets that may have been removed since. Lest such a target be kept by a key nobody
 *   asks for again, each change also looks at {@link SWEPT_PER_CHANGE} entries and drops those that are too old
 *   to be brought up to date.
 */
import { splitWords } from '@ringhub/protocol';
import type { ClockEntry, EvictionClock } from './eviction-clock.ts';
import type { TargetBag } from './target-bag.ts';
import { topicMatches } from './topic-match.ts';

/** What a cache has to know of a pattern whose bindings change. */
export interface Pattern {
  readonly text: string;
  /** Empty where it has no wildcard: then its text says all. */
  readonly words: readonly string[];
  readonly wildcard: boolean;
}

const LOG_SIZE = 256;
/** An entry this few changes behind is always brought up to date; a larger one, by as many as it has targets. */
const ALWAYS_PATCHED = 32;
const SWEPT_PER_CHANGE = 2;
/** About what an entry costs beside its key's characters and its targets. */
const ENTRY_BYTES = 240;

interface Change<T extends object> {
  readonly pattern: Pattern;
  readonly target: T;
  readonly added: boolean;
}

class Entry<T extends object> implements ClockEntry {
  bytes = 0;
  used = false;
  slot = -1;

  constructor(
    readonly owner: MatchCache<T>,
    readonly key: string,
    public bag: TargetBag<T>,
    public version: number,
  ) {}

  get cost(): number {
    return costOf(this.key, this.bag);
  }

  evicted(): void {
    this.owner.forget(this.key);
  }

  isStale(): boolean {
    return (
      this.owner.changesSince(this.version) > Math.min(LOG_SIZE, Math.max(ALWAYS_PATCHED, this.bag.size))
    );
  }
}

const costOf = (key: string, bag: TargetBag<object>): number => ENTRY_BYTES + 2 * key.length + bag.bytes;

export class MatchCache<T extends object> {
  readonly #clock: EvictionClock;
  readonly #byKey = new Map<string, Entry<T>>();
  readonly #log: Change<T>[] = [];
  readonly #owner: number;
  /** Of the last key that was not let in. */
  #passingKey = '';
  #passing: readonly T[] | undefined;
  #version = 0;
  #patches = 0;

  constructor(clock: EvictionClock) {
    this.#clock = clock;
    this.#owner = clock.join();
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Changes applied to entries so far. */
  get patches(): number {
    return this.#patches;
  }

  /** A target was bound to a pattern, or unbound from it, for good (not one of several equal bindings). */
  changed(pattern: Pattern, target: T, added: boolean): void {
    this.#passing = undefined;
    this.#log[this.#version % LOG_SIZE] = { pattern, target, added };
    this.#version++;
    this.#clock.sweep(SWEPT_PER_CHANGE);
  }

  /** The result for a key as of now, or `undefined` where it has to be worked out. */
  get(key: string): readonly T[] | undefined {
    if (this.#passing !== undefined && this.#passingKey === key) return this.#passing;
    const entry = this.#byKey.get(key);
    if (entry === undefined) return undefined;
    if (entry.version !== this.#version && !this.#bringUpToDate(entry)) return undefined;
    entry.used = true;
    return entry.bag.targets;
  }

  /** Takes a result worked out just now: keeps it, or makes no other give way for what may never be asked for again. */
  offer(key: string, bag: TargetBag<T>): void {
    const isLetIn = this.#clock.hasRoom(costOf(key, bag)) || this.#clock.isKnown(key, this.#owner);
    if (isLetIn && this.add(key, bag)) return;
    this.#passingKey = key;
    this.#passing = bag.targets;
  }

  /** Keeps a result worked out just now; false where it is over the bounds all by itself. */
  add(key: string, bag: TargetBag<T>): boolean {
    const earlier = this.#byKey.get(key);
    if (earlier) {
      earlier.bag = bag;
      earlier.version = this.#version;
      this.#clock.resize(earlier, earlier.cost);
      return earlier.slot >= 0;
    }
    const entry = new Entry(this, key, bag, this.#version);
    const isKept = this.#clock.add(entry, entry.cost);
    if (isKept) this.#byKey.set(key, entry);
    return isKept;
  }

  /** For its entries: the clock has evicted this one. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  /** For its entries: how far one is behind. */
  changesSince(version: number): number {
    return this.#version - version;
  }

  #bringUpToDate(entry: Entry<T>): boolean {
    if (entry.isStale()) return false;
    let words: string[] | undefined;
    for (let version = entry.version; version < this.#version; version++) {
      const { pattern, target, added } = this.#log[version % LOG_SIZE] as Change<T>;
      this.#patches++;
      if (pattern.wildcard) {
        words ??= splitWords(entry.key);
        if (!topicMatches(pattern.words, words)) continue;
      } else if (pattern.text !== entry.key) {
        continue;
      }
      if (added) entry.bag.add(target);
      else entry.bag.remove(target);
    }
    entry.version = this.#version;
    this.#clock.resize(entry, entry.cost);
    return true;
  }
}
