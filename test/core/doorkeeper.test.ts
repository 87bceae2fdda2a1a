/** Which texts came before, by a bit for each. */
import { describe, expect, it } from 'vitest';
import { Doorkeeper } from '../../server/src/core/doorkeeper.ts';

const keys = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}.s${i % 97}.d${i}`);

describe('a doorkeeper', () => {
  it('knows what came before, and for another owner not', () => {
    const door = new Doorkeeper(100);
    expect([door.knows('a', 1), door.knows('a', 1), door.knows('a', 2), door.knows('b', 1)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it('lets few in that came once: of eight bits for each of them one is set', () => {
    const door = new Doorkeeper(10_000);
    const letIn = keys(10_000, 'once').filter((key) => door.knows(key, 1)).length;
    // On average as many as bits are set, half of an eighth; the table is a power of two, and so larger.
    expect(letIn).toBeLessThan(10_000 / 16);
    expect(keys(5_000, 'once').every((key) => door.knows(key, 1))).toBe(true);
  });

  it('forgets all once as many came as it is for', () => {
    const door = new Doorkeeper(1_000);
    door.knows('early', 1);
    for (const key of keys(2_000, 'more')) door.knows(key, 1);
    expect(door.knows('early', 1)).toBe(false);
  });
});
