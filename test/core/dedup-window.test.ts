/** Publish ids: remembered per subject and exchange, within bounds. */
import { describe, expect, it } from 'vitest';
import { DedupWindow } from '../../server/src/core/dedup-window.ts';

describe('the dedup window', () => {
  it('keeps subjects, exchanges and ids apart', () => {
    const window = new DedupWindow();
    window.remember('s', 'e', 'i', 7, 0);
    expect(window.find('s', 'e', 'i', 0)).toBe(7);
    for (const [s, e, i] of [
      ['t', 'e', 'i'],
      ['s', 'f', 'i'],
      ['s', 'e', 'j'],
      ['se', '', 'i'],
      ['s', 'ei', ''],
    ] as const) {
      expect(window.find(s, e, i, 0)).toBeUndefined();
    }
  });

  it('forgets the oldest beyond its entries', () => {
    const window = new DedupWindow({ maxEntries: 2, maxAgeMs: 1_000 });
    for (let i = 1; i <= 3; i++) window.remember('s', 'e', `${i}`, i, 0);
    expect(window.size).toBe(2);
    expect([1, 2, 3].map((i) => window.find('s', 'e', `${i}`, 0))).toEqual([undefined, 2, 3]);
  });

  it('forgets what is too old, also before anything newer comes', () => {
    const window = new DedupWindow({ maxEntries: 100, maxAgeMs: 1_000 });
    window.remember('s', 'e', 'a', 1, 0);
    expect([window.find('s', 'e', 'a', 1_000), window.find('s', 'e', 'a', 1_001)]).toEqual([1, undefined]);
    window.remember('s', 'e', 'b', 2, 2_000);
    expect(window.size).toBe(1);
  });

  it('remembers anew, and counts the age from then', () => {
    const window = new DedupWindow({ maxEntries: 2, maxAgeMs: 1_000 });
    window.remember('s', 'e', 'a', 1, 0);
    window.remember('s', 'e', 'b', 2, 0);
    window.remember('s', 'e', 'a', 3, 900);
    window.remember('s', 'e', 'c', 4, 900);
    expect(['a', 'b', 'c'].map((id) => window.find('s', 'e', id, 1_500))).toEqual([3, undefined, 4]);
  });
});
