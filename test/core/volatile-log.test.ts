/** The volatile log: bounds in messages, bytes and age, against an array. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VolatileLog } from '../../server/src/core/volatile-log.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { newRecord } from './stored-record.ts';

const LIMITS = { maxMessages: 1e6, maxBytes: 1e9, maxAgeMs: 1e9 };
const all = (log: VolatileLog, after = 0, limit = 1e6): StoredRecord[] => log.read(after, limit);

describe('the log', () => {
  it('costs payload, key, headers and a constant', () => {
    const log = new VolatileLog('e', LIMITS);
    const bare = log.append(newRecord(), 0, 0).bytes;
    const headers = { name: 'value', n: 1 };
    expect(log.append(newRecord({ payloadBytes: 11, key: 'kk', headers }), 0, 0).bytes).toBe(
      bare + 10 + 1 + 4 + 5 + 1 + 8,
    );
    expect(log.bytes).toBe(all(log).reduce((sum, r) => sum + r.bytes, 0));
  });

  it('keeps only the place of what nobody can ask for', () => {
    const log = new VolatileLog('e', LIMITS);
    const given = log.append(newRecord({ payload: 'x'.repeat(1000), payloadBytes: 1000, reached: [] }), 7, 0);
    log.append(newRecord({ payload: 'y', payloadBytes: 1 }), 8, 0);
    expect(given.payload).toHaveLength(1000);
    expect(all(log).map(({ offset, timeMs, payload }) => [offset, timeMs, payload])).toEqual([
      [1, 7, ''],
      [2, 8, 'y'],
    ]);
    expect(log.bytes).toBeLessThan(300);
    expect([log.offsetBefore(7), log.offsetBefore(8)]).toEqual([0, 1]);
    log.trim(8 + LIMITS.maxAgeMs);
    expect([log.first, log.bytes]).toEqual([2, log.at(2)!.bytes]);
  });

  it('keeps places in order while it grows and trims', () => {
    const log = new VolatileLog('e', { ...LIMITS, maxMessages: 100 });
    for (let i = 1; i <= 500; i++) log.append(newRecord({ reached: i % 3 === 0 ? [1] : [] }), i, 0);
    expect(all(log).map(({ offset, timeMs, reached }) => [offset, timeMs, reached.length])).toEqual(
      Array.from({ length: 100 }, (_, i) => [401 + i, 401 + i, (401 + i) % 3 === 0 ? 1 : 0]),
    );
  });

  it('keeps a deadline by the monotonic clock', () => {
    const log = new VolatileLog('e', LIMITS);
    expect(log.append(newRecord({ ttlMs: 5 }), 1e12, 100).expiresMs).toBe(105);
    expect(log.append(newRecord(), 1e12, 100).expiresMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('never lets its time go back', () => {
    const log = new VolatileLog('e', LIMITS);
    expect([10.9, 5, 11].map((wallMs) => log.append(newRecord(), wallMs, 0).timeMs)).toEqual([10, 10, 11]);
  });

  it('holds not even one message that is over its bytes alone', () => {
    const log = new VolatileLog('e', { ...LIMITS, maxBytes: 10 });
    expect(log.append(newRecord(), 0, 0).offset).toBe(1);
    expect([log.first, log.last, log.messages, log.bytes]).toEqual([2, 1, 0, 0]);
    expect([all(log), log.at(1)]).toEqual([[], undefined]);
    expect([log.offsetBefore(0), log.offsetBefore(1)]).toEqual([0, 1]);
  });

  it('does as an array does', () => {
    const op = fc.oneof(
      { weight: 10, arbitrary: fc.record({ op: fc.constant('append' as const), bytes: fc.nat(300) }) },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: -20, max: 60 }) }),
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('trim' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 300 }), fc.integer({ min: 1, max: 200 }), (ops, maxMessages) => {
        const limits = { maxMessages, maxBytes: 20_000, maxAgeMs: 100 };
        const log = new VolatileLog('e', limits);
        let model: StoredRecord[] = [];
        let [wallMs, last, logTimeMs] = [1_000, 0, 0];
        const trim = (nowMs: number): void => {
          const bytes = () => model.reduce((sum, r) => sum + r.bytes, 0);
          while (
            model.length > 0 &&
            (model.length > maxMessages ||
              bytes() > limits.maxBytes ||
              model[0]!.timeMs < nowMs - limits.maxAgeMs)
          ) {
            model = model.slice(1);
          }
        };
        for (const command of ops) {
          if (command.op === 'append') {
            const stored = log.append(newRecord({ payloadBytes: command.bytes }), wallMs, 0);
            expect(stored.offset).toBe(++last);
            logTimeMs = Math.max(logTimeMs, wallMs);
            model.push(stored);
            trim(logTimeMs);
          } else if (command.op === 'pass') {
            wallMs += command.ms;
          } else {
            log.trim(wallMs);
            trim(wallMs);
          }
          expect([log.messages, log.last, log.first]).toEqual([model.length, last, last - model.length + 1]);
          expect(log.bytes).toBe(model.reduce((sum, r) => sum + r.bytes, 0));
        }
        expect(all(log)).toEqual(model);
        expect(all(log, log.first, 3)).toEqual(model.slice(1, 4));
        for (const timeMs of new Set(model.flatMap((r) => [r.timeMs, r.timeMs + 1]))) {
          const before = log.offsetBefore(timeMs);
          expect(all(log, before)).toEqual(model.filter((r) => r.timeMs >= timeMs));
        }
      }),
      { numRuns: 50 },
    );
  });
});
