import { keyFault, patternFault, splitWords } from '@ringhub/protocol';
import { describe, expect, test } from 'vitest';
import { TopicExchange } from '../../server/src/core/topic-exchange.ts';
import { topicMatches } from '../../server/src/core/topic-match.ts';
import vectors from '../vectors/topic-routing.json' with { type: 'json' };
import { matchesByDefinition } from './topic-reference.ts';

interface Target {
  readonly name: string;
}

const namesFor = (exchange: TopicExchange<Target>, key: string): string[] =>
  exchange
    .route(key)
    .map((target) => target.name)
    .sort();

describe("RabbitMQ's table", () => {
  const { bindings, before, remove, after } = vectors.rabbitmq;
  const targets = new Map(bindings.map(({ target }) => [target, { name: target }]));
  const bound = bindings.filter(({ reject }) => reject === undefined);

  function boundExchange(): TopicExchange<Target> {
    const exchange = new TopicExchange<Target>();
    for (const { pattern, target } of bound) exchange.bind(pattern, targets.get(target)!);
    return exchange;
  }

  test('only the binding marked so is refused', () => {
    for (const { pattern, reject } of bindings) expect(patternFault(pattern)).toBe(reject);
    expect(bindings.length - bound.length).toBe(1);
  });

  test.each(before)('"$key" before removals', ({ key, targets: expected }) => {
    expect(namesFor(boundExchange(), key)).toEqual([...expected].sort());
  });

  test.each(after)(
    '"$key" after removals, from the cache and worked out anew',
    ({ key, targets: expected }) => {
      const exchange = boundExchange();
      const fresh = boundExchange();
      exchange.route(key);
      const misses = exchange.stats.cacheMisses;
      for (const { pattern, target } of bound) {
        if (!remove.includes(target)) continue;
        expect(exchange.unbind(pattern, targets.get(target)!)).toBe(true);
        fresh.unbind(pattern, targets.get(target)!);
      }
      expect(namesFor(exchange, key)).toEqual([...expected].sort());
      expect(namesFor(fresh, key)).toEqual([...expected].sort());
      expect(exchange.stats.cacheMisses).toBe(misses);
      expect(fresh.stats.cacheMisses).toBe(1);
    },
  );

  test('nothing is left when all are removed', () => {
    const exchange = boundExchange();
    for (const { key } of before) exchange.route(key);
    for (const { pattern, target } of bound) exchange.unbind(pattern, targets.get(target)!);
    for (const { key } of before) expect(exchange.route(key)).toEqual([]);
    expect(exchange.bindingCount).toBe(0);
    expect(exchange.patternCount).toBe(0);
    expect(exchange.stats.trieNodes).toBe(1);
  });
});

describe('edges', () => {
  test.each(vectors.patterns)('"$pattern"', ({ pattern, matches, not }) => {
    expect(patternFault(pattern)).toBeUndefined();
    const exchange = new TopicExchange<Target>();
    const target = { name: pattern };
    exchange.bind(pattern, target);
    for (const [keys, expected] of [
      [matches, true],
      [not, false],
    ] as const) {
      for (const key of keys) {
        expect(keyFault(key), key).toBeUndefined();
        expect(exchange.route(key), key).toEqual(expected ? [target] : []);
        expect(exchange.matches(key), key).toBe(expected);
        expect(topicMatches(splitWords(pattern), splitWords(key)), key).toBe(expected);
        expect(matchesByDefinition(pattern, key), key).toBe(expected);
      }
    }
  });

  test.each(vectors.rejects)('$error: "$pattern"', ({ pattern, error }) => {
    expect(patternFault(pattern)).toBe(error);
  });
});

describe('bindings', () => {
  const a = { name: 'a' };
  const b = { name: 'b' };

  test('a target bound by several patterns comes once, and stays until the last is gone', () => {
    const exchange = new TopicExchange<Target>();
    for (const pattern of ['x.y', 'x.*', '#']) expect(exchange.bind(pattern, a)).toBe(true);
    expect(exchange.route('x.y')).toEqual([a]);
    expect(exchange.unbind('x.*', a)).toBe(true);
    expect(exchange.route('x.y')).toEqual([a]);
    expect(exchange.unbind('x.y', a)).toBe(true);
    expect(exchange.route('x.y')).toEqual([a]);
    expect(exchange.unbind('#', a)).toBe(true);
    expect(exchange.route('x.y')).toEqual([]);
    expect(exchange.stats.cacheMisses).toBe(1);
  });

  test('the same binding made twice is taken back twice', () => {
    const exchange = new TopicExchange<Target>();
    expect(exchange.bind('x.#', a)).toBe(true);
    expect(exchange.bind('x.#', a)).toBe(false);
    expect(exchange.bindingCount).toBe(1);
    expect(exchange.unbind('x.#', a)).toBe(false);
    expect(exchange.route('x')).toEqual([a]);
    expect(exchange.unbind('x.#', a)).toBe(true);
    expect(exchange.route('x')).toEqual([]);
    expect(exchange.unbind('x.#', a)).toBe(false);
    expect(exchange.bindingCount).toBe(0);
  });

  test('unbinding what was never bound changes nothing', () => {
    const exchange = new TopicExchange<Target>();
    exchange.bind('x.*', a);
    expect(exchange.unbind('x.*', b)).toBe(false);
    expect(exchange.unbind('x.#', a)).toBe(false);
    expect(exchange.unbind('x', a)).toBe(false);
    expect(exchange.route('x.1')).toEqual([a]);
  });

  test('a pattern with its longer and shorter neighbours is removed alone', () => {
    const exchange = new TopicExchange<Target>();
    const patterns = ['a.*', 'a.*.b', 'a.*.b.#', 'a.#', 'a.#.b'];
    for (const pattern of patterns) exchange.bind(pattern, { name: pattern });
    const nodes = exchange.stats.trieNodes;
    exchange.bind('a.*.b.#.c.d', a);
    expect(exchange.stats.trieNodes, 'the # below b is shared now').toBe(nodes + 1);
    exchange.unbind('a.*.b.#.c.d', a);
    expect(exchange.stats.trieNodes).toBe(nodes);
    expect(namesFor(exchange, 'a.x.b')).toEqual(['a.#', 'a.#.b', 'a.*.b', 'a.*.b.#']);
  });

  test('a key that reads like a pattern is an ordinary key', () => {
    const exchange = new TopicExchange<Target>();
    exchange.bind('a.#', a);
    exchange.bind('a.*', b);
    expect(namesFor(exchange, 'a.#')).toEqual(['a', 'b']);
    expect(namesFor(exchange, 'a.*')).toEqual(['a', 'b']);
    expect(namesFor(exchange, 'a')).toEqual(['a']);
    exchange.unbind('a.#', a);
    expect(namesFor(exchange, 'a.#')).toEqual(['b']);
    expect(namesFor(exchange, 'a.*')).toEqual(['b']);
  });

  test('binding and unbinding leave an array alone that is being read', () => {
    const exchange = new TopicExchange<Target>();
    const many = Array.from({ length: 40 }, (_, i) => ({ name: `${i}` }));
    for (const target of many) exchange.bind('k', target);
    const seen: Target[] = [];
    for (const target of exchange.route('k')) {
      seen.push(target);
      exchange.unbind('k', target);
      exchange.bind('#', { name: `late ${target.name}` });
    }
    expect(seen).toEqual(many);
    expect(exchange.route('k').length).toBe(40);
  });
});
