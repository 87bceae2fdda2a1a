/**
 * The reader of frames against the engine's parser: the same frames, the same values, and nothing else taken for JSON.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InlinedJson } from '../../protocol/src/inlined-json.ts';
import { JsonReader } from '../../protocol/src/json-reader.ts';
import { NameBudget } from '../../protocol/src/name-budget.ts';
import { ShortTexts } from '../../protocol/src/short-texts.ts';
import { cases } from '../cases.ts';
import { same } from '../same.ts';

const texts = new ShortTexts();
const read = (line: string): unknown[] | undefined =>
  new JsonReader(line, texts, new NameBudget()).frameOf(0, line.length);

/** What the engine's parser makes of a line. */
function parsed(line: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) && typeof value[0] === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** As far as a `subscribe` or a `publish` is read, with what is inlined as the value that its text is. */
function asRead(fields: unknown[] | undefined): unknown {
  const read = fields?.slice(0, { publish: 6, subscribe: 3 }[fields[0] as string] ?? 1);
  const payload = read?.[4];
  if (payload instanceof InlinedJson) return read?.with(4, { json: JSON.parse(payload.text) });
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return read;
  const { json, b64 } = payload as Record<string, unknown>;
  return read?.with(4, Object.hasOwn(payload, 'json') ? { json } : { b64 });
}

const check = (line: string): void =>
  same(JSON.stringify(asRead(read(line))), JSON.stringify(asRead(parsed(line))), line);

const name = fc.constantFrom(
  'a',
  'json',
  'b64',
  'headers',
  '__proto__',
  'constructor',
  '1',
  '',
  'ü',
  'x'.repeat(70),
);
const leaf = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1.5,
    -1e300,
    5e-324,
    2 ** 53,
    true,
    false,
    null,
    '',
    '"',
    '\\',
    '\n',
    '\u0000',
    '\ud800',
    '[{,:]}',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 5 })
      .map((members) => new Map(members as [string, unknown][])),
  ),
}));

/** JSON as other writers than this engine's may write it: spaces anywhere, escapes, capitals. */
function written(part: unknown, space: string): string {
  if (part instanceof Map) {
    const members = [...part].map(
      ([key, of]) => `${JSON.stringify(key)}${space}:${space}${written(of, space)}`,
    );
    return `{${space}${members.join(`${space},`)}${space}}`;
  }
  if (Array.isArray(part))
    return `[${space}${part.map((of) => written(of, space)).join(`,${space}`)}${space}]`;
  const text = JSON.stringify(part);
  return typeof part === 'number' && space !== '' ? text.replace('e', 'E') : text.replaceAll('a', '\\u0061');
}

const line = fc
  .tuple(
    fc.constantFrom('publish', 'subscribe', 'other'),
    fc.array(value, { maxLength: 7 }),
    fc.constantFrom('', ' ', '\t\r '),
  )
  .map(([type, fields, space]) => `${space}${written([type, ...fields], space)}${space}`);

describe('a frame', () => {
  test('is what the parser of the engine makes of it', () => {
    fc.assert(fc.property(line, check), { numRuns: cases(2_000) });
  });

  test('of damaged text is one where the parser says so', () => {
    const damage = fc.record({
      at: fc.nat(200),
      cut: fc.nat(3),
      put: fc.constantFrom(
        '',
        '"',
        '\\',
        ',',
        ':',
        '[',
        ']',
        '{',
        '}',
        '0',
        '-',
        '.',
        'e',
        '+',
        't',
        '\u0001',
        '\\u12',
        ' ',
      ),
    });
    fc.assert(
      fc.property(line, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
        let damaged = text;
        for (const { at, cut, put } of damages) {
          const place = at % (damaged.length + 1);
          damaged = damaged.slice(0, place) + put + damaged.slice(place + cut);
        }
        check(damaged);
      }),
      { numRuns: cases(10_000) },
    );
  });

  test('ends where it is said to end, whatever stands behind', () => {
    const frames = [
      '["a"]',
      '["a",1]',
      '["a","b"]',
      '["subscribe",1,"b"]',
      `["subscribe",1,"${'b'.repeat(99)}"]`,
    ];
    for (const frame of frames) {
      for (let end = 0; end <= frame.length; end++) {
        const found = new JsonReader(frame, texts, new NameBudget()).frameOf(0, end);
        expect(found === undefined, frame.slice(0, end)).toBe(end < frame.length);
      }
    }
  });

  test('is no frame with a number, text or word that JSON does not have', () => {
    const wrong = [
      '01',
      '-',
      '+1',
      '1.',
      '.5',
      '1e',
      '1e+',
      '0x1',
      '--1',
      '-01',
      'NaN',
      'nul',
      'truee',
      "'a'",
      '"\t"',
      '"\\x"',
      '"\\u00g0"',
      '"a',
    ];
    for (const text of wrong) {
      for (const [before, after] of [
        ['["subscribe",', ']'],
        ['["ping",', ']'],
        ['["publish",1,"x","k",{"json":', '}]'],
        [`["subscribe",1,"${'b'.repeat(99)}",`, ']'],
      ]) {
        expect(read(before + text + after), text).toBeUndefined();
      }
    }
  });

  test('keeps an inlined value as it was written', () => {
    const [, , , , inlined] =
      read('["publish",1,"x","k",{"json": [1.0, 12345678901234567890,{"b":1, "b":2}] }]') ?? [];
    expect(inlined).toEqual(new InlinedJson('[1.0, 12345678901234567890,{"b":1, "b":2}]'));
  });
});
