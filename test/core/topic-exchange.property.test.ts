/**
 * The exchange against the definition: single matches, and random sequences of bind, unbind and route with
 * caches so small that every way of keeping, patching, dropping and evicting a result is taken.
 */
import { splitWords } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { EvictionClock } from '../../server/src/core/eviction-clock.ts';
import { TopicExchange } from '../../server/src/core/topic-exchange.ts';
import { isWildcard, topicMatches } from '../../server/src/core/topic-match.ts';
import { atMost, same } from '../same.ts';
import { matchesByDefinition } from './topic-reference.ts';

const text = (words: string[], maxLength: number) =>
  fc.array(fc.constantFrom(...words), { maxLength }).map((list) => list.join('.'));

const keys = text(['a', 'b', '', '*', '#'], 6);
// More `#` than the protocol allows: the matcher must not depend on the cap.
const patterns = text(['a', 'b', '', '*', '#', '#', 'a#'], 6);

describe('one pattern, one key', () => {
  test('trie and single matcher agree with the definition', () => {
    fc.assert(
      fc.property(patterns, keys, (pattern, key) => {
        const expected = matchesByDefinition(pattern, key);
        same(topicMatches(splitWords(pattern), splitWords(key)), expected);
        const exchange = new TopicExchange<object>();
        exchange.bind(pattern, {});
        same(exchange.matches(key), expected);
      }),
      { numRuns: 10_000 },
    );
  });

  test('a pattern without a wildcard word matches itself only', () => {
    fc.assert(
      fc.property(patterns, (pattern) => {
        const words = splitWords(pattern);
        same(isWildcard(pattern), words.includes('*') || words.includes('#'));
        if (!isWildcard(pattern)) same(matchesByDefinition(pattern, pattern), true);
      }),
    );
  });
});

interface Target {
  readonly id: number;
}

/** The naive model: a list of bindings, each with how often it was made. */
class Model {
  readonly bindings = new Map<string, { pattern: string; target: Target; count: number }>();

  bind(pattern: string, target: Target): boolean {
    const name = `${target.id} ${pattern}`;
    const found = this.bindings.get(name);
    if (found) found.count++;
    else this.bindings.set(name, { pattern, target, count: 1 });
    return !found;
  }

  unbind(pattern: string, target: Target): boolean {
    const name = `${target.id} ${pattern}`;
    const found = this.bindings.get(name);
    if (!found) return false;
    if (--found.count > 0) return false;
    return this.bindings.delete(name);
  }

  route(key: string): Set<Target> {
    const matching = [...this.bindings.values()].filter(({ pattern }) => matchesByDefinition(pattern, key));
    return new Set(matching.map(({ target }) => target));
  }
}

type Action = readonly [kind: 'bind' | 'unbind' | 'route', pattern: string, target: number, key: string];

const action = (targetCount: number): fc.Arbitrary<Action> =>
  fc.tuple(
    fc.constantFrom('bind' as const, 'bind' as const, 'unbind' as const, 'route' as const),
    text(['a', 'b', '', '*', '#'], 3),
    fc.nat(targetCount - 1),
    text(['a', 'b', '', '*', '#'], 3),
  );

function runAgainstModel(actions: Action[], targetCount: number, maxEntries: number, maxBytes: number): void {
  const clock = new EvictionClock({ maxEntries, maxBytes });
  const exchange = new TopicExchange<Target>(clock);
  const model = new Model();
  const targets = Array.from({ length: targetCount }, (_, id) => ({ id }));
  for (const [kind, pattern, id, key] of actions) {
    const target = targets[id]!;
    if (kind === 'bind') same(exchange.bind(pattern, target), model.bind(pattern, target));
    else if (kind === 'unbind') same(exchange.unbind(pattern, target), model.unbind(pattern, target));
    else {
      const routed = exchange.route(key);
      same(new Set(routed), model.route(key));
      same(new Set(routed).size, routed.length, 'each target once');
    }
    same(exchange.bindingCount, model.bindings.size);
    atMost(exchange.stats.cachedKeys, maxEntries);
    atMost(clock.bytes, maxBytes);
  }
  for (const { pattern, target, count } of [...model.bindings.values()]) {
    for (let i = 0; i < count; i++) exchange.unbind(pattern, target);
  }
  same(exchange.bindingCount, 0);
  same(exchange.patternCount, 0);
  same(exchange.stats.trieNodes, 1);
  for (const [, , , key] of actions) same(exchange.route(key), []);
}

describe('sequences of bind, unbind and route', () => {
  test.each([
    { targets: 3, length: 60, maxEntries: 100, maxBytes: 1_000_000 },
    { targets: 3, length: 60, maxEntries: 2, maxBytes: 1_000_000 },
    { targets: 3, length: 60, maxEntries: 1, maxBytes: 1_000_000 },
    { targets: 3, length: 60, maxEntries: 0, maxBytes: 0 },
    { targets: 3, length: 60, maxEntries: 100, maxBytes: 900 },
    // Bags that grow over the point where they get an index, and shrink below it.
    { targets: 60, length: 300, maxEntries: 10, maxBytes: 5_000 },
  ])('as the model says: $targets targets, cache of $maxEntries entries, $maxBytes bytes', (setup) => {
    fc.assert(
      fc.property(fc.array(action(setup.targets), { maxLength: setup.length, size: 'max' }), (actions) =>
        runAgainstModel(actions, setup.targets, setup.maxEntries, setup.maxBytes),
      ),
      { numRuns: 150 },
    );
  });
});
