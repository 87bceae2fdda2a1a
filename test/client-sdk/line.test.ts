/** What the client writes by hand is what the protocol's codec reads, and would write. */
import { decodeClientMessage, encodeClientFrame } from '@ringhub/protocol';
import { expect, it } from 'vitest';
import { type ClientLine, lineOf } from '../../client-sdk/src/line.ts';

const bindings = [['x', 'a.#']] as const;
const lines: readonly ClientLine[] = [
  ['hello', { version: 1, client: 'tests', token: 't' }],
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
  ['publish', 1, 'x', 'k', { b64: 'AQI=' }, { contentType: 'application/octet-stream', mandatory: true }],
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

it.each(lines.map((line) => [lineOf(line)]))('%s', (text) => {
  const [frame] = decodeClientMessage(text);
  if (!frame || frame.type === 'invalid') throw new Error(JSON.stringify(frame));
  expect(JSON.parse(encodeClientFrame(frame))).toEqual(JSON.parse(text));
});

it('an argument that is not there may stand as null', () => {
  const [frame] = decodeClientMessage('["bind",1,7,"x","k",null]');
  expect(frame).toEqual({ type: 'bind', ref: 1, to: 7, binding: ['x', 'k'] });
});
