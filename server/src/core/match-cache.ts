/**
 * Results by routing key: bounded, and kept up to date rather than wiped.
 *
 * - Bounds: entries and bytes (an estimate of keys and results together). Eviction is CLOCK: a hand goes
 *   round, spares once what was used since it last came by, and drops the rest; O(1) amortised.
 * - Every change of a binding has a number (the version) and goes into a ring of the last {@link LOG_SIZE}. An
 *   entry knows the version it stands for. When it is asked for again, the changes since are applied to it, each
 *   by testing one pattern against its key. Further behind than the ring, or than a new match would cost, it is
 *   no hit.
 * - A result refers to targets that may have been removed since. Lest such a target be kept by a key nobody
 *   asks for again, each change also looks at {@link SWEPT_PER_CHANGE} entries and drops those that are too old
 *   to be brought up to date.
 */
import { splitWords } from '@ringhub/protocol';
import type { TargetBag } from './target-bag.ts';
import { topicMatches } from './topic-match.ts';

export interface MatchCacheLimits {
  /** Keys with a result. */
  readonly maxEntries: number;
  /** Estimated bytes of keys and results together. */
  readonly maxBytes: number;
}

export interface Pattern<T extends object> {
  readonly text: string;
  /** Empty where it has no wildcard: then its text says all. */
  readonly words: readonly string[];
  readonly wildcard: boolean;
  readonly bag: TargetBag<T>;
}

const LOG_SIZE = 1024;
/** An entry this few changes behind is always brought up to date; a larger one, by as many as it has targets. */
const ALWAYS_PATCHED = 32;
const SWEPT_PER_CHANGE = 2;
/** About what an entry costs beside its key's characters and its targets. */
const ENTRY_BYTES = 240;

interface Change<T extends object> {
  readonly pattern: Pattern<T>;
  readonly target: T;
  readonly added: boolean;
}

interface Entry<T extends object> {
  readonly key: string;
  bag: TargetBag<T>;
  version: number;
  /** Its part of the cache's bytes. */
  bytes: number;
  /** Asked for since the hand last came by. */
  used: boolean;
  /** Its place on the clock. */
  slot: number;
}

export class MatchCache<T extends object> {
  readonly #limits: MatchCacheLimits;
  readonly #byKey = new Map<string, Entry<T>>();
  /** The same entries, for the hand to go round. */
  readonly #clock: Entry<T>[] = [];
  #hand = 0;
  #bytes = 0;
  readonly #log: Change<T>[] = [];
  #version = 0;
  #patches = 0;

  constructor(limits: MatchCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#clock.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Changes applied to entries so far. */
  get patches(): number {
    return this.#patches;
  }

  /** A target was bound to a pattern, or unbound from it, for good (not one of several equal bindings). */
  changed(pattern: Pattern<T>, target: T, added: boolean): void {
    this.#log[this.#version % LOG_SIZE] = { pattern, target, added };
    this.#version++;
    for (let i = 0; i < SWEPT_PER_CHANGE && this.#clock.length > 0; i++) {
      const entry = this.#atHand();
      if (this.#isTooOld(entry)) this.#drop(entry);
      else this.#hand++;
    }
  }

  /** The result for a key as of now, or `undefined` where it has to be worked out. */
  get(key: string): readonly T[] | undefined {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return undefined;
    if (entry.version !== this.#version && !this.#bringUpToDate(entry)) return undefined;
    entry.used = true;
    return entry.bag.targets;
  }

  /** Keeps a result worked out just now; one that is over the bounds all by itself is not kept. */
  add(key: string, bag: TargetBag<T>): void {
    const earlier = this.#byKey.get(key);
    if (earlier) {
      earlier.bag = bag;
      earlier.version = this.#version;
      this.#resized(earlier);
      return;
    }
    this.#evict(this.#limits.maxEntries - 1);
    if (this.#clock.length >= this.#limits.maxEntries) return;
    const entry = { key, bag, version: this.#version, bytes: 0, used: false, slot: this.#clock.length };
    this.#byKey.set(key, entry);
    this.#clock.push(entry);
    this.#resized(entry);
  }

  #isTooOld(entry: Entry<T>): boolean {
    const behind = this.#version - entry.version;
    return behind > LOG_SIZE || behind > Math.max(ALWAYS_PATCHED, entry.bag.size);
  }

  #bringUpToDate(entry: Entry<T>): boolean {
    if (this.#isTooOld(entry)) return false;
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
    this.#resized(entry);
    return true;
  }

  /** Counts an entry anew and makes room for it, or drops it where it is over the bound all by itself. */
  #resized(entry: Entry<T>): void {
    const bytes = ENTRY_BYTES + 2 * entry.key.length + entry.bag.bytes;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    if (bytes > this.#limits.maxBytes) this.#drop(entry);
    else this.#evict(this.#limits.maxEntries);
  }

  #evict(maxEntries: number): void {
    while (
      this.#clock.length > 0 &&
      (this.#clock.length > maxEntries || this.#bytes > this.#limits.maxBytes)
    ) {
      const entry = this.#atHand();
      if (entry.used) {
        entry.used = false;
        this.#hand++;
      } else {
        this.#drop(entry);
      }
    }
  }

  #atHand(): Entry<T> {
    if (this.#hand >= this.#clock.length) this.#hand = 0;
    return this.#clock[this.#hand] as Entry<T>;
  }

  /** The last entry on the clock takes its place. */
  #drop(entry: Entry<T>): void {
    const last = this.#clock.pop() as Entry<T>;
    if (last !== entry) {
      this.#clock[entry.slot] = last;
      last.slot = entry.slot;
    }
    this.#byKey.delete(entry.key);
    this.#bytes -= entry.bytes;
  }
}
