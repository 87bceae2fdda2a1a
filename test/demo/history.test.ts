import { expect, it } from 'vitest';
import { History } from '../../demo/dashboard/history.ts';

it('keeps columns as long as the time axis, also those that begin later', () => {
  const history = new History(10);
  history.openRow(1000);
  history.set('a', 1);
  history.openRow(2000);
  history.set('b', 5);
  expect(history.data(['a', 'b', 'c'])).toEqual([
    [1, 2],
    [1, 1],
    [null, 5],
    [null, null],
  ]);
});

it('is bounded', () => {
  const history = new History(100);
  for (let row = 0; row < 10_000; row += 1) {
    history.openRow(row);
    history.set('a', row);
    expect(history.length).toBeLessThanOrEqual(150);
  }
  const [times, a] = history.data(['a']);
  expect(a).toHaveLength(times.length);
  expect(a?.at(-1)).toBe(9999);
});

it('breaks the line where something is missing', () => {
  const history = new History(10);
  history.breakLine();
  history.openRow(1000);
  history.set('a', 1);
  history.breakLine();
  history.openRow(2000);
  history.set('a', 2);
  expect(history.data(['a'])[1]).toEqual([1, null, 2]);
});
