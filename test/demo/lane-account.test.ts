import { describe, expect, it } from 'vitest';
import { LaneAccount } from '../../demo/dashboard/lane-account.ts';

const message = (n: number, run = 'a') => ({ run, n });

describe('the account of a lane', () => {
  it('has nothing waiting where everything came', () => {
    const account = new LaneAccount(true);
    for (const n of [5, 6, 7]) account.message(message(n), 0);
    expect([account.published(7), account.waiting(7)]).toEqual([3, 0]);
  });

  it('knows what waits from what others have seen', () => {
    const account = new LaneAccount(true);
    account.message(message(5), 0);
    expect(account.waiting(25)).toBe(20);
  });

  it('agrees with gaps that are told in their place', () => {
    const account = new LaneAccount(true);
    account.message(message(1), 0);
    account.gap(10);
    account.message(message(12), 0);
    expect(account).toMatchObject({ handled: 2, lost: 10, gaps: 1 });
    expect(account.waiting(12)).toBe(0);
  });

  it('begins before a gap that comes first', () => {
    const account = new LaneAccount(true);
    account.gap(3);
    account.message(message(10), 0);
    expect([account.published(10), account.lost, account.waiting(10)]).toEqual([4, 3, 0]);
  });

  it('shows a loss nobody told: it waits for ever', () => {
    const account = new LaneAccount(true);
    account.message(message(1), 0);
    account.message(message(3), 0);
    expect(account.waiting(3)).toBe(1);
  });

  it('shows a loss told twice: less than nothing waits', () => {
    const account = new LaneAccount(true);
    account.message(message(1), 0);
    account.gap(2);
    account.message(message(3), 0);
    expect(account.waiting(3)).toBe(-1);
  });

  it('counts replaced values, in any order', () => {
    const account = new LaneAccount(false);
    account.message(message(1), 0);
    account.message(message(6), 2);
    account.message(message(5), 1);
    expect(account).toMatchObject({ handled: 3, replaced: 3 });
    expect(account.waiting(6)).toBe(0);
  });

  it('does not count a message twice', () => {
    const account = new LaneAccount(true);
    expect([1, 2, 2, 1].map((n) => account.message(message(n), 0))).toEqual([true, true, false, false]);
    expect(account).toMatchObject({ handled: 2, repeated: 2 });
  });

  it('works out a gap of unknown size from the numbers', () => {
    const account = new LaneAccount(true);
    account.message(message(1), 0);
    account.gap(null);
    account.message(message(9), 0);
    expect(account.lost).toBe(7);
    expect(account.waiting(9)).toBe(0);
  });

  it('begins anew with another run of the feeder', () => {
    const account = new LaneAccount(true);
    account.message(message(100), 0);
    account.gap(5);
    account.message(message(1, 'b'), 0);
    expect(account).toMatchObject({ handled: 1, lost: 0, gaps: 0, run: 'b' });
    expect(account.waiting(1)).toBe(0);
  });
});
