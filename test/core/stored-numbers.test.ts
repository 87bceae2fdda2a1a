/** Numbers that were stored are known exactly as far back as there is room, and never said not to be where nobody knows. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_RANGES, StoredNumbers } from '../../server/src/core/stored-numbers.ts';

it('says of each number what is true, or that nobody knows, also of those that come a second time', () => {
  const step = fc.record({
    by: fc.integer({ min: 1, max: 3 }),
    again: fc.option(fc.nat(400), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const numbers = new StoredNumbers();
      const added = new Set<number>();
      let seq = 0;
      for (const { by, again } of steps) {
        seq += by;
        numbers.add(seq);
        added.add(seq);
        const [known] = again === undefined ? [] : [[...added][again % added.size]!];
        if (known !== undefined) numbers.add(known);
      }
      for (let n = 1; n <= seq + 1; n++) {
        const said = numbers.has(n);
        if (said !== 'unknown') expect(said, `${n}`).toBe(added.has(n) ? 'yes' : 'no');
      }
      expect(numbers.ranges.length).toBeLessThanOrEqual(MAX_RANGES);
      // What is saved says the same.
      const { ranges, knownFrom } = numbers.saved;
      const read = new StoredNumbers(ranges, knownFrom);
      for (let n = 1; n <= seq + 1; n++) expect(read.has(n)).toBe(numbers.has(n));
    }),
  );
});
