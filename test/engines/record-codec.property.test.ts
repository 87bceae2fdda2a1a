/** Messages come back from the disk as they were, or not at all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiskRecord, decodeRecord, encodeRecord } from '../../server/src/engines/record-codec.ts';

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.toWellFormed()),
  fc.constantFrom('', '\ufffd', '\ufeffbom', 'é'.repeat(70), '😀'.repeat(100)),
);
const header = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
);
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const records: fc.Arbitrary<DiskRecord> = fc.record({
  sequence: fc.maxSafeNat(),
  timeMs: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  exchange: text,
  key: text,
  payload: fc.oneof(text, fc.uint8Array({ maxLength: 300 })),
  contentType: text,
  subject: text,
  reached: fc.array(fc.maxSafeNat(), { maxLength: 5 }),
  headers: optional(fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'a')), header, { maxKeys: 4 })),
  id: optional(text),
  ttlMs: optional(fc.nat()),
  copyOf: optional(
    fc.record({ log: fc.constantFrom('v' as const, 'd' as const), epoch: text, offset: fc.maxSafeNat() }),
  ),
  xDeath: optional(
    fc.array(fc.record({ queue: text, count: fc.nat(), keys: fc.array(text) }), { maxLength: 3 }),
  ),
});

/** One property with every field in it, small enough to try each of its bits. */
const full: DiskRecord = {
  sequence: 2 ** 53 - 1,
  timeMs: 1_700_000_000_123,
  exchange: 'orders',
  key: 'orders.eu.paid',
  payload: '{"é":1}',
  contentType: 'application/json',
  subject: 'app',
  reached: [1, 300],
  headers: { region: 'eu', retries: 3, express: true, note: null },
  id: 'order-1',
  ttlMs: 60_000,
  copyOf: { log: 'd', epoch: 'e1', offset: 7 },
  xDeath: [{ queue: 'q', reason: 'rejected', count: 1 }],
};

describe('records on disk', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decodeRecord(encodeRecord(record), record.sequence)).toEqual(record);
      }),
      { numRuns: 500 },
    );
  });

  it('come back as they were from bytes inside a larger buffer, which they do not hold on to', () => {
    const value = encodeRecord({ ...full, payload: Uint8Array.of(1, 2, 3) });
    const larger = Buffer.alloc(value.length + 20, 0xee);
    larger.set(value, 7);
    const read = decodeRecord(larger.subarray(7, 7 + value.length), full.sequence);
    larger.fill(0);
    expect(read).toEqual({ ...full, payload: Uint8Array.of(1, 2, 3) });
  });

  it('are corrupt with any one bit flipped', () => {
    for (const record of [full, { ...full, payload: new Uint8Array(40) }]) {
      const value = encodeRecord(record);
      expect(decodeRecord(value, full.sequence)).toEqual(record);
      for (let bit = 0; bit < value.length * 8; bit++) {
        const damaged = value.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        expect(decodeRecord(damaged, full.sequence), `bit ${bit}`).toBe('corrupt');
      }
    }
  });

  it('are corrupt cut short at any byte, or with bytes behind', () => {
    const value = encodeRecord(full);
    for (let length = 0; length < value.length; length++) {
      expect(decodeRecord(value.subarray(0, length), full.sequence), `${length} bytes`).toBe('corrupt');
    }
    expect(decodeRecord(Buffer.concat([value, Buffer.alloc(1)]), full.sequence)).toBe('corrupt');
  });

  it('are corrupt under another key', () => {
    expect(decodeRecord(encodeRecord(full), full.sequence - 1)).toBe('corrupt');
    expect(decodeRecord(encodeRecord({ ...full, sequence: 0 }), 2 ** 32)).toBe('corrupt');
  });

  it('never throw, whatever bytes there are, also sealed ones', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        records,
        fc.nat(),
        fc.nat(),
        (noise, record, at, bits) => {
          expect(decodeRecord(noise, 0)).toBe('corrupt');
          const value = encodeRecord(record);
          const spliced = value.slice();
          spliced.set(noise.subarray(0, Math.max(0, value.length - (at % value.length))), at % value.length);
          spliced[bits % spliced.length]! ^= 1 + (bits % 255);
          const read = decodeRecord(spliced, record.sequence);
          if (Buffer.compare(spliced, value) !== 0) expect(read).toBe('corrupt');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('have these bytes, which stores written before are made of', () => {
    expect(Buffer.from(encodeRecord(full)).toString('hex')).toBe(PINNED);
  });
});

const PINNED = [
  '01fe56a1e8001fffffffffffff4278bcfe5687b0003f066f72646572730e6f72646572732e65752e7061696410617070',
  '6c69636174696f6e2f6a736f6e036170700201ac020406726567696f6e04026575077265747269657303400800000000',
  '0000076578707265737302046e6f746500076f726465722d3140ed4c00000000000164026531072d5b7b227175657565',
  '223a2271222c22726561736f6e223a2272656a6563746564222c22636f756e74223a317d5d7b22c3a9223a317d',
].join('');
