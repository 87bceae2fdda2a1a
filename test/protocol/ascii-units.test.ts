import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiUnits } from '../../protocol/src/ascii-units.ts';
import { cases } from '../cases.ts';
import { same } from '../same.ts';

/** A unit at a time. */
function naive(text: string, start: number, end: number): number[] {
  const units = Array.from({ length: end - start }, (_, i) => text.charCodeAt(start + i));
  return [...units.map((unit) => (unit < 0x80 ? unit : 0xff)), 0];
}

const check = (text: string, start = 0, end = text.length): void =>
  same(Array.from(asciiUnits(text, start, end).subarray(0, end - start + 1)), naive(text, start, end));

/** Characters of one to four bytes in UTF-8, and halves of those of four. */
const unit = fc.constantFrom(
  'a',
  '"',
  '\\',
  '\0',
  '\x7f',
  '\x80',
  'ä',
  '߿',
  'ࠀ',
  '你',
  '￿',
  '😀',
  '\ud83d',
  '\ude00',
);

describe('units of a text', () => {
  it('are its own where they are ASCII, and else all the same', () => {
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 100 }), fc.nat(200), fc.nat(200), (units, one, other) => {
        const text = units.join('');
        const [start, end] = [Math.min(one, other, text.length), Math.min(Math.max(one, other), text.length)];
        check(text, start, end);
      }),
      { numRuns: cases(3_000) },
    );
  });

  it.each([31, 32, 33, 65_535, 65_536, 65_537, 300_000])(
    'of %i are all there, whatever they are',
    (length) => {
      for (const of of ['x', 'ä', '你', '😀', '\ud83d']) check(of.repeat(length / of.length));
    },
  );

  it('begin anew with each call', () => {
    check('x'.repeat(100));
    check('y');
    expect(asciiUnits('', 0, 0)[0]).toBe(0);
  });
});
