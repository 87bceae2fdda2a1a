/**
 * A topic exchange: which targets get a message with this key (PROTOCOL §5).
 *
 *     route(key) ─► cache ──hit──────────────────────────────► targets
 *                     └─miss─► exact pattern + trie of wildcards ─► each target once ─► cache
 *
 * A target may be bound by several patterns and still stands in a result once. The same binding made twice
 * counts two, and is gone when it was taken back twice. Patterns are taken as they are: what the protocol
 * refuses (`patternFault`) is refused before. Matching is polynomial for any pattern all the same.
 *
 * After `unbind` a target is in no result; the cache may refer to it for some changes more, so a queue that
 * ends should let go of what it holds.
 */
import { splitWords } from '@ringhub/protocol';
import { type ClockLimits, EvictionClock } from './eviction-clock.ts';
import { MatchCache } from './match-cache.ts';
import { TargetBag } from './target-bag.ts';
import { TopicPattern } from './topic-pattern.ts';
import { TopicTrie } from './topic-trie.ts';

const CACHE_LIMITS: ClockLimits = { maxEntries: 8192, maxBytes: 8 * 1024 * 1024 };

export class TopicExchange<T extends object> {
  /** Every pattern with a binding, by its text. */
  readonly #patterns = new Map<string, TopicPattern<T>>();
  readonly #wildcards = new TopicTrie<TopicPattern<T>>();
  readonly #cache: MatchCache<T>;
  #bindingCount = 0;
  #misses = 0;

  /** @param clock bounds the cached results; exchanges given the same one share its bound. */
  constructor(clock: EvictionClock = new EvictionClock(CACHE_LIMITS)) {
    this.#cache = new MatchCache(clock);
  }

  /** Different bindings: pairs of a pattern and a target. */
  get bindingCount(): number {
    return this.#bindingCount;
  }

  get patternCount(): number {
    return this.#patterns.size;
  }

  /** For metrics and tests: sizes now, and work done so far. */
  get stats() {
    return {
      trieNodes: this.#wildcards.nodeCount,
      trieVisits: this.#wildcards.visits,
      trieSteps: this.#wildcards.steps,
      cachedKeys: this.#cache.size,
      cachePatches: this.#cache.patches,
      cacheMisses: this.#misses,
    };
  }

  /** Returns false where this very binding existed already; it then has to be taken back once more. */
  bind(text: string, target: T): boolean {
    let pattern = this.#patterns.get(text);
    if (pattern === undefined) pattern = this.#addPattern(text, target);
    else if (!pattern.add(target)) return false;
    this.#bindingCount++;
    this.#cache.changed(pattern, target, true);
    return true;
  }

  /** Returns true where the binding is gone now; false where there was none, or it had been made more often. */
  unbind(text: string, target: T): boolean {
    const pattern = this.#patterns.get(text);
    if (!pattern?.remove(target)) return false;
    this.#bindingCount--;
    if (pattern.isEmpty) this.#removePattern(pattern);
    this.#cache.changed(pattern, target, false);
    return true;
  }

  /**
   * Every target with a pattern that matches, once, in no particular order. The array is the cache's own:
   * neither keep nor change it, and be done with it before this key is routed again. Binding and unbinding
   * leave it alone, so targets may come and go while it is read.
   */
  route(key: string): readonly T[] {
    return this.#cache.get(key) ?? this.#work(key);
  }

  /** True where the key has a target. */
  matches(key: string): boolean {
    return this.route(key).length > 0;
  }

  #work(key: string): readonly T[] {
    this.#misses++;
    const found = this.#wildcards.entryCount === 0 ? [] : this.#wildcards.match(splitWords(key));
    const exact = this.#patterns.get(key);
    // A key may read like a wildcard pattern; then the trie has found that pattern, if it matches.
    if (exact && !exact.wildcard) found.push(exact);
    const bag = new TargetBag<T>(found[0]?.targets);
    for (let i = 1; i < found.length; i++) {
      for (const target of (found[i] as TopicPattern<T>).targets) bag.add(target);
    }
    this.#cache.offer(key, bag);
    return bag.targets;
  }

  #addPattern(text: string, target: T): TopicPattern<T> {
    const pattern = new TopicPattern(text, target);
    this.#patterns.set(text, pattern);
    if (pattern.wildcard) this.#wildcards.add(pattern);
    return pattern;
  }

  #removePattern(pattern: TopicPattern<T>): void {
    this.#patterns.delete(pattern.text);
    if (pattern.wildcard) this.#wildcards.remove(pattern);
  }
}
