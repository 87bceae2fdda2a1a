/**
 * Containment against brute force: every key of a small alphabet up to a length, matched by the definition.
 *
 * Why that is enough. Words: patterns here name `a`, `b` and the empty word; `o` stands for all others, which no pattern
 * can tell apart. Lengths: patterns have up to 3 words. A key that the asked pattern matches and no granted one does, if
 * longer than 3 + 3 · 2 words, has more than 3 words in a row that one `#` of the asked pattern takes; put `o` for each of
 * them. A granted pattern (3 words) that matched the key with one `o` of these left out would have a `#` among them that can
 * take it, too, so it would match the whole key: without it, it is no match, either. So the shortest such key has
 * 3 fixed words and two runs of 4 at most; all of those whose runs are of `o` are looked at, and all others up to 4 words.
 */
import { splitWords } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PatternUnion } from '../../server/src/core/pattern-containment.ts';
import { matchesByDefinition, wordsMatch } from './topic-reference.ts';

const WORDS = ['a', 'b', '', 'o'];
const MAX_LENGTH = 4;
const MAX_RUN = 4;

const keysUpTo = (length: number): string[][] =>
  length === 0 ? [[]] : [[], ...keysUpTo(length - 1).flatMap((rest) => WORDS.map((word) => [word, ...rest]))];

const KEYS = [...new Map(keysUpTo(MAX_LENGTH).map((key) => [key.join('/'), key])).values()];

/** The keys of a pattern with `o` for each `*`, and runs of it for each `#`. */
function plainKeys(pattern: readonly string[]): string[][] {
  let keys: string[][] = [[]];
  for (const word of pattern) {
    const parts =
      word === '#'
        ? Array.from({ length: MAX_RUN + 1 }, (_, run) => Array<string>(run).fill('o'))
        : [[word === '*' ? 'o' : word]];
    keys = keys.flatMap((key) => parts.map((part) => [...key, ...part]));
  }
  return keys;
}

const patternOf = (maxLength: number) =>
  fc
    .array(fc.constantFrom('a', 'b', '', '*', '#'), { maxLength })
    .filter((words) => words.filter((word) => word === '#').length <= 2)
    .map((words) => words.join('.'));

describe('containment', () => {
  test('is what brute force finds', () => {
    const counted = { contained: 0, 'not-contained': 0 };
    const pattern = patternOf(3);
    fc.assert(
      fc.property(pattern, fc.array(pattern, { maxLength: 4 }), (asked, granted) => {
        const [wanted, ...others] = [asked, ...granted].map(splitWords) as [string[], ...string[][]];
        const answer = new PatternUnion(granted).contains(wanted);
        const keys = [...KEYS.filter((key) => wordsMatch(wanted, key)), ...plainKeys(wanted)];
        const stray = keys.find((key) => !others.some((other) => wordsMatch(other, key)));
        expect(answer).toBe(stray === undefined ? 'contained' : 'not-contained');
        counted[answer as keyof typeof counted]++;
      }),
      { numRuns: 1_500 },
    );
    // Both answers were put to the test.
    expect(counted.contained).toBeGreaterThan(100);
    expect(counted['not-contained']).toBeGreaterThan(100);
  });

  test('holds for every key: what is contained matches nothing else', () => {
    const words = fc.constantFrom('a', 'b', '', 'c', 'long', '*', '#');
    const key = fc.array(words, { maxLength: 8 }).map((list) => list.join('.'));
    const pattern = patternOf(8);
    fc.assert(
      fc.property(pattern, fc.array(pattern, { maxLength: 6 }), key, (asked, granted, one) => {
        const union = new PatternUnion(granted);
        const isGranted = granted.some((other) => matchesByDefinition(other, one));
        expect(union.matches(splitWords(one))).toBe(isGranted);
        if (matchesByDefinition(asked, one) && union.contains(splitWords(asked)) === 'contained')
          expect(isGranted).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});
