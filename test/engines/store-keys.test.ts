/** Keys stand in the order of what they are made of, and can be taken apart again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  logKey,
  metaKey,
  queueKey,
  queueOf,
  queueRange,
  sequenceOf,
  tableOf,
  tableRange,
} from '../../server/src/engines/store-keys.ts';

const queueId = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const sequence = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const order = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b);

describe('store keys', () => {
  it('are in the order of their numbers', () => {
    fc.assert(
      fc.property(sequence, sequence, queueId, queueId, (a, b, p, q) => {
        expect(order(logKey(a), logKey(b))).toBe(Math.sign(a - b));
        expect(order(queueKey(p, a), queueKey(q, b))).toBe(Math.sign(p - q) || Math.sign(a - b));
      }),
    );
  });

  it('give their numbers back', () => {
    fc.assert(
      fc.property(queueId, sequence, (queue, number) => {
        expect(sequenceOf(logKey(number))).toBe(number);
        expect([queueOf(queueKey(queue, number)), sequenceOf(queueKey(queue, number))]).toEqual([
          queue,
          number,
        ]);
      }),
    );
  });

  it('are within the ranges of their table and queue, and of no other', () => {
    const within = (key: Uint8Array, { from, to }: { from: Uint8Array; to: Uint8Array }) =>
      order(from, key) <= 0 && order(key, to) < 0;
    fc.assert(
      fc.property(queueId, queueId, sequence, (queue, other, number) => {
        expect(within(queueKey(queue, number), queueRange(other))).toBe(queue === other);
        const tables = ['meta', 'log', 'queue'] as const;
        const of = (key: Uint8Array) => tables.filter((table) => within(key, tableRange(table)));
        expect(of(queueKey(queue, number))).toEqual(['queue']);
        expect(of(logKey(number))).toEqual(['log']);
        expect(of(metaKey('epoch'))).toEqual(['meta']);
      }),
    );
  });

  it('are told from what is no key', () => {
    expect([metaKey('a'), logKey(1), queueKey(1, 1)].map(tableOf)).toEqual(['meta', 'log', 'queue']);
    for (const other of [[], [0x6c], [0x71, 1], [0x6d], [0x7a, 1, 2]]) {
      expect(tableOf(Uint8Array.from(other))).toBeUndefined();
    }
  });

  it('refuse what is no sequence number', () => {
    for (const bad of [-1, 1.5, 2 ** 53, Number.NaN]) expect(() => logKey(bad)).toThrow(RangeError);
  });
});
