import { formatCursor, type LogId, type Position, parseCursor } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'];
const epoch = fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 1, maxLength: 64 });
const position = (log: LogId) => fc.record({ log: fc.constant(log), epoch, offset: fc.maxSafeNat() });
const positions: fc.Arbitrary<Position[]> = fc.oneof(
  fc.tuple(position('v')),
  fc.tuple(position('d')),
  fc.tuple(position('v'), position('d')),
  fc.tuple(position('d'), position('v')),
);

describe('cursors', () => {
  test('what was written is read again', () => {
    fc.assert(
      fc.property(positions, (list) => {
        expect(parseCursor(formatCursor(list))).toEqual(list);
      }),
    );
  });

  test('the longest one', () => {
    const list: Position[] = [
      { log: 'v', epoch: 'e'.repeat(64), offset: Number.MAX_SAFE_INTEGER },
      { log: 'd', epoch: '-'.repeat(64), offset: Number.MAX_SAFE_INTEGER },
    ];
    expect(parseCursor(formatCursor(list))).toEqual(list);
  });

  test.each([
    '',
    ',',
    'v',
    'v:',
    'v::1',
    'v:e:',
    'v:e',
    ':e:1',
    'w:e:1',
    'V:e:1',
    'v:e:1,',
    ',v:e:1',
    'v:e:1,,d:e:1',
    'v:e:1;d:e:1',
    'v:e:1,v:e:1',
    'v:e:1,d:e:1,v:e:2',
    'v:e:-1',
    'v:e:+1',
    'v:e:1.5',
    'v:e:1e3',
    'v:e:0x1',
    'v:e: 1',
    'v:e:1 ',
    'v:e:1\n',
    'v:e:1\nd:e:1',
    'v:e:٣',
    'v:e:9007199254740992',
    'v:e:99999999999999999',
    'v:e\u0000:1',
    'v:é:1',
    'v:e.f:1',
    `v:${'e'.repeat(65)}:1`,
    `v:e:${'0'.repeat(17)}`,
    `v:e:1,${'d'.repeat(250)}`,
    '__proto__',
  ])('refuses %j', (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });

  test('any text is refused or is a cursor with each log once', () => {
    const nearly = fc
      .array(fc.constantFrom('v', 'd', 'x', ':', ',', 'e', '1', '0', '-', ' ', '9007199254740991'), {
        maxLength: 16,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        const read = parseCursor(text);
        if (!read) return;
        expect(new Set(read.map(({ log }) => log)).size).toBe(read.length);
        for (const { offset } of read) expect(Number.isSafeInteger(offset) && offset >= 0).toBe(true);
        expect(parseCursor(formatCursor(read))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });
});
