/** Exchanges by name, and records by what they reached (PROTOCOL §5). */
import { describe, expect, it } from 'vitest';
import { Exchanges } from '../../server/src/core/exchanges.ts';
import { newRecord } from './stored-record.ts';

const exchanges = (maxExchanges = 10) =>
  new Exchanges<object>({ maxExchanges, lastPerKeyEntries: 10, lastPerKeyBytes: 1_000 });
const TOPIC = { type: 'topic' } as const;

describe('exchanges', () => {
  it('has amq.topic from the start', () => {
    expect(exchanges().get('amq.topic')).toBeDefined();
    expect(exchanges().declare('amq.topic', TOPIC)).toBeUndefined();
  });

  it('declares, and declares again with the same attributes', () => {
    const all = exchanges();
    expect([all.declare('a', TOPIC), all.declare('a', TOPIC), all.size]).toEqual([undefined, undefined, 2]);
    expect(all.declare('a', { type: 'fanout' } as never)).toBe('exchange-mismatch');
  });

  it.each([
    ['', 'bad-name'],
    ['a\nb', 'bad-name'],
    ['x'.repeat(128), 'bad-name'],
    ['amq.other', 'reserved-name'],
    ['hub.events', 'reserved-name'],
    ['__proto__', undefined],
  ])('answers %j with %s', (name, error) => {
    expect(exchanges().declare(name, TOPIC)).toBe(error);
  });

  it('has a bound', () => {
    const all = exchanges(2);
    expect([all.declare('a', TOPIC), all.declare('b', TOPIC), all.declare('a', TOPIC)]).toEqual([
      undefined,
      'too-many-exchanges',
      undefined,
    ]);
  });

  it('finds the exchange a record reached by its incarnation', () => {
    const all = exchanges();
    all.declare('a', TOPIC);
    const { reached, incarnation } = all.get('a')!;
    expect(all.ofRecord(newRecord({ exchange: 'gone', reached }))?.incarnation).toBe(incarnation);
    expect(all.ofRecord(newRecord({ exchange: 'a', reached: [99] }))).toBeUndefined();
    expect(all.ofRecord(newRecord({ exchange: 'a', reached: [] }))).toBeUndefined();
    expect(incarnation).not.toBe(all.get('amq.topic')!.incarnation);
  });
});
