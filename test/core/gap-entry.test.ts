/** Losses merged: exact counts, at most 32 ranges (PROTOCOL §9). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GapEntry, MAX_RANGES } from '../../server/src/core/gap-entry.ts';
import { EPOCH, textOf } from './stored-record.ts';

const lost = (offsets: number[], dense = true): GapEntry => {
  const gap = new GapEntry();
  for (const offset of offsets) gap.addMessage('v', EPOCH, offset, 'overflow', dense);
  return gap;
};

describe('a gap', () => {
  it('widens its last range for a neighbour, also over offsets of other queues where it is dense', () => {
    expect(textOf(lost([1, 2, 5]))).toBe('gap overflow 3 [1-5:3]');
    expect(textOf(lost([1, 2, 5], false))).toBe('gap overflow 3 [1-2:2 5-5:1]');
    expect(textOf(lost([5, 4]))).toBe('gap overflow 2 [5-5:1 4-4:1]');
  });

  it('keeps reasons, logs and epochs apart', () => {
    const gap = lost([1]);
    gap.addMessage('v', EPOCH, 2, 'memory', true);
    gap.addMessage('v', 'e2', 3, 'memory', true);
    gap.addMessage('d', 'e2', 4, 'memory', true);
    expect(gap.ranges.map((r) => [r.log, r.epoch, r.from, r.reason])).toEqual([
      ['v', EPOCH, 1, 'overflow'],
      ['v', EPOCH, 2, 'memory'],
      ['v', 'e2', 3, 'memory'],
      ['d', 'e2', 4, 'memory'],
    ]);
    expect(gap.toGap().reason).toBe('several');
  });

  it('has no count once one loss has none, and the others keep theirs', () => {
    const gap = lost([1, 2]);
    gap.addRange({ log: 'v', epoch: EPOCH, from: 3, to: 9, count: null, reason: 'trimmed' });
    gap.addMessage('v', EPOCH, 10, 'overflow', true);
    expect(gap.count).toBeNull();
    expect(gap.ranges.map(({ count }) => count)).toEqual([2, null, 1]);
  });

  it('counts into an unknown range of the same reason without inventing a count', () => {
    const gap = new GapEntry();
    gap.addRange({ log: 'v', epoch: EPOCH, from: 1, to: 5, count: null, reason: 'not-received' });
    gap.addMessage('v', EPOCH, 6, 'not-received', true);
    expect([gap.count, gap.ranges.length, gap.ranges[0]!.count]).toEqual([null, 1, null]);
  });

  it('takes over another, and leaves that as it was', () => {
    const [a, b] = [lost([1, 2]), lost([5])];
    a.absorb(b);
    a.addMessage('v', EPOCH, 6, 'overflow', true);
    expect(textOf(a)).toBe('gap overflow 4 [1-2:2 5-6:2]');
    expect(textOf(b)).toBe('gap overflow 1 [5-5:1]');
  });

  it('joins the closest neighbours beyond its bound, and says several where their reasons differ', () => {
    const gap = new GapEntry();
    for (let i = 0; i < MAX_RANGES; i++)
      gap.addMessage('v', EPOCH, 100 * i, i % 2 ? 'memory' : 'overflow', false);
    gap.addMessage('v', EPOCH, 100 * MAX_RANGES - 98, 'overflow', false);
    expect(gap.ranges).toHaveLength(MAX_RANGES);
    expect(gap.ranges.at(-1)).toMatchObject({
      from: 100 * (MAX_RANGES - 1),
      to: 100 * MAX_RANGES - 98,
      count: 2,
      reason: 'several',
    });
    expect(gap.count).toBe(MAX_RANGES + 1);
  });

  it('never joins over logs, epochs or an open end', () => {
    const gap = new GapEntry();
    gap.addRange({ log: 'v', epoch: 'old', from: 7, to: null, count: null, reason: 'epoch' });
    for (let i = 0; i < 2 * MAX_RANGES; i++) gap.addMessage('v', EPOCH, 2 * i, 'overflow', false);
    expect(gap.ranges).toHaveLength(MAX_RANGES);
    expect(gap.ranges[0]).toMatchObject({ epoch: 'old', to: null });
  });

  it('knows its lowest offset in a log', () => {
    expect(lost([9, 3], false).lowestOffset('v')).toBe(3);
    expect(lost([9]).lowestOffset('d')).toBe(Number.POSITIVE_INFINITY);
  });

  it('covers every loss and counts each once, whatever is lost in whatever order', () => {
    const offsets = fc.array(fc.nat(500), { maxLength: 200 });
    fc.assert(
      fc.property(offsets, fc.boolean(), (list, dense) => {
        const gap = lost(list, dense);
        expect(gap.count).toBe(list.length);
        expect(gap.ranges.length).toBeLessThanOrEqual(MAX_RANGES);
        expect(gap.ranges.reduce((all, { count }) => all + count!, 0)).toBe(list.length);
        for (const offset of list)
          expect(gap.ranges.some((r) => r.from <= offset && offset <= r.to!)).toBe(true);
      }),
    );
  });
});
