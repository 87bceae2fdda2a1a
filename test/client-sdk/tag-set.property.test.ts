import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TagSet } from '../../client-sdk/src/tag-set.ts';

const tags = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });

describe('a tag set', () => {
  it('is a set of numbers', () => {
    fc.assert(
      fc.property(tags, fc.integer({ min: 0, max: 45 }), (added, above) => {
        const set = new TagSet();
        const model = new Set<number>();
        for (const tag of added) {
          expect(set.add(tag)).toBe(!model.has(tag));
          model.add(tag);
        }
        const expand = (ranges: [number, number][]) =>
          ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
        const sorted = [...model].sort((a, b) => a - b);
        expect(expand(set.ranges)).toEqual(sorted);
        expect(expand(set.above(above))).toEqual(sorted.filter((tag) => tag > above));
        let upTo = 0;
        while (model.has(upTo + 1)) upTo++;
        expect(set.upTo).toBe(upTo);
        // Neighbouring ranges are always joined.
        for (let i = 1; i < set.ranges.length; i++)
          expect(set.ranges[i]![0]).toBeGreaterThan(set.ranges[i - 1]![1] + 1);
      }),
    );
  });
});
