/** Numbers that were stored are known exactly as far back as they may be asked for, and never said not to be where nobody knows. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MIN_RANGES, StoredNumbers } from '../../server/src/core/stored-numbers.ts';

it('says of each number what is true, or that nobody knows, also of those that come a second time', () => {
  const step = fc.record({
    by: fc.integer({ min: 1, max: 3 }),
    again: fc.option(fc.nat(400), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 200 }), (steps, window) => {
      const numbers = new StoredNumbers();
      const added = new Set<number>();
      let seq = 0;
      for (const { by, again } of steps) {
        seq += by;
        numbers.add(seq, window);
        added.add(seq);
        const [known] = again === undefined ? [] : [[...added][again % added.size]!];
        if (known !== undefined) numbers.add(known, window);
      }
      for (let n = 1; n <= seq + 1; n++) {
        const said = numbers.has(n);
        if (said !== 'unknown') expect(said, `${n}`).toBe(added.has(n) ? 'yes' : 'no');
      }
      // What may be unconfirmed is never unknown.
      const inOrder = [...added];
      for (let n = inOrder[Math.max(0, inOrder.length - window)] ?? 1; n <= seq; n++)
        expect(numbers.has(n), `${n}`).not.toBe('unknown');
      expect(numbers.rangeCount).toBeLessThanOrEqual(Math.max(MIN_RANGES, window));
      // What is saved says the same.
      const { ranges, knownFrom } = numbers.saved;
      const read = new StoredNumbers(ranges, knownFrom);
      for (let n = 1; n <= seq + 1; n++) expect(read.has(n)).toBe(numbers.has(n));
    }),
  );
});

it('keeps so many, however they lie, and what lies in a row in one range', () => {
  const numbers = new StoredNumbers();
  for (let seq = 1; seq <= 20_000; seq += 2) numbers.add(seq, 4_096);
  expect(numbers.rangeCount).toBe(4_096);
  expect([20_000 - 2 * 4_096 + 1, 20_000 - 2 * 4_096 - 1].map((seq) => numbers.has(seq))).toEqual([
    'yes',
    'unknown',
  ]);
  for (let seq = 20_001; seq <= 30_000; seq++) numbers.add(seq, 4_096);
  numbers.add(30_002, 4_096);
  expect(numbers.rangeCount).toBe(MIN_RANGES);
});
