import { describe, expect, test } from 'vitest';
import { EvictionClock } from '../../server/src/core/eviction-clock.ts';
import { MatchCache, type Pattern } from '../../server/src/core/match-cache.ts';
import { TargetBag } from '../../server/src/core/target-bag.ts';

const target = (name: string) => ({ name });
type Target = ReturnType<typeof target>;

const exact = (text: string): Pattern => ({ text, words: [], wildcard: false });
const wildcard = (...words: string[]): Pattern => ({
  text: words.join('.'),
  words,
  wildcard: true,
});

const ROOMY = { maxEntries: 100, maxBytes: 100_000 };

describe('bounds', () => {
  test('what was used since the hand came by is spared once', () => {
    const clock = new EvictionClock({ maxEntries: 3, maxBytes: 100_000 });
    const cache = new MatchCache<Target>(clock);
    for (const key of ['a', 'b', 'c']) cache.add(key, new TargetBag());
    cache.get('a');
    cache.add('d', new TargetBag());
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd']);
    expect(cache.size).toBe(3);
  });

  test('bytes count keys and results, and come back to nothing', () => {
    const clock = new EvictionClock({ maxEntries: 100, maxBytes: 2_000 });
    const cache = new MatchCache<Target>(clock);
    for (let i = 0; i < 50; i++) {
      cache.add(`${i}`.padStart(200, 'k'), new TargetBag([target('t')]));
      expect(clock.bytes).toBeLessThanOrEqual(2_000);
    }
    expect(cache.size).toBe(3);
    for (let i = 0; i < 5_000; i++) cache.changed(exact('other'), target('t'), true);
    expect(cache.size).toBe(0);
    expect(clock.bytes).toBe(0);
  });

  test('a result over the bound by itself is not kept, and costs the others nothing', () => {
    const clock = new EvictionClock({ maxEntries: 100, maxBytes: 4_000 });
    const cache = new MatchCache<Target>(clock);
    cache.add('small', new TargetBag());
    const many = Array.from({ length: 1_000 }, (_, i) => target(`${i}`));
    cache.add('large', new TargetBag(many));
    expect(cache.get('large')).toBeUndefined();
    expect(cache.get('small')).toEqual([]);

    for (let i = 0; i < 100; i++) {
      cache.changed(exact('small'), target(`${i}`), true);
      const routed = cache.get('small');
      expect(routed === undefined || routed.length === i + 1).toBe(true);
      expect(clock.bytes).toBeLessThanOrEqual(4_000);
    }
    expect(cache.get('small')).toBeUndefined();
    expect(clock.bytes).toBe(0);
  });
});

describe('a key that may never come again', () => {
  const full = () => {
    const clock = new EvictionClock({ maxEntries: 3, maxBytes: 100_000 });
    const cache = new MatchCache<Target>(clock);
    for (const key of ['a', 'b', 'c']) cache.offer(key, new TargetBag([target(key)]));
    return cache;
  };
  const kept = (cache: MatchCache<Target>): string[] =>
    ['a', 'b', 'c', 'd'].filter((key) => cache.get(key) !== undefined);

  test('gets no other out of a full cache until it does', () => {
    const cache = full();
    cache.offer('d', new TargetBag());
    cache.offer('e', new TargetBag());
    expect(kept(cache)).toEqual(['a', 'b', 'c']);
    cache.offer('d', new TargetBag());
    expect(kept(cache)).toContain('d');
    expect(cache.size).toBe(3);
  });

  test('is remembered until another one comes, or a binding changes', () => {
    const cache = full();
    const bag = new TargetBag([target('t')]);
    cache.offer('d', bag);
    expect(cache.get('d')).toBe(bag.targets);
    expect(cache.get('a')).toHaveLength(1);
    expect(cache.get('d')).toBe(bag.targets);
    cache.offer('e', new TargetBag());
    expect(cache.get('d')).toBeUndefined();
    cache.changed(exact('e'), target('t'), true);
    expect(cache.get('e')).toBeUndefined();
  });

  test('is told apart from the same key of another exchange', () => {
    const clock = new EvictionClock({ maxEntries: 1, maxBytes: 100_000 });
    const [one, other] = [new MatchCache<Target>(clock), new MatchCache<Target>(clock)];
    one.offer('first', new TargetBag());
    one.offer('key', new TargetBag());
    other.offer('key', new TargetBag());
    expect([one.size, other.size]).toEqual([1, 0]);
    other.offer('key', new TargetBag());
    expect([one.size, other.size]).toEqual([0, 1]);
  });

  test('is remembered also where its result is larger than the bound', () => {
    const cache = new MatchCache<Target>(new EvictionClock({ maxEntries: 100, maxBytes: 4_000 }));
    const bag = new TargetBag(Array.from({ length: 1_000 }, (_, i) => target(`${i}`)));
    for (let i = 0; i < 3; i++) {
      cache.offer('large', bag);
      expect(cache.get('large')).toBe(bag.targets);
      expect(cache.size).toBe(0);
    }
  });
});

describe('keeping up with changes', () => {
  test('a hit is the same array, and one behind is brought up to date', () => {
    const clock = new EvictionClock(ROOMY);
    const cache = new MatchCache<Target>(clock);
    const [a, b, c] = [target('a'), target('b'), target('c')];
    cache.add('x.y', new TargetBag([a]));
    const hit = cache.get('x.y');
    expect(cache.get('x.y')).toBe(hit);
    cache.changed(wildcard('x', '#'), b, true);
    cache.changed(exact('x.z'), c, true);
    cache.changed(exact('x.y'), c, true);
    cache.changed(wildcard('*', 'y'), a, true);
    cache.changed(exact('x.y'), c, false);
    expect(cache.get('x.y')).toEqual([a, b]);
    cache.changed(exact('x.y'), a, false);
    expect(cache.get('x.y')).toEqual([a, b]);
    cache.changed(wildcard('*', 'y'), a, false);
    expect(cache.get('x.y')).toEqual([b]);
  });

  test('an entry too far behind is no hit, and is renewed in its place', () => {
    const clock = new EvictionClock(ROOMY);
    const cache = new MatchCache<Target>(clock);
    const a = target('a');
    cache.add('x', new TargetBag([a]));
    for (let i = 0; i < 32; i++) cache.changed(exact('other'), a, i % 2 === 0);
    expect(cache.get('x')).toEqual([a]);
    for (let key = 0; key < 90; key++) cache.add(`other ${key}`, new TargetBag());
    for (let i = 0; i < 33; i++) cache.changed(exact('other'), a, i % 2 === 0);
    expect(cache.get('x')).toBeUndefined();
    cache.add('x', new TargetBag());
    expect(cache.get('x')).toEqual([]);
  });

  test('a large result is worth more changes than a small one, up to the ring of changes', () => {
    const clock = new EvictionClock(ROOMY);
    const cache = new MatchCache<Target>(clock);
    const many = (count: number) => Array.from({ length: count }, (_, i) => target(`${i}`));
    const changeOthers = (count: number) => {
      for (let i = 0; i < count; i++) cache.changed(exact('other'), target('t'), true);
    };
    cache.add('large', new TargetBag(many(100)));
    changeOthers(100);
    expect(cache.get('large')?.length).toBe(100);
    changeOthers(101);
    expect(cache.get('large')).toBeUndefined();

    cache.add('larger', new TargetBag(many(600)));
    for (let i = 0; i < 256; i++) cache.changed(exact('larger'), target('late'), true);
    expect(cache.get('larger')?.length).toBe(856);
    cache.changed(exact('larger'), target('later'), true);
    changeOthers(256);
    expect(cache.get('larger')).toBeUndefined();
  });

  test('entries nobody asks for again are dropped as changes go by', () => {
    const clock = new EvictionClock(ROOMY);
    const cache = new MatchCache<Target>(clock);
    for (let key = 0; key < 100; key++) cache.add(`${key}`, new TargetBag([target('t')]));
    for (let i = 0; i < 32 + 50 + 1; i++) cache.changed(exact('other'), target('t'), true);
    expect(cache.size).toBe(0);
  });
});

test('caches on one clock share its bound, and a busy one takes the room of an idle one', () => {
  const clock = new EvictionClock({ maxEntries: 10, maxBytes: 100_000 });
  const idle = new MatchCache<Target>(clock);
  const busy = new MatchCache<Target>(clock);
  for (let key = 0; key < 10; key++) idle.add(`${key}`, new TargetBag());
  for (let key = 0; key < 8; key++) busy.add(`${key}`, new TargetBag());
  expect([idle.size, busy.size, clock.size]).toEqual([2, 8, 10]);
  for (let i = 0; i < 50; i++) idle.changed(exact('other'), target('t'), true);
  expect([idle.size, busy.size, clock.size]).toEqual([0, 8, 8]);
});

describe('a bag of targets', () => {
  test('counts, through its index and without', () => {
    const bag = new TargetBag<Target>();
    const all = Array.from({ length: 40 }, (_, i) => target(`${i}`));
    for (const t of all) expect(bag.add(t)).toBe(true);
    for (const t of all) expect(bag.add(t)).toBe(false);
    for (const t of all) expect(bag.remove(t)).toBe(false);
    for (const t of all.slice(0, 30)) expect(bag.remove(t)).toBe(true);
    for (const t of all.slice(0, 30)) expect(bag.remove(t)).toBe(false);
    expect(new Set(bag.targets)).toEqual(new Set(all.slice(30)));
    for (const t of all.slice(0, 30)) expect(bag.add(t)).toBe(true);
    for (const t of all) expect(bag.remove(t)).toBe(true);
    expect(bag.size).toBe(0);
    expect(bag.bytes).toBe(0);
  });
});
