import { keyFault, MAX_NAME_BYTES, nameFault, patternFault, splitWords, utf8Length } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const words = (count: number, word = 'a') => new Array<string>(count).fill(word).join('.');

describe('utf8Length', () => {
  const encoded = (text: string) => new TextEncoder().encode(text).length;

  test('is what TextEncoder says, for any text and for lone surrogates', () => {
    const surrogates = fc.string({ unit: fc.constantFrom('\ud800', '\udbff', '\udc00', '\udfff', 'a', 'é') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 50 }), surrogates), (text) => {
        expect(utf8Length(text)).toBe(encoded(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('at the edges of every length', () => {
    for (const code of [
      0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0xffff, 0x10000, 0x10ffff,
    ]) {
      const text = String.fromCodePoint(code);
      expect(utf8Length(text), code.toString(16)).toBe(encoded(text));
      expect(utf8Length(`${text}${text}`)).toBe(encoded(`${text}${text}`));
    }
  });
});

describe.each([
  { kind: 'keys', fault: keyFault, refused: 'bad-key' },
  { kind: 'patterns', fault: patternFault, refused: 'bad-pattern' },
])('$kind', ({ fault, refused }) => {
  test.each([
    '',
    '.',
    '..',
    'a'.repeat(255),
    `${'ü'.repeat(127)}x`,
    '€'.repeat(85),
    `${'😀'.repeat(63)}abc`,
    words(32),
    '.'.repeat(31),
    words(32, ''),
    'a b',
    ' ',
    '\u00a0',
    '\u2028',
    '__proto__',
  ])('allows %j', (text) => expect(fault(text)).toBeUndefined());

  test.each([
    'a'.repeat(256),
    'ü'.repeat(128),
    `${'€'.repeat(85)}x`,
    '😀'.repeat(64),
    words(33),
    '.'.repeat(32),
    '\u0000',
    'a\u001fb',
    'a\nb',
    '\u007f',
    '\u0080',
    '\u009f',
    '\ud800',
    'a\udc00',
    '\udc00\ud800',
    '\ud800\ud800\udc00',
    '\ud83d\ude00\ude00',
    'x'.repeat(1_000_000),
  ])('refuses %j', (text) => expect(fault(text)).toBe(refused));

  test('whatever is allowed fits the bounds, and nothing that fits is refused', () => {
    const unit = fc.constantFrom('a', '.', 'é', '€', '😀', '\u0001', '\ud800', '\u0085');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 120, size: 'max' }), (text) => {
        const fits =
          new TextEncoder().encode(text).length <= 255 &&
          splitWords(text).length <= 32 &&
          text.isWellFormed() &&
          !/\p{Cc}/u.test(text);
        expect(fault(text) === undefined).toBe(fits);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('#', () => {
  test.each(['#', '#.#', 'a.#.b.#', '#.*.#', '##.##.##.##', 'a#.#b.#a#.#', '#.##.#'])(
    'allows %s',
    (pattern) => {
      expect(patternFault(pattern)).toBeUndefined();
    },
  );

  test.each(['#.#.#', '#.a.#.b.#', '#.#.#.#', words(32, '#')])('refuses %s', (pattern) => {
    expect(patternFault(pattern)).toBe('too-many-hashes');
    expect(keyFault(pattern)).toBeUndefined();
  });
});

describe('words', () => {
  test.each([
    ['', []],
    ['a', ['a']],
    ['.', ['', '']],
    ['a..b', ['a', '', 'b']],
    ['a.', ['a', '']],
  ])('of %j', (text, expected) => expect(splitWords(text)).toEqual(expected));
});

describe('names of exchanges', () => {
  test.each(['a', 'amq.topic', 'é', 'a b', 'x'.repeat(MAX_NAME_BYTES)])('allows %j', (name) => {
    expect(nameFault(name)).toBeUndefined();
  });

  test.each(['', 'x'.repeat(MAX_NAME_BYTES + 1), 'é'.repeat(64), 'a\n', '\u0085', '\ud800'])(
    'refuses %j',
    (name) => {
      expect(nameFault(name)).toBe('bad-name');
    },
  );
});
