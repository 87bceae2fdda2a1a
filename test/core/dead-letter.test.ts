/** `x-death` as RabbitMQ keeps it, by vectors. */
import type { Death } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import {
  type DeathReason,
  deadLetterOf,
  isDeathCycle,
  MAX_DEATHS,
} from '../../server/src/core/dead-letter.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { storedRecord } from './stored-record.ts';

const death = (queue: string, reason: DeathReason, over: Partial<Death> = {}): Death => ({
  queue,
  reason,
  count: 1,
  timeMs: 1,
  exchange: 'x',
  keys: ['k'],
  ...over,
});

const die = (
  record: StoredRecord,
  queue: string,
  reason: DeathReason,
  wallMs: number,
  deadLetterKey?: string,
) => deadLetterOf(record, { queue, reason, wallMs, deadLetterExchange: 'dlx', deadLetterKey });

describe('a dead letter', () => {
  it('is the message, to the dead-letter exchange, with its own key and without its TTL', () => {
    const record = storedRecord(7, {
      exchange: 'orders',
      key: 'order.new',
      payload: 'body',
      payloadBytes: 4,
      contentType: 'a/b',
      headers: { h: 1 },
      id: 'id-1',
      subject: 'ann',
      ttlMs: 500,
    });
    expect(die(record, 'q', 'expired', 42)).toEqual({
      exchange: 'dlx',
      key: 'order.new',
      payload: 'body',
      payloadBytes: 4,
      contentType: 'a/b',
      headers: { h: 1 },
      id: 'id-1',
      ttlMs: undefined,
      subject: 'ann',
      reached: [],
      xDeath: [
        {
          queue: 'q',
          reason: 'expired',
          count: 1,
          timeMs: 42,
          exchange: 'orders',
          keys: ['order.new'],
          originalTtlMs: 500,
        },
      ],
    });
  });

  it('has the key the queue gives it, and tells the one it had', () => {
    const letter = die(storedRecord(1, { key: 'was' }), 'q', 'rejected', 1, 'is');
    expect([letter?.key, letter?.xDeath[0]?.keys]).toEqual(['is', ['was']]);
  });

  it('tells its deaths newest first, one entry for a queue and reason, of the first time it happened', () => {
    let record: StoredRecord = storedRecord(1, {
      exchange: 'in',
      ttlMs: 9,
    });
    const steps: [string, DeathReason][] = [
      ['work', 'rejected'],
      ['wait', 'expired'],
      ['work', 'rejected'],
      ['work', 'maxlen'],
      ['wait', 'expired'],
    ];
    let wallMs = 100;
    for (const [queue, reason] of steps)
      record = { ...storedRecord(1), ...die(record, queue, reason, wallMs++)! };
    const shown = record.xDeath?.map((d) => `${d.queue} ${d.reason} x${d.count} ${d.timeMs} ${d.exchange}`);
    expect(shown).toEqual(['wait expired x2 101 dlx', 'work maxlen x1 103 dlx', 'work rejected x2 100 in']);
    expect(record.xDeath?.map((d) => d.originalTtlMs)).toEqual([undefined, undefined, 9]);
  });

  it('is none after too many deaths', () => {
    const xDeath = Array.from({ length: MAX_DEATHS }, (_, i) => death(`q${i}`, 'expired'));
    expect(die({ ...storedRecord(1), xDeath } as StoredRecord, 'new', 'expired', 1)).toBeUndefined();
    const again = die({ ...storedRecord(1), xDeath } as StoredRecord, 'q9', 'expired', 1);
    expect(again?.xDeath).toHaveLength(MAX_DEATHS);
    expect(again?.xDeath[0]).toMatchObject({ queue: 'q9', count: 2 });
  });
});

describe('a cycle', () => {
  it.each<[string, string, [string, DeathReason][], boolean]>([
    ['a queue it never died in', 'b', [['a', 'expired']], false],
    ['the queue it has just expired in', 'a', [['a', 'expired']], true],
    ['the queue it was dropped from', 'a', [['a', 'maxlen']], true],
    ['the queue in which it was tried too often', 'a', [['a', 'delivery_limit']], true],
    ['the queue that rejected it', 'a', [['a', 'rejected']], false],
    [
      'back over two queues, by itself',
      'a',
      [
        ['b', 'expired'],
        ['a', 'expired'],
      ],
      true,
    ],
    [
      'back to the rejection, by a wait',
      'a',
      [
        ['wait', 'expired'],
        ['a', 'rejected'],
      ],
      false,
    ],
    [
      'to the queue it waited in, rejected since',
      'wait',
      [
        ['a', 'rejected'],
        ['wait', 'expired'],
      ],
      false,
    ],
    [
      'back, rejected only before the round began',
      'b',
      [
        ['c', 'expired'],
        ['b', 'expired'],
        ['a', 'rejected'],
      ],
      true,
    ],
    [
      'back, its newest death there by itself',
      'a',
      [
        ['a', 'expired'],
        ['a', 'rejected'],
      ],
      true,
    ],
  ])('%s', (_, target, deaths, isCycle) => {
    const history = deaths.map(([queue, reason]) => death(queue, reason));
    expect(isDeathCycle(history, target)).toBe(isCycle);
  });

  it('is none for a message that never died', () => {
    expect(isDeathCycle([], 'a')).toBe(false);
  });
});
