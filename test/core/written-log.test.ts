/** What a queue without acks can still tell (PROTOCOL §12). The queue's own tests tell the stories. */
import { describe, expect, it } from 'vitest';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import { REMEMBERED, REMEMBERED_NOTICES, WrittenLog } from '../../server/src/core/written-log.ts';
import { at, EPOCH, storedRecord, textOf } from './stored-record.ts';

const written = (count: number): WrittenLog => {
  const log = new WrittenLog();
  for (let tag = 1; tag <= count; tag++) log.add(tag, storedRecord(10 * tag));
  return log;
};
const told = (log: WrittenLog, lastTag: number, last: number, cursor = 0) =>
  log.notReceived(lastTag, last, [at(cursor)], true).map(textOf);

describe('a written log', () => {
  it('tells what came after the last tag received', () => {
    expect(told(written(5), 2, 5)).toEqual(['gap not-received 3 [30-50:3]']);
    expect(told(written(5), 5, 5)).toEqual([]);
    expect(told(new WrittenLog(), 0, 0)).toEqual([]);
  });

  it('counts exactly also what it no longer knows one by one', () => {
    const last = REMEMBERED + 100;
    const [text] = told(written(last), 10, last, 100);
    expect(text).toContain(`gap not-received ${last - 10} [`);
    expect(text).toContain('101-');
    expect(text).toContain(`-${10 * last}:`);
  });

  it('keeps what gaps tell longer than messages, and has no count once it has forgotten one', () => {
    const log = new WrittenLog();
    const count = 10 * REMEMBERED;
    for (let tag = 1; tag <= count; tag++) {
      const gap = new GapEntry();
      gap.addMessage('v', EPOCH, tag, 'overflow', true);
      log.add(tag, gap);
    }
    const [gap] = log.notReceived(0, count, [at(0)], true);
    expect(gap).toMatchObject({ kind: 'gap', count: null });
    for (let tag = count + 1; tag <= count + 2 * REMEMBERED; tag++) log.add(tag, storedRecord(tag));
    const [later] = log.notReceived(count, count + 2 * REMEMBERED, [at(count)], true);
    expect(later).toMatchObject({ kind: 'gap', count: 2 * REMEMBERED });
  });

  it('does not take a forgotten notice for a message', () => {
    const log = new WrittenLog();
    const count = 2 * REMEMBERED_NOTICES;
    for (let tag = 1; tag <= count; tag++) {
      const gap = new GapEntry();
      gap.addMessage('v', EPOCH, 2 * tag, 'overflow', true);
      gap.addMessage('v', EPOCH, 2 * tag + 1, 'overflow', true);
      log.add(tag, gap);
    }
    log.add(count + 1, storedRecord(2 * count + 2));
    const [gap] = log.notReceived(0, count + 1, [at(0)], true);
    if (gap?.kind !== 'gap') throw new Error('no gap');
    expect(gap.count).toBeNull();
    expect(gap.ranges.every(({ log: id, from, to }) => id === 'v' && from <= to!)).toBe(true);
    for (let offset = 2; offset <= 2 * count + 2; offset++) {
      expect(gap.ranges.some(({ from, to }) => from <= offset && offset <= to!)).toBe(true);
    }
  });

  it('tells each loss by one notice only', () => {
    const log = written(5);
    const [gap] = log.notReceived(3, 5, [at(0)], true);
    expect(told(log, 3, 5)).toEqual([]);
    log.add(6, gap!);
    log.add(7, storedRecord(70));
    expect(told(log, 3, 7)).toEqual(['gap not-received 3 [40-70:3]']);
  });
});
