/** Hostile patterns and large tables, bounded by counted steps: the same on every machine. */
import { MAX_KEY_WORDS, splitWords } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TopicExchange } from '../../server/src/core/topic-exchange.ts';
import { topicMatches } from '../../server/src/core/topic-match.ts';
import { TopicTrie, type TrieEntry } from '../../server/src/core/topic-trie.ts';
import { matchesByDefinition } from './topic-reference.ts';

const repeat = (word: string, count: number) => new Array<string>(count).fill(word);

/** Nodes entered and patterns compared by one match. */
function visitsOf(trie: TopicTrie<TrieEntry>, key: string[]): number {
  const before = trie.visits;
  trie.match(key);
  return trie.visits - before;
}

describe('pattern bombs', () => {
  const key = repeat('a', MAX_KEY_WORDS);
  const positions = MAX_KEY_WORDS + 1;

  test('every pattern of two #, with * and a between, enters a node once per position at most', () => {
    const trie = new TopicTrie<TrieEntry>();
    let count = 0;
    for (let first = 0; first < MAX_KEY_WORDS; first++) {
      for (let second = first + 1; second < MAX_KEY_WORDS; second++) {
        for (const filler of ['*', 'a']) {
          const pattern = repeat(filler, MAX_KEY_WORDS);
          pattern[first] = '#';
          pattern[second] = '#';
          trie.add({ words: pattern });
          count++;
        }
      }
    }
    expect(trie.match(key).length).toBe(count);
    expect(visitsOf(trie, key)).toBeLessThanOrEqual((trie.nodeCount + trie.entryCount) * positions);
  });

  test('many # do no harm either, though the protocol refuses them', () => {
    const trie = new TopicTrie<TrieEntry>();
    const pattern = repeat('#', 32).flatMap((hash) => [hash, '*']);
    trie.add({ words: pattern });
    trie.add({ words: [...repeat('#', 40), 'b'] });
    expect(visitsOf(trie, key)).toBeLessThanOrEqual((trie.nodeCount + trie.entryCount) * positions);
    expect(trie.match(key).length).toBe(1);
    expect(trie.match([...key, 'b']).length).toBe(2);
  });

  test('#.*.# alone costs a few visits a word', () => {
    const trie = new TopicTrie<TrieEntry>();
    trie.add({ words: ['#', '*', '#'] });
    expect(visitsOf(trie, key)).toBeLessThanOrEqual(4 * positions);
  });

  /** The key, counting how often one of its words is looked at. */
  let looks = 0;
  const counted = new Proxy(key, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) looks++;
      return Reflect.get(target, name);
    },
  });

  test('what hangs from a node is compared with few words, too: in all, patterns × words × positions at most', () => {
    const trie = new TopicTrie<TrieEntry>();
    const hung = [
      ['#', ...repeat('a', 31)],
      ['#', 'a', '#', ...repeat('a', 29)],
      ['#', 'a', '#', ...repeat('a', 28), 'b'],
      [...repeat('a', 15), '#', ...repeat('a', 15), 'b'],
      ['*', '#', ...repeat('a', 14), '#', ...repeat('a', 14), 'b'],
    ];
    for (const words of hung) trie.add({ words });
    looks = 0;
    expect(trie.match(counted).length).toBe(2);
    expect(looks).toBeLessThanOrEqual(hung.length * MAX_KEY_WORDS * positions);
  });

  test('the single matcher looks at words at most |pattern| × |key| times', () => {
    for (const pattern of [
      [...repeat('#', 31), 'b'],
      ['#', ...repeat('a', 15), '#', ...repeat('a', 14), 'b'],
      repeat('#', 16)
        .flatMap((hash) => [hash, 'a'])
        .concat('b'),
    ]) {
      looks = 0;
      expect(topicMatches(pattern, counted)).toBe(false);
      expect(looks).toBeLessThanOrEqual(pattern.length * key.length);
    }
  });
});

describe('shape', () => {
  const ab = { words: ['a', '*', 'b'] };
  const ac = { words: ['a', '*', 'c'] };

  test('a pattern alone has no node of its own; two that part have one for each word they share', () => {
    const trie = new TopicTrie<TrieEntry>();
    trie.add(ab);
    expect(trie.nodeCount).toBe(1);
    trie.add(ac);
    expect(trie.nodeCount).toBe(3);
    expect(trie.remove(ab)).toBe(true);
    expect(trie.nodeCount).toBe(1);
    expect(trie.match(['a', 'x', 'c'])).toEqual([ac]);
  });

  test('another of the same words is not the one that is there', () => {
    const trie = new TopicTrie<TrieEntry>();
    trie.add(ab);
    expect(trie.remove({ ...ab })).toBe(false);
    expect(trie.remove(ac)).toBe(false);
    expect(trie.match(['a', 'x', 'b'])).toEqual([ab]);
    expect(trie.entryCount).toBe(1);
  });

  test('it depends on the patterns that are there, not on those that came and went', () => {
    const words = fc.array(fc.constantFrom('a', 'b', '*', '#', '#'), { minLength: 1, maxLength: 6 });
    const patterns = fc.uniqueArray(words, { selector: (list) => list.join('.'), maxLength: 20 });
    fc.assert(
      fc.property(
        patterns,
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        words,
        (all, stays, key) => {
          const entries = all.map((list) => ({ words: list }));
          const trie = new TopicTrie<TrieEntry>();
          for (const entry of entries) trie.add(entry);
          const rest = entries.filter((_, i) => stays[i]);
          for (const entry of entries) if (!rest.includes(entry)) expect(trie.remove(entry)).toBe(true);
          const fresh = new TopicTrie<TrieEntry>();
          for (const entry of rest.toReversed()) fresh.add(entry);
          expect([trie.nodeCount, trie.entryCount]).toEqual([fresh.nodeCount, rest.length]);
          const found = trie.match(key);
          expect(new Set(found)).toEqual(
            new Set(rest.filter((entry) => matchesByDefinition(entry.words.join('.'), key.join('.')))),
          );
          expect(new Set(found).size, 'each once').toBe(found.length);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('100,000 patterns', () => {
  const COUNT = 100_000;
  const patternAt = (i: number) =>
    [`a${i % 97}.b${i}.*`, `a${i % 97}.*.c${i}`, `#.d${i}`, `a${i % 97}.b${i}.#`, `exact.${i}`][i % 5]!;
  const exchange = new TopicExchange<{ i: number }>();
  const targets = Array.from({ length: COUNT }, (_, i) => ({ i }));

  test('a match visits a few nodes, not the table', () => {
    for (const target of targets) exchange.bind(patternAt(target.i), target);
    expect(exchange.patternCount).toBe(COUNT);
    for (const [key, found] of [
      ['a1.b500.x', 0],
      [`a${500 % 97}.b500.x`, 1],
      [`a${1 % 97}.anything.c1`, 1],
      ['x.y.z.d2', 1],
      [`a3.b3.and.so.on`, 1],
      ['exact.4', 1],
      [repeat('a1', 32).join('.'), 0],
    ] as const) {
      const before = exchange.stats.trieVisits;
      expect(exchange.route(key).length, key).toBe(found);
      expect(exchange.stats.trieVisits - before).toBeLessThanOrEqual(4 * (splitWords(key).length + 1));
    }
  });

  test('one change costs a cached key one test of a pattern', () => {
    exchange.route('exact.9');
    const { cachePatches, cacheMisses, trieVisits } = exchange.stats;
    const late = { i: -1 };
    exchange.bind('exact.*', late);
    expect(exchange.route('exact.9')).toEqual([targets[9], late]);
    exchange.unbind('exact.*', late);
    expect(exchange.route('exact.9')).toEqual([targets[9]]);
    expect(exchange.stats).toMatchObject({ cachePatches: cachePatches + 2, cacheMisses, trieVisits });
  });

  test('removing all of them leaves no node, and no cached key that is out of date', () => {
    for (const target of targets) expect(exchange.unbind(patternAt(target.i), target)).toBe(true);
    expect(exchange.patternCount).toBe(0);
    expect(exchange.bindingCount).toBe(0);
    expect(exchange.stats.trieNodes).toBe(1);
    expect(exchange.stats.cachedKeys).toBe(0);
  });
});

describe('what a change costs', () => {
  /** Of patterns with wildcards, as a site has them: of areas and things that come and go. */
  const patternAt = (i: number) =>
    [`a${i % 97}.b${i}.*`, `a${i % 97}.*.c${i}`, `#.d${i}`, `a${i % 97}.b${i}.#`][i % 4]!;

  /** Nodes looked at to put in, and to take out, a pattern in a table of so many. */
  function stepsAt(patterns: number): { add: number; remove: number } {
    const exchange = new TopicExchange<{ i: number }>();
    const targets = Array.from({ length: patterns + 1_000 }, (_, i) => ({ i }));
    for (const target of targets.slice(0, patterns)) exchange.bind(patternAt(target.i), target);
    const late = targets.slice(patterns);
    const before = exchange.stats.trieSteps;
    for (const target of late) exchange.bind(patternAt(target.i), target);
    const between = exchange.stats.trieSteps;
    for (const target of late) exchange.unbind(patternAt(target.i), target);
    return { add: (between - before) / 1_000, remove: (exchange.stats.trieSteps - between) / 1_000 };
  }

  test('is the same few nodes among 1,000 patterns and among 100,000', () => {
    const few = stepsAt(1_000);
    const many = stepsAt(100_000);
    expect(few.add).toBeGreaterThan(1);
    expect(many.add).toBeLessThanOrEqual(1.1 * few.add);
    expect(few.remove).toBeGreaterThan(1);
    expect(many.remove).toBeLessThanOrEqual(1.1 * few.remove);
    expect(Math.max(few.add, few.remove)).toBeLessThan(5);
  });
});
