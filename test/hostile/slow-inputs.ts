/**
 * Messages of 64 KiB that ask as much of a decoder as 64 KiB can, and what each costs.
 */
import {
  ByteWriter,
  decodeClientMessage,
  decodeClientMessageBinary,
  writeClientFrame,
} from '@ringhub/protocol';

const SIZE = 64 * 1024;
const ROUNDS = 5;

const repeated = (piece: string, before = '', after = ''): string =>
  before + piece.repeat(Math.floor((SIZE - before.length - after.length) / piece.length)) + after;

function binary(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  while (writer.length < SIZE - 200) fill(writer);
  return writer.slice();
}

export const SLOW_INPUTS: readonly (readonly [name: string, message: string | Uint8Array])[] = [
  ['pings', repeated('["ping"]\n').trimEnd()],
  ['empty lines', repeated('\n')],
  ['opened arrays', repeated('[')],
  ['nested arrays', repeated('[', '["publish",1,"x","k",{"json":') + repeated(']').slice(0, 10)],
  ['publishes of little', repeated('["publish",1,"x","k","x"]\n').trimEnd()],
  ['one publish of escapes', repeated('\\u0041', '["publish",1,"x","k","', '"]')],
  ['one publish of base64', repeated('QUFB', '["publish",1,"x","k",{"b64":"', '"}]')],
  ['one publish of an inlined value', repeated('{"a":[1]},', '["publish",1,"x","k",{"json":[', '0]}]')],
  ['a key of many words', repeated('a.', '["publish",1,"x","', '","x"]')],
  ['many bindings', repeated('["x","#.a.#"],', '["subscribe",1,{"bindings":[', '["x","a"]]}]')],
  ['many ranges', repeated('[1,2],', '["ack",1,0,[', '[3,4]]]')],
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

/** CPU of each at best of some rounds, in ms, the slowest first. */
export function slowest(): { readonly name: string; readonly ms: number }[] {
  return SLOW_INPUTS.map(([name, message]) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const before = process.cpuUsage();
      for (let i = 0; i < 20; i++) decoded(message);
      return process.cpuUsage(before).user / 20_000;
    });
    return { name, ms: Math.min(...times) };
  }).sort((a, b) => b.ms - a.ms);
}
