/**
 * One binding pattern of a topic exchange, with the targets bound by it.
 *
 * Nearly every pattern has one target, bound once: it is held as it is. A bag is made for more, and stays.
 */
import { splitWords } from '@ringhub/protocol';
import { TargetBag } from './target-bag.ts';
import { isWildcard } from './topic-match.ts';

const NO_WORDS: readonly string[] = [];

export class TopicPattern<T extends object> {
  readonly text: string;
  readonly wildcard: boolean;
  /** Empty where it has no wildcard: then its text says all. */
  readonly words: readonly string[];
  #bound: T | TargetBag<T> | undefined;

  constructor(text: string, target: T) {
    this.text = text;
    this.wildcard = isWildcard(text);
    this.words = this.wildcard ? splitWords(text) : NO_WORDS;
    this.#bound = target;
  }

  /** Each target once. */
  get targets(): readonly T[] {
    const bound = this.#bound;
    if (bound === undefined) return [];
    return bound instanceof TargetBag ? bound.targets : [bound];
  }

  get isEmpty(): boolean {
    const bound = this.#bound;
    return bound === undefined || (bound instanceof TargetBag && bound.size === 0);
  }

  /** True where the target was not bound by this pattern. */
  add(target: T): boolean {
    const bound = this.#bound;
    if (bound instanceof TargetBag) return bound.add(target);
    const bag = new TargetBag(bound === undefined ? [] : [bound]);
    this.#bound = bag;
    return bag.add(target);
  }

  /** Takes back one `add`; true where it was the last one, and the target is gone. */
  remove(target: T): boolean {
    const bound = this.#bound;
    if (bound instanceof TargetBag) return bound.remove(target);
    if (bound !== target) return false;
    this.#bound = undefined;
    return true;
  }
}
