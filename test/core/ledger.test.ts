/** Each obligation begins once and ends once. */
import { describe, expect, it } from 'vitest';
import { DROP_REASONS, Ledger, type Outcome, residualOf } from '../../server/src/core/ledger.ts';

const OUTCOMES: Outcome[] = ['acked', 'written', 'rejected', 'expired', 'dead-lettered', ...DROP_REASONS];

describe('a ledger', () => {
  it.each(OUTCOMES)('counts %s once, and asserts at the second settle', (outcome) => {
    const ledger = new Ledger();
    ledger.begin();
    expect(residualOf(ledger, 1, 0)).toBe(0);
    ledger.settle(outcome);
    expect(ledger.settled).toBe(1);
    expect(residualOf(ledger, 0, 0)).toBe(0);
    expect(() => ledger.settle(outcome)).toThrow('settled twice');
  });

  it('shows what is unaccounted for, either way', () => {
    const ledger = new Ledger();
    ledger.begin();
    expect(residualOf(ledger, 0, 0)).toBe(1);
    expect(residualOf(ledger, 1, 1)).toBe(-1);
  });

  it('adds another up, by reason', () => {
    const [sum, one] = [new Ledger(), new Ledger()];
    for (const outcome of OUTCOMES) {
      one.begin();
      one.settle(outcome);
    }
    sum.add(one);
    sum.add(one);
    sum.add(new Ledger());
    expect([sum.routed, sum.settled, sum.dropped]).toEqual([
      2 * OUTCOMES.length,
      2 * OUTCOMES.length,
      2 * DROP_REASONS.length,
    ]);
    expect([...sum.droppedBy!]).toEqual(DROP_REASONS.map((reason) => [reason, 2]));
    expect(one.settled).toBe(OUTCOMES.length);
  });

  it('is stored as a plain object and added again', () => {
    const [one, other] = [new Ledger(), new Ledger()];
    for (const outcome of OUTCOMES) {
      one.begin();
      one.begin();
      one.settle(outcome, 2);
    }
    other.add(JSON.parse(JSON.stringify(one.toSums())));
    other.add(new Ledger().toSums());
    expect(other.toSums()).toEqual(one.toSums());
    expect([...other.droppedBy!]).toEqual(DROP_REASONS.map((reason) => [reason, 2]));
    // What another version has stored and this one does not know is in the sum, not by reason.
    const unknown = { ...one.toSums(), droppedBy: { gone: 3 } as object };
    const restored = new Ledger();
    restored.add(unknown);
    expect([restored.settled, restored.droppedBy?.size]).toEqual([one.settled, 0]);
  });
});
