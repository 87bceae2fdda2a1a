/** Random values in random places of real frames: reading never throws, and the result is always typed. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { cases } from '../cases.ts';
import { leavingPrototypesAlone, readAsClient, readAsHub } from './decode-checks.ts';
import { clientVectors, hubVectors } from './frame-vectors.ts';

type Path = readonly (string | number)[];

/** The places of all values inside a value. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => placesIn(inner, [...path, name]))];
}

const MARK = '<here>';

/** The text of a frame with the mark in one place of it. */
function markedAt(frame: unknown, path: Path): string {
  const copy = { frame: structuredClone(frame) };
  let holder = copy as Record<string, unknown>;
  const names = ['frame', ...path.map(String)];
  for (const name of names.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
  holder[names.at(-1)!] = MARK;
  return JSON.stringify(copy.frame);
}

const marked = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const frame: unknown = JSON.parse(line);
    return placesIn(frame).map((path) => markedAt(frame, path));
  });

/** JSON text of a value, valid, not quite valid, or of a kind that has hurt somebody before. */
const hostileText = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    ...['-0', '1e999', '-1e999', '1e-400', '9007199254740991', '9007199254740993', '0.1', '1E2', '01', '+1'],
    ...['"\\ud800"', '"\\u0000"', '"\\u2028"', '"#.#.#"', '"v:e:1"', '{"__proto__":{"polluted":1}}'],
    ...[
      '{"__proto__":null}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"toString":1}',
      '{"b64":"="}',
    ],
    ...[
      '{"json":{"toJSON":1}}',
      '{"length":4294967295}',
      '[[1,2],[3,4]]',
      '[[1,9007199254740991]]',
      '""',
      '',
    ],
    ...[
      'null',
      'true',
      '[]',
      '{}',
      '[null]',
      '[[]]',
      '[{}]',
      '{"cursor":"v:e:1"}',
      '"\\n"',
      '[[[[[[[[]]]]]]]]',
    ],
  ),
  fc.integer({ min: 1, max: 3_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
);

describe.each([
  { reader: 'the hub', lines: clientVectors.map(({ line }) => line), read: readAsHub },
  { reader: 'a client', lines: hubVectors.map(({ line }) => line), read: readAsClient },
])('$reader reads', ({ lines, read }) => {
  const texts = marked(lines);

  test('a hostile value in any place of any frame', () => {
    leavingPrototypesAlone(() => {
      fc.assert(
        fc.property(fc.constantFrom(...texts), hostileText, (text, value) => {
          read(text.replace(JSON.stringify(MARK), () => value));
        }),
        { numRuns: cases(4_000) },
      );
    });
  });

  test('every listed value in every place', () => {
    const values = [
      'null',
      '-1',
      '1e999',
      '"x"',
      '[]',
      '{}',
      '[null]',
      '{"__proto__":{"polluted":1}}',
      'true',
    ];
    leavingPrototypesAlone(() => {
      for (const text of texts)
        for (const value of values) read(text.replace(JSON.stringify(MARK), () => value));
    });
  });

  test('a frame with elements left out, doubled or swapped', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...lines),
        fc.array(fc.nat({ max: 12 }), { maxLength: 8 }),
        (line, order) => {
          const fields = JSON.parse(line) as unknown[];
          read(JSON.stringify([fields[0], ...order.map((i) => fields[i] ?? null)]));
        },
      ),
      { numRuns: cases(2_000) },
    );
  });

  test('any text, and any lines of frames and text', () => {
    const line = fc.oneof(fc.constantFrom(...lines), fc.string({ unit: 'binary', maxLength: 40 }), fc.json());
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (list) => {
        read(list.join('\n'));
      }),
      { numRuns: cases(2_000) },
    );
  });
});
