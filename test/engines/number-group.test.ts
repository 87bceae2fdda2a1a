/** Groups of numbers come back from the disk as they were, or not at all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeNumberGroup,
  encodeNumberGroup,
  type NumberGroup,
} from '../../server/src/engines/number-group.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(300))
  .map(([from, more]) => [from, from + more]);
const groups: fc.Arbitrary<NumberGroup> = fc.record({
  group: fc.maxSafeNat(),
  atMs: fc.nat(),
  sessions: fc.array(
    fc.record({
      hash: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fresh: fc.array(range, { minLength: 1, maxLength: 4 }).map((ranges) => ranges.flat()),
    }),
    { maxLength: 5 },
  ),
});
const PINNED = '01bb2a2d4b00000000000001024278bcfe56800000011000010203040506070809000000000000020302ac0200';

describe('groups of numbers on disk', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(groups, (group) => {
        expect(decodeNumberGroup(encodeNumberGroup(group))).toEqual(group);
      }),
    );
  });

  it('are found damaged at every bit and every end', () => {
    const value = encodeNumberGroup({
      group: 1,
      atMs: 7,
      sessions: [{ hash: new Uint8Array(16), fresh: [1, 3, 9, 9] }],
    });
    for (let bit = 0; bit < value.length * 8; bit++) {
      value[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeNumberGroup(value), `bit ${bit}`).toBe('corrupt');
      value[bit >> 3]! ^= 1 << (bit & 7);
    }
    for (let end = 0; end < value.length; end++)
      expect(decodeNumberGroup(value.subarray(0, end)), `${end} bytes`).toBe('corrupt');
  });

  it('have the layout that is written down', () => {
    const hash = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0]);
    const value = encodeNumberGroup({
      group: 258,
      atMs: 1_700_000_000_000,
      sessions: [{ hash, fresh: [3, 5, 300, 300] }],
    });
    expect(Buffer.from(value).toString('hex')).toBe(PINNED);
  });
});
