/**
 * Is every key that one topic pattern matches also matched by one of some others? (PROTOCOL §21)
 *
 * In a *plain key* of a pattern a fresh word, which no pattern names, stands for each `*`, and any number of them for each
 * `#`. What matches a fresh word is a wildcard, and would match whatever stood there instead: the asked pattern is
 * contained where all its plain keys are matched, and only there. The others are followed along a plain key as the set of
 * places (words of patterns) reached so far.
 *
 *     asked a.#       granted a | a.*.#      a → {end of the first, the *}  fresh → {#, end}  fresh → the same: contained
 *
 * Under fresh words a place moves on, or stays where it is a `#`: after as many of them as the longest pattern has words
 * the set changes no more. So a `#` is tried with few words, and the work is polynomial. It is bounded besides: what takes more steps
 * is not contained. Limits on keys (32 words, 255 bytes) are passed over, and a key of one empty word counts, which cannot
 * be written: a pattern that is contained only thanks to them is refused, which is the safe side. No RegExp is made of
 * anything.
 */
import { splitWords } from '@ringhub/protocol';
import { topicMatches } from './topic-match.ts';

export type Containment = 'contained' | 'not-contained' | 'too-hard';

/** Places looked at for one question; about a millisecond. */
export const MAX_CONTAINMENT_STEPS = 200_000;

const LITERAL = 0;
const STAR = 1;
const HASH = 2;
const END = 3;

/** A word that no pattern names. */
const FRESH = undefined;

export class PatternUnion {
  /** Places looked at for the last question. */
  steps = 0;

  private readonly patterns: readonly (readonly string[])[];
  /** All patterns in one row; behind each an `END`. A place is an index into these. */
  private readonly words: string[] = [];
  private readonly kinds: number[] = [];
  /** Places behind which everything is matched: a `#`, and nothing but those to the end. */
  private readonly isOpen: boolean[] = [];
  private readonly starts: number[] = [];
  /** When a place was last put into a set: tells doubles. */
  private readonly marks: Uint32Array;
  private mark = 0;

  constructor(
    patterns: readonly string[],
    private readonly maxSteps = MAX_CONTAINMENT_STEPS,
  ) {
    this.patterns = [...new Set(patterns)].map(splitWords);
    for (const pattern of this.patterns) this.append(pattern);
    this.marks = new Uint32Array(this.kinds.length);
  }

  /** Whether one of the patterns matches a key, given as words. */
  matches(key: readonly string[]): boolean {
    for (const pattern of this.patterns) if (topicMatches(pattern, key)) return true;
    return false;
  }

  /** Whether all keys of a pattern, given as words, are matched. */
  contains(asked: readonly string[]): Containment {
    this.steps = 0;
    return this.walk(asked, 0, this.closure(this.starts));
  }

  private append(pattern: readonly string[]): void {
    this.starts.push(this.kinds.length);
    for (const [at, word] of pattern.entries()) {
      this.words.push(word);
      this.kinds.push(word === '*' ? STAR : word === '#' ? HASH : LITERAL);
      this.isOpen.push(pattern.slice(at).every((rest) => rest === '#'));
    }
    this.words.push('');
    this.kinds.push(END);
    this.isOpen.push(false);
  }

  private walk(asked: readonly string[], from: number, places: readonly number[]): Containment {
    let here = places;
    for (let at = from; at < asked.length; at++) {
      if (this.steps > this.maxSteps) return 'too-hard';
      // Nothing can match what begins so, and every pattern has a key.
      if (here.length === 0) return 'not-contained';
      if (here.some((place) => this.isOpen[place])) return 'contained';
      const word = asked[at]!;
      if (word === '#') return this.walkHash(asked, at, here);
      here = this.step(here, word === '*' ? FRESH : word);
    }
    return here.some((place) => this.kinds[place] === END) ? 'contained' : 'not-contained';
  }

  /** What follows a `#` is tried behind none, one, two … words, until one more makes no difference. */
  private walkHash(asked: readonly string[], at: number, places: readonly number[]): Containment {
    for (let here = places; ; ) {
      const answer = this.walk(asked, at + 1, here);
      if (answer !== 'contained') return answer;
      const next = this.step(here, FRESH);
      if (isSame(here, next)) return 'contained';
      here = next;
    }
  }

  /** The places behind one more word. */
  private step(places: readonly number[], word: string | undefined): number[] {
    const next: number[] = [];
    for (const place of places) {
      const kind = this.kinds[place];
      if (kind === HASH) next.push(place);
      else if (kind === STAR || (kind === LITERAL && word === this.words[place])) next.push(place + 1);
    }
    this.steps += places.length;
    return this.closure(next);
  }

  /** Adds what is reached without a word: a `#` may take none. In ascending order, each place once. */
  private closure(places: readonly number[]): number[] {
    this.mark++;
    const all: number[] = [];
    for (const place of places) {
      for (let at = place; this.marks[at] !== this.mark; at++) {
        this.marks[at] = this.mark;
        all.push(at);
        if (this.kinds[at] !== HASH) break;
      }
    }
    this.steps += all.length;
    return all.sort((a, b) => a - b);
  }
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((place, at) => place === b[at]);
