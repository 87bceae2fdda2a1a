/** What the client writes by hand is what the protocol's codecs read, and would write; in both codecs. */
import {
  decodeClientMessage,
  decodeClientMessageBinary,
  encodeClientFrame,
  encodeServerFrame,
} from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { BinaryCodec } from '../../client-sdk/src/binary.ts';
import type { ClientCodec, Wire } from '../../client-sdk/src/codec.ts';
import { jsonCodec } from '../../client-sdk/src/codec-json.ts';
import type { ClientLine } from '../../client-sdk/src/line.ts';

const bindings = [['x', 'a.#']] as const;
const bytes = new Uint8Array([1, 2]);
const headers = { a: 1, b: 'x', c: null, d: true };
const lines: readonly ClientLine[] = [
  ['hello', { version: 1, client: 'tests', token: 't' }],
  ['ping'],
  ['pong'],
  ['bye'],
  ['declare', 1, 'x', { type: 'direct', internal: true, autoDelete: true, alternate: 'y' }],
  ['declare', 2, 'x', { passive: true }],
  ['delete', 3, 'x', true],
  ['bind', 4, 7, 'x', 'k', { n: 1 }],
  ['unbind', 5, 'y', 'x', 'k'],
  ['list', 6],
  ['stats', 7],
  ['history', 8, { bindings, before: null, limit: 3 }],
  ['subscribe', 9, { bindings, ack: 'none' }],
  ['unsubscribe', 10, 7],
  ['credit', 11, 7, 0],
  ['publish', 1, 'x', 'k', bytes, { contentType: 'application/octet-stream', mandatory: true }],
  ['publish', 2, 'x', 'k', 'text', { contentType: 'text/plain', headers, id: 'i', ttlMs: 5 }],
  ['publish', 3, 'x', 'k', '{"b64":1}', { contentType: 'application/json' }],
  ['ack', 7, 3],
  ['ack', 7, 3, [[5, 6]]],
  ['reject', 7, [[5, 5]]],
  ['nack', 7, [[5, 5]]],
  ['nack', 7, [[5, 5]], { delayMs: 9 }],
  ['declareQueue', 12, 'jobs', { durable: true, retry: { delayMs: 5 } }],
  ['declareQueue', 13, 'jobs', { passive: true }],
  ['deleteQueue', 14, 'jobs', { ifUnused: true }],
  ['purge', 15, 'jobs'],
  ['inspect', 16, 'jobs'],
  ['bind', 17, { queue: 'jobs' }, 'x', 'k'],
  ['consume', 18, { consume: 'jobs', onLost: 'requeue' }],
  ['publish', 2, '', 'jobs', 'x', { contentType: 'text/plain', resent: ['s1', 4] }],
];

const framesOf = (wire: Wire) =>
  typeof wire === 'string' ? decodeClientMessage(wire) : decodeClientMessageBinary(wire);

const withoutBytes = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? { b64: 'AQI=' } : v)));

describe.each<[string, () => ClientCodec]>([
  ['JSON', () => jsonCodec],
  ['binary', () => new BinaryCodec()],
])('the %s codec of the client', (_, make) => {
  it.each(lines.map((line) => [JSON.stringify(line), line] as const))('writes %s', (_, line) => {
    const [frame, ...more] = framesOf(make().encode(line));
    if (!frame || frame.type === 'invalid') throw new Error(JSON.stringify(frame));
    expect(more).toEqual([]);
    expect(JSON.parse(encodeClientFrame(frame))).toEqual(withoutBytes(line));
  });

  it('joins frames in order, and gives a publish its number, again and again', () => {
    const codec = make();
    const publish = codec.encode(['publish', 0, 'x', 'k', 'text', {}]);
    const first = codec.join([codec.encode(['ping']), codec.number(publish, 7), codec.encode(['pong'])]);
    const second = codec.join([codec.number(publish, 12_345_678_901)]);
    expect(framesOf(first)).toMatchObject([{ type: 'ping' }, { type: 'publish', seq: 7 }, { type: 'pong' }]);
    expect(framesOf(second)).toMatchObject([{ type: 'publish', seq: 12_345_678_901, payload: 'text' }]);
  });

  it('finds messages of the other kind, and rubbish, damaged', () => {
    const codec = make();
    for (const message of [new ArrayBuffer(3), '[', undefined, new Uint8Array([2, 0, 0, 0, 0])]) {
      expect(codec.decode(message)).toBeUndefined();
    }
  });
});

it('the binary codec takes no text, and the JSON codec no bytes, that would be frames in the other', () => {
  expect(new BinaryCodec().decode(encodeServerFrame({ type: 'ping' }))).toBeUndefined();
  expect(jsonCodec.decode(new Uint8Array([2, 0, 0, 0, 0]).buffer)).toBeUndefined();
});

it('an argument that is not there may stand as null', () => {
  const [frame] = decodeClientMessage('["bind",1,7,"x","k",null]');
  expect(frame).toEqual({ type: 'bind', ref: 1, to: 7, binding: ['x', 'k'] });
});
