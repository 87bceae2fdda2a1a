/** What a queue holds, and its books. */
import { describe, expect, it } from 'vitest';
import { HeldMessages } from '../../server/src/core/held-messages.ts';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import { storedRecord } from './stored-record.ts';

const make = (ttlMs?: number) => {
  const budget = new MemoryBudget(1e6);
  const session = { held: 0, max: 1e6 };
  return { budget, session, held: new HeldMessages(budget, session, ttlMs) };
};

describe('held messages', () => {
  it('cost the session and the budget from hold to release', () => {
    const { budget, session, held } = make();
    const record = storedRecord(1);
    held.begin(record, 0);
    held.hold(record);
    expect([session.held, budget.heldBytes]).toEqual([100, 100]);
    held.release(record, 'acked');
    expect([session.held, budget.heldBytes, held.ledger.acked]).toEqual([0, 0, 1]);
  });

  it('are let go of before the books assert', () => {
    const { budget, session, held } = make();
    const record = storedRecord(1);
    held.hold(record);
    expect(() => held.release(record, 'acked')).toThrow('settled twice');
    expect([session.held, budget.heldBytes]).toEqual([0, 0]);
  });

  it('expire by their own time or the queue’s, whichever is first', () => {
    const { held } = make(50);
    const [short, long, none] = [
      storedRecord(1, { expiresMs: 20 }),
      storedRecord(2, { expiresMs: 900 }),
      storedRecord(3),
    ];
    for (const record of [short, long, none]) held.begin(record, 10);
    expect([short, long, none].map((record) => held.expiresMs(record))).toEqual([20, 60, 60]);
    held.refuse(none, 'refused');
    expect(held.expiresMs(none)).toBe(Number.POSITIVE_INFINITY);
  });

  it('carry notes: how many were replaced, how often it was redelivered', () => {
    const { held } = make();
    const [a, b, c] = [storedRecord(1), storedRecord(2), storedRecord(3)];
    for (const record of [a, b, c]) held.begin(record, 0);
    held.hold(a);
    expect(held.noteOf(a)).toBeUndefined();
    held.replace(a, b);
    held.replace(b, c);
    expect(held.noteOf(c)).toEqual({ replaced: 2 });
    expect([held.redeliver(c), held.redeliver(c), held.noteOf(c)]).toEqual([
      1,
      2,
      { replaced: 2, redelivered: 2 },
    ]);
    held.release(c, 'acked');
    expect(held.noteOf(c)).toBeUndefined();
    expect([held.ledger.droppedBy?.get('conflated'), held.ledger.settled]).toEqual([2, 3]);
  });
});
