import { describe, expect, it } from 'vitest';
import { CONNECTIONS, idlePatterns } from '../../bench/scenarios/idle-patterns.ts';
import { matchesByDefinition } from '../core/topic-reference.ts';

describe('patterns of which hardly any are wanted', () => {
  it.each([100, 1_000, 10_000])('are %i, all different', (count) => {
    const { patterns } = idlePatterns(count);
    expect(patterns).toHaveLength(CONNECTIONS);
    const all = patterns.flat();
    expect(all).toHaveLength(count);
    // Those who want the same have the same.
    expect(new Set(all).size).toBe(count - CONNECTIONS + CONNECTIONS / 4);
  });

  it('let each message through to as many as it says, whose key is new', () => {
    const { patterns, next } = idlePatterns(2_000);
    const keys = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const [key, deliveries] = next();
      keys.add(key);
      const matching = patterns.map(
        (own) => own.filter((pattern) => matchesByDefinition(pattern, key)).length,
      );
      expect(matching.filter((count) => count === 1)).toHaveLength(deliveries);
      expect(matching.filter((count) => count > 1)).toHaveLength(0);
    }
    expect(keys.size).toBe(50);
  });
});
