/** What one frame, and one message, may hold: the edges, and that what is counted is what a parser would find. */
import {
  ByteWriter,
  decodeClientMessage,
  decodeClientMessageBinary,
  exceedsJsonBounds,
  FRAME,
  MAX_FAULTS,
  MAX_JSON_CONTAINERS,
  MAX_JSON_DEPTH,
  writeClientFrame,
} from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cases } from '../cases.ts';
import { same } from '../same.ts';

const BAD_FRAME = { type: 'invalid', error: 'bad-frame', fatal: true };
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const many = (containers: number): string => `[${Array(containers - 1).fill('{}')}]`;

/** The same by what the parser makes of it. */
function figuresOf(value: unknown): { depth: number; containers: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, containers: 0 };
  const inner = Object.values(value).map(figuresOf);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    containers: 1 + inner.reduce((sum, { containers }) => sum + containers, 0),
  };
}

describe('bounds of a JSON text', () => {
  test('are told at their edge', () => {
    expect(exceedsJsonBounds(nested(MAX_JSON_DEPTH))).toBe(false);
    expect(exceedsJsonBounds(nested(MAX_JSON_DEPTH + 1))).toBe(true);
    expect(exceedsJsonBounds(many(MAX_JSON_CONTAINERS))).toBe(false);
    expect(exceedsJsonBounds(many(MAX_JSON_CONTAINERS + 1))).toBe(true);
  });

  test('do not count what stands in strings, however they are escaped', () => {
    for (const text of ['['.repeat(1_000), '\\"'.repeat(500), `${'\\'.repeat(99)}"[`, '{"a":[']) {
      const wrapped = JSON.stringify([text, { [text]: text }]);
      expect(exceedsJsonBounds(wrapped.padEnd(200))).toBe(false);
      expect(exceedsJsonBounds(`[${wrapped},${nested(MAX_JSON_DEPTH)}]`)).toBe(true);
    }
  });

  test('are those of the parsed value', () => {
    // Brackets, quotes and backslashes wherever they may stand.
    const string = fc.string({ unit: fc.constantFrom('[', ']', '{', '"', '\\', 'a'), maxLength: 6 });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, string, fc.array(tie('value')), fc.dictionary(string, tie('value'))),
    }));
    fc.assert(
      fc.property(value, fc.nat(MAX_JSON_DEPTH), (inner, around) => {
        const json = `${'['.repeat(around)}${JSON.stringify(inner)}${']'.repeat(around)}`.padEnd(100);
        const { depth, containers } = figuresOf(JSON.parse(json));
        same(exceedsJsonBounds(json), depth > MAX_JSON_DEPTH || containers > MAX_JSON_CONTAINERS, json);
      }),
      { numRuns: cases(1_000) },
    );
  });
});

describe('a message', () => {
  const inline = (json: string): string => `["publish",1,"x","k",{"json":${json}}]`;

  test('holds a frame at its bounds, and none above', () => {
    // The frame and the object around the value are two more.
    for (const json of [nested(MAX_JSON_DEPTH - 2), many(MAX_JSON_CONTAINERS - 2)]) {
      expect(decodeClientMessage(inline(json))).toMatchObject([{ type: 'publish', payload: json }]);
    }
    for (const json of [nested(MAX_JSON_DEPTH - 1), many(MAX_JSON_CONTAINERS - 1)]) {
      expect(decodeClientMessage(inline(json))).toEqual([BAD_FRAME]);
    }
  });

  test(`holds ${MAX_FAULTS} wrong frames among right ones; one more is fatal, and nothing behind it is read`, () => {
    const wrong = '["inspect",1]';
    const right = '["stats",2]';
    const lines = (faults: number): string[] => Array(faults).fill([right, wrong]).flat().concat(right);
    const jsonFrames = (texts: readonly string[]): Uint8Array => {
      const writer = new ByteWriter();
      for (const text of texts) {
        const start = writer.begin(FRAME.json);
        writer.utf8(text);
        writer.end(start);
      }
      writeClientFrame(writer, { type: 'ping' });
      return writer.slice();
    };
    for (const faults of [MAX_FAULTS, MAX_FAULTS + 1]) {
      const all = lines(faults);
      const half = all.length >> 1;
      const messages = [
        decodeClientMessage(`${all.join('\n')}\n["ping"]`),
        decodeClientMessageBinary(jsonFrames(all)),
        decodeClientMessageBinary(jsonFrames([all.slice(0, half).join('\n'), all.slice(half).join('\n')])),
      ];
      for (const frames of messages) {
        const isWithin = faults === MAX_FAULTS;
        expect(frames).toHaveLength(isWithin ? all.length + 1 : all.length - 1);
        expect(frames.at(-1)).toEqual(isWithin ? { type: 'ping' } : BAD_FRAME);
        expect(frames.filter(({ type }) => type === 'stats')).toHaveLength(faults + (isWithin ? 1 : 0));
      }
    }
  });
});
