/**
 * Messages of 64 KiB that ask as much of a hub's decoder as 64 KiB can, and how long each takes.
 */
import {
  ByteWriter,
  type ClientFrame,
  type ClientMessage,
  ClientMessageBinary,
  ClientMessageJson,
  type Headers,
  ShortTexts,
  writeClientFrame,
} from '@ringhub/protocol';
import { TURN_SHARE, turnCost } from '../../server/src/core/frame-cost.ts';

const SIZE = 64 * 1024;
/** As many as the engine takes to make the fastest code of what it runs. */
const WARM_UP = 100;
const ROUNDS = 51;

const repeated = (piece: string, before = '', after = ''): string =>
  before + piece.repeat(Math.floor((SIZE - before.length - after.length) / piece.length)) + after;

const lines = (line: string): string => repeated(`${line}\n`).trimEnd();

const inlined = (piece: string): string => repeated(piece, '["publish",1,"x","k",{"json":[', '0]}]');

const acks = (ranges: number): string =>
  `["ack",1,0,${JSON.stringify(Array.from({ length: ranges }, (_, i) => [2 * i + 1, 2 * i + 1]))}]`;

/** Pieces that all differ, up to the size. */
function differing(piece: (i: number) => string, before = '', after = ''): string {
  let text = before;
  let left = SIZE - before.length - after.length;
  for (let i = 0; ; i++) {
    const next = piece(i);
    left -= Buffer.byteLength(next);
    if (left < 0) return text + after;
    text += next;
  }
}

/** A name that no other has: an engine has to learn each. */
let named = 0;
const newName = (): string => `n${(named++).toString(36)}`;

const publishOf = (headers: Headers): ClientFrame => ({
  type: 'publish',
  seq: 1,
  exchange: 'x',
  key: 'k',
  payload: 'x',
  properties: { headers },
});

const headersOf = (count: number, name: (i: number) => string): Headers =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), null]));

function binary(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  while (writer.length < SIZE - 200) fill(writer);
  return writer.slice();
}

type Input = string | Uint8Array;

/** Those whose names have to be new are made anew each time. */
export const SLOW_INPUTS: readonly (readonly [name: string, message: Input | (() => Input)])[] = [
  ['shortest commands', lines('["list",0]')],
  ['shortest commands of other numbers', lines('["list",-0]')],
  ['pings with a space', lines('["ping"] ')],
  ['frames with an object too many', lines('["list",0,{}]')],
  ['frames with values that nobody reads', lines(`["list",0${',[]'.repeat(17)}]`)],
  [
    'frames with names that nobody reads',
    () => differing(() => `["list",0,{"${newName()}":1},{"${newName()}":1}]\n`),
  ],
  ['nacks of nothing', lines('["nack",0,[]]')],
  ['publishes of base64', lines('["publish",1,"","",{"b64":""}]')],
  ['publishes that inline little', lines('["publish",1,"","",{"json":0}]')],
  [
    'publishes of every property',
    lines('["publish",1,"","","",{"resent":["",1],"mandatory":true,"id":"a"}]'),
  ],
  [
    'publishes of a new header',
    () => differing(() => `["publish",1,"","","",{"headers":{"${newName()}":1}}]\n`),
  ],
  [
    'publishes of 32 new headers',
    () =>
      differing(
        () =>
          `["publish",1,"","","",{"headers":{${Array.from({ length: 32 }, () => `"${newName()}":0`)}}}]\n`,
      ),
  ],
  ['subscribes', lines('["subscribe",1,{"bindings":[["",""]]}]')],
  ['declarations', lines('["declare",0,"a",{"type":"topic"}]')],
  ['declarations of queues', lines('["declareQueue",0,"a",{}]')],
  ['questions for history', lines('["history",0,{"bindings":[["",""]],"after":"v:a:0"}]')],
  [
    'bindings of new names',
    () => differing(() => `["","",{"${newName()}":1}],`, '["subscribe",1,{"bindings":[', '["x","a"]]}]'),
  ],
  [
    'inlined: objects of new names',
    () => differing(() => `{"${newName()}":1,"b":2},`, '["publish",1,"x","k",{"json":[', '0]}]'),
  ],
  [
    'inlined: fractions',
    () => differing((i) => `${(i % 90) / 100},`, '["publish",1,"x","k",{"json":[', '0]}]'),
  ],
  [
    'inlined: texts of one character',
    () => differing((i) => `"${String.fromCharCode(0x4e00 + i)}",`, '["publish",1,"x","k",{"json":[', '0]}]'),
  ],
  [
    'binary publishes of a new header',
    () => binary((writer) => writeClientFrame(writer, publishOf(headersOf(1, newName)))),
  ],
  [
    'binary publishes of 32 new headers',
    () => binary((writer) => writeClientFrame(writer, publishOf(headersOf(32, newName)))),
  ],
  [
    'binary publishes of 32 headers of nothing',
    binary((writer) =>
      writeClientFrame(writer, publishOf(headersOf(32, (i) => i.toString(36).padStart(2, 'a')))),
    ),
  ],
  ['binary frames of JSON', binary((writer) => writeClientFrame(writer, { type: 'list', ref: 1 }))],
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
      writeClientFrame(writer, publishOf(headers));
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

/** Of a hub, which keeps it. */
const texts = new ShortTexts();
const messageOf = (input: Input): ClientMessage =>
  typeof input === 'string' ? new ClientMessageJson(input, texts) : new ClientMessageBinary(input, texts);

/** Reads a message as a connection does, its share of a turn at a time; returns ms for all of it, and for the turn that took longest. */
function read(input: Input): { readonly ms: number; readonly turnMs: number } {
  const startedMs = performance.now();
  const message = messageOf(input);
  let turnMs = 0;
  let beganMs = startedMs;
  let spent = 0;
  for (let frame = message.next(); frame; frame = message.next()) {
    spent += turnCost(frame);
    if (spent < TURN_SHARE) continue;
    const nowMs = performance.now();
    turnMs = Math.max(turnMs, nowMs - beganMs);
    beganMs = nowMs;
    spent = 0;
  }
  const endedMs = performance.now();
  return { ms: endedMs - startedMs, turnMs: Math.max(turnMs, endedMs - beganMs) };
}

export interface SlowInput {
  readonly name: string;
  /** In all. */
  readonly ms: number;
  /** For a message that is read over several turns, the longest of them. */
  readonly turnMs: number;
}

/**
 * How long each takes, in ms, the slowest first: what a quarter of the rounds stay below, as other work disturbs some, and the machine is
 * not always as fast. So all take turns, and only once all have been met, as a hub's code has.
 */
export function slowest(): SlowInput[] {
  const times = new Map(SLOW_INPUTS.map(([name]) => [name, [] as ReturnType<typeof read>[]]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [name, input] of SLOW_INPUTS) {
      const made = typeof input === 'function' ? input() : input;
      // In one piece, as a socket's message is.
      const time = read(typeof made === 'string' ? Buffer.from(made).toString() : made);
      if (round >= 0) times.get(name)?.push(time);
    }
  }
  const quarter = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[ROUNDS >> 2] as number;
  return [...times]
    .map(([name, all]) => ({
      name,
      ms: quarter(all.map(({ ms }) => ms)),
      turnMs: quarter(all.map(({ turnMs }) => turnMs)),
    }))
    .sort((a, b) => b.turnMs - a.turnMs);
}
