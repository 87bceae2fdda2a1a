/** Hostile patterns and large tables, bounded by counted steps: the same on every machine. */
import { MAX_KEY_WORDS, splitWords } from '@ringhub/protocol';
import { describe, expect, test } from 'vitest';
import { TopicExchange } from '../../server/src/core/topic-exchange.ts';
import { topicMatches } from '../../server/src/core/topic-match.ts';
import { TopicTrie } from '../../server/src/core/topic-trie.ts';

const repeat = (word: string, count: number) => new Array<string>(count).fill(word);

/** Nodes entered by one match. */
function visitsOf(trie: TopicTrie<object>, key: string[]): number {
  const before = trie.visits;
  trie.match(key);
  return trie.visits - before;
}

describe('pattern bombs', () => {
  const key = repeat('a', MAX_KEY_WORDS);
  const positions = MAX_KEY_WORDS + 1;

  test('every pattern of two #, with * and a between, enters a node once per position at most', () => {
    const trie = new TopicTrie<object>();
    let count = 0;
    for (let first = 0; first < MAX_KEY_WORDS; first++) {
      for (let second = first + 1; second < MAX_KEY_WORDS; second++) {
        for (const filler of ['*', 'a']) {
          const pattern = repeat(filler, MAX_KEY_WORDS);
          pattern[first] = '#';
          pattern[second] = '#';
          trie.set(pattern, { pattern });
          count++;
        }
      }
    }
    expect(trie.match(key).length).toBe(count);
    expect(visitsOf(trie, key)).toBeLessThanOrEqual(trie.nodeCount * positions);
  });

  test('many # do no harm either, though the protocol refuses them', () => {
    const trie = new TopicTrie<object>();
    const pattern = repeat('#', 32).flatMap((hash) => [hash, '*']);
    trie.set(pattern, {});
    trie.set([...repeat('#', 40), 'b'], {});
    expect(visitsOf(trie, key)).toBeLessThanOrEqual(trie.nodeCount * positions);
    expect(trie.match(key).length).toBe(1);
    expect(trie.match([...key, 'b']).length).toBe(2);
  });

  test('#.*.# alone costs a few visits a word', () => {
    const trie = new TopicTrie<object>();
    trie.set(['#', '*', '#'], {});
    expect(visitsOf(trie, key)).toBeLessThanOrEqual(4 * positions);
  });

  test('the single matcher looks at words at most |pattern| × |key| times', () => {
    let looks = 0;
    const counted = new Proxy(key, {
      get(target, name) {
        if (typeof name === 'string' && /^\d+$/.test(name)) looks++;
        return Reflect.get(target, name);
      },
    });
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
