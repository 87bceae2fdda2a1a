/**
 * Messages of 64 KiB that ask as much of a hub's decoder as 64 KiB can, and how long each takes.
 */
import {
  ByteWriter,
  decodeClientMessage,
  decodeClientMessageBinary,
  writeClientFrame,
} from '@ringhub/protocol';

const SIZE = 64 * 1024;
const WARM_UP = 10;
const ROUNDS = 51;

const repeated = (piece: string, before = '', after = ''): string =>
  before + piece.repeat(Math.floor((SIZE - before.length - after.length) / piece.length)) + after;

const lines = (line: string): string => repeated(`${line}\n`).trimEnd();

const inlined = (piece: string): string => repeated(piece, '["publish",1,"x","k",{"json":[', '0]}]');

const acks = (ranges: number): string =>
  `["ack",1,0,${JSON.stringify(Array.from({ length: ranges }, (_, i) => [2 * i + 1, 2 * i + 1]))}]`;

function binary(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  while (writer.length < SIZE - 200) fill(writer);
  return writer.slice();
}

export const SLOW_INPUTS: readonly (readonly [name: string, message: string | Uint8Array])[] = [
  ['pings', lines('["ping"]')],
  ['empty lines', repeated('\n')],
  ['byes', lines('["bye"]')],
  ['acks of little', lines('["ack",1,1]')],
  ['stats', lines('["stats",1]')],
  ['faults', lines('["ack",""]')],
  ['faults of commands', lines('["inspect",1]')],
  ['publishes of little', lines('["publish",1,"x","k","x"]')],
  ['opened arrays', repeated('[')],
  ['nested arrays', repeated('[', '["publish",1,"x","k",{"json":') + repeated(']').slice(0, 10)],
  ['one publish of escapes', repeated('\\u0041', '["publish",1,"x","k","', '"]')],
  ['one publish of base64', repeated('QUFB', '["publish",1,"x","k",{"b64":"', '"}]')],
  ['inlined: objects, few enough', inlined('{"a":1,"b":"cd"},')],
  ['inlined: objects, too many', inlined('{"a":[1]},')],
  ['inlined: nested arrays, few enough', inlined(`${'['.repeat(60)}${'1'.repeat(380)}${']'.repeat(60)},`)],
  ['inlined: empty arrays, few enough', inlined('[],12345,')],
  ['inlined: numbers', inlined('1,')],
  ['inlined: empty texts', inlined('"",')],
  [
    'inlined: one object of many names',
    `["publish",1,"x","k",{"json":{${Array.from({ length: 6_000 }, (_, i) => `"${i + 10_000}":1`).join(',')}}}]`,
  ],
  ['a key of many words', repeated('a.', '["publish",1,"x","', '","x"]')],
  ['many bindings', repeated('["x","#.a.#"],', '["subscribe",1,{"bindings":[', '["x","a"]]}]')],
  ['many ranges', lines(acks(1_000))],
  ['too many ranges', acks(6_000)],
  ['many fields of headers', repeated('"a":1,', '["publish",1,"x","k","x",{"headers":{', '"b":2}}]')],
  ['a digit', repeated('9', '["ack",', ']')],
  ['binary pings', binary((writer) => writeClientFrame(writer, { type: 'ping' }))],
  [
    'binary publishes of little',
    binary((writer) =>
      writeClientFrame(writer, {
        type: 'publish',
        seq: 1,
        exchange: 'x',
        key: 'k',
        payload: 'x',
        properties: {},
      }),
    ),
  ],
  [
    'binary publishes of many headers',
    binary((writer) => {
      const headers = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`h${i}`, i]));
      writeClientFrame(writer, {
        type: 'publish',
        seq: 1,
        exchange: 'x',
        key: 'k',
        payload: 'x',
        properties: { headers },
      });
    }),
  ],
  [
    'binary acks of many ranges',
    binary((writer) =>
      writeClientFrame(writer, {
        type: 'ack',
        queue: 1,
        upTo: 0,
        ranges: Array.from({ length: 1_000 }, (_, i) => [2 * i + 1, 2 * i + 1] as const),
      }),
    ),
  ],
];

const decoded = (message: string | Uint8Array): unknown =>
  typeof message === 'string' ? decodeClientMessage(message) : decodeClientMessageBinary(message);

/**
 * How long each takes, in ms, the slowest first: what a quarter of the rounds stay below, as other work disturbs some. Only once all
 * have been met, as a hub's code has.
 */
export function slowest(): { readonly name: string; readonly ms: number }[] {
  for (let i = 0; i < WARM_UP; i++) for (const [, message] of SLOW_INPUTS) decoded(message);
  return SLOW_INPUTS.map(([name, message]) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const startMs = performance.now();
      decoded(message);
      return performance.now() - startMs;
    }).sort((a, b) => a - b);
    return { name, ms: times[ROUNDS >> 2] as number };
  }).sort((a, b) => b.ms - a.ms);
}
