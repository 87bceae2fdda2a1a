import type { ClientFrame, PublishProperties } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { shareOf, TURN_SHARE, turnCost } from '../../server/src/core/frame-cost.ts';

const publish = (properties: PublishProperties): ClientFrame => ({
  type: 'publish',
  seq: 1,
  exchange: 'x',
  key: 'k',
  payload: 'x',
  properties,
});

const settling = (type: 'ack' | 'reject' | 'nack', count: number): ClientFrame =>
  ({
    type,
    queue: 1,
    upTo: 0,
    ranges: Array.from({ length: count }, (_, i) => [2 * i + 1, 2 * i + 1]),
  }) as ClientFrame;

describe('a turn has room for', () => {
  it.each<[string, number, ClientFrame]>([
    ['publishes', 1_024, publish({})],
    ['publishes that say when they end', 1_024, publish({ ttlMs: 5 })],
    ['publishes with an id', 512, publish({ id: 'a' })],
    ['mandatory publishes', 512, publish({ mandatory: true })],
    ['publishes sent again', 512, publish({ resent: ['s', 1] })],
    ['publishes with headers', 128, publish({ headers: { a: 1 }, id: 'a' })],
    ['acks of what came before', 1_024, settling('ack', 0)],
    ['acks of a thousand ranges', 4, settling('ack', 1_000)],
    ['rejects of a thousand ranges', 4, settling('reject', 1_000)],
    ['nacks of a thousand ranges', 4, settling('nack', 1_000)],
    ['changes of credit', 1_024, { type: 'credit', ref: 1, queue: 1, prefetch: 1 }],
    ['commands', 8, { type: 'list', ref: 1 }],
  ])('%s: %i', (_, count, frame) => {
    expect(Math.floor(TURN_SHARE / turnCost(frame))).toBe(count);
  });

  it('a command more for each 32 KiB that wait', () => {
    expect([0, 32_767, 32_768, 1_048_576].map((bytes) => shareOf(bytes) - TURN_SHARE)).toEqual([
      0, 0, 128, 4_096,
    ]);
  });
});
