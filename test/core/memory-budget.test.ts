/** Shared payloads count once; texts live as long as somebody may want them. */
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import { storedRecord } from './stored-record.ts';

describe('the budget', () => {
  it('counts a record once, however many hold it', () => {
    const budget = new MemoryBudget(150);
    const [a, b] = [storedRecord(1), storedRecord(2)];
    budget.hold(a);
    budget.hold(a);
    expect([budget.heldBytes, budget.exceeded]).toEqual([100, false]);
    budget.hold(b);
    expect(budget.exceeded).toBe(true);
    budget.release(a);
    expect(budget.heldBytes).toBe(200);
    budget.release(a);
    expect([budget.heldBytes, budget.exceeded]).toEqual([100, false]);
  });

  it('asserts at a second release', () => {
    const budget = new MemoryBudget(1);
    const record = storedRecord(1);
    budget.hold(record);
    budget.release(record);
    expect(() => budget.release(record)).toThrow('released twice');
  });

  it('forgets the text of what nobody holds at the end of the turn, and of nothing else', () => {
    const budget = new MemoryBudget(1_000);
    const [gone, back, held] = [1, 2, 3].map((offset) => storedRecord(offset, { itemText: 'text' }));
    for (const record of [gone!, back!, held!]) budget.hold(record);
    budget.release(gone!);
    budget.release(back!);
    budget.hold(back!);
    budget.forgetItems();
    expect([gone, back, held].map((record) => record!.itemText)).toEqual([undefined, 'text', 'text']);
  });

  it('forgets the text of what no ring ever held, as messages of named queues, at the end of the turn', () => {
    const budget = new MemoryBudget(1_000);
    const record = storedRecord(1);
    budget.keepText(record, 'text');
    expect(record.itemText).toBe('text');
    budget.forgetItems();
    expect(record.itemText).toBeUndefined();
    // It counts no more: others have all the room.
    const [next, last] = [storedRecord(2), storedRecord(3)];
    for (const one of [next, last]) {
      budget.hold(one);
      budget.keepText(one, 'x'.repeat(60));
    }
    expect([next.itemText?.length, last.itemText?.length]).toEqual([60, 60]);
  });

  it('has room for what is held already, and for one at least', () => {
    const budget = new MemoryBudget(150);
    const [a, b] = [storedRecord(1, { bytes: 500 }), storedRecord(2)];
    expect(budget.hasRoomFor(a)).toBe(true);
    budget.hold(b);
    expect(budget.hasRoomFor(a)).toBe(false);
    expect(budget.hasRoomFor(b)).toBe(true);
    expect(budget.hasRoomFor(storedRecord(3, { bytes: 50 }))).toBe(true);
  });

  it('keeps texts up to an eighth of itself, and lets the oldest go first', () => {
    const budget = new MemoryBudget(800);
    const records = [1, 2, 3].map((offset) => storedRecord(offset));
    for (const record of records) {
      budget.hold(record);
      budget.keepText(record, 'x'.repeat(50));
    }
    expect(records.map(({ itemText }) => itemText?.length)).toEqual([undefined, 50, 50]);
    // Of one record in two codecs both count, and go together.
    budget.keepBytes(records[1]!, new Uint8Array(10));
    expect(records.map(({ itemText, itemBytes }) => [itemText?.length, itemBytes?.length])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [50, undefined],
    ]);
    const large = storedRecord(4);
    budget.hold(large);
    budget.keepText(large, 'x'.repeat(101));
    expect([...records, large].map(({ itemText }) => itemText)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
