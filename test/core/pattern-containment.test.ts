/** Containment of patterns by example, by vectors, and on input made to be hard. */
import { splitWords } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { MAX_CONTAINMENT_STEPS, PatternUnion } from '../../server/src/core/pattern-containment.ts';
import vectors from '../vectors/pattern-containment.json' with { type: 'json' };

describe('containment of patterns', () => {
  it.each(vectors.cases)('$asked within $granted: $contained', ({ asked, granted, contained }) => {
    const answer = new PatternUnion(granted).contains(splitWords(asked));
    expect(answer).toBe(contained ? 'contained' : 'not-contained');
  });

  it('says nothing of the limits on keys: what only they make contained is not', () => {
    const upTo32Words = Array.from({ length: 33 }, (_, words) => Array(words).fill('*').join('.'));
    expect(new PatternUnion(upTo32Words).contains(['#'])).toBe('not-contained');
  });

  it('takes no more steps than its bound, however hard the question is made, and then says so', () => {
    // Two # in each, and words between that only differ at the end: many places are alive at once.
    const hostile = Array.from({ length: 2_000 }, (_, i) =>
      ['#', ...Array(28).fill('*'), '#', '*', `w${i}`].join('.'),
    );
    const asked = ['#', ...Array(14).fill('*'), '#', ...Array(15).fill('*'), 'end'];
    const union = new PatternUnion([...hostile, '#.end']);
    const answer = union.contains(asked);
    // One more step along all places may be under way.
    expect(union.steps).toBeLessThanOrEqual(MAX_CONTAINMENT_STEPS + 2 * 2_001 * 33);
    expect(answer).toBe('too-hard');
    expect(new PatternUnion([...hostile.slice(0, 4), '#.end'], 1e9).contains(asked)).toBe('contained');
  });

  it('is polynomial where subsets of places would be exponentially many', () => {
    const wide = ['#', 'a', ...Array(30).fill('*')];
    const union = new PatternUnion([wide.join('.')]);
    expect(union.contains(wide)).toBe('contained');
    expect(union.steps).toBeLessThan(10_000);
    expect(union.contains(['#', 'b', ...Array(30).fill('*')])).toBe('not-contained');
  });

  it('knows one key from another', () => {
    const union = new PatternUnion(['a.*', 'b.#', '']);
    const keys = ['', 'a', 'a.b', 'a.b.c', 'b', 'b.x.y', 'c'];
    expect(keys.filter((key) => union.matches(splitWords(key)))).toEqual(['', 'a.b', 'b', 'b.x.y']);
  });
});
