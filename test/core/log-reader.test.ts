/** Where a subscription reads: each record comes by the log or by the feed, never by both. */
import { describe, expect, it } from 'vitest';
import { Snapshot } from '../../server/src/core/last-values.ts';
import { LogReader } from '../../server/src/core/log-reader.ts';
import { LogReaders } from '../../server/src/core/log-readers.ts';

describe('a reader', () => {
  it('live takes what is newer than what it is done with', () => {
    const reader = new LogReader('v', 'e', 5, 'live');
    expect([reader.takesLive(5), reader.takesLive(6)]).toEqual([false, true]);
    reader.passed(6);
    expect(reader.takesLive(6)).toBe(false);
    expect(reader.cursorOffset(9)).toBe(9);
  });

  it('reading takes nothing live until it has reached the head', () => {
    const reader = new LogReader('v', 'e', 5, 'reading');
    expect([reader.takesLive(6), reader.cursorOffset(9)]).toEqual([false, 5]);
    reader.passed(9);
    reader.reachHead();
    expect([reader.takesLive(9), reader.takesLive(10)]).toEqual([false, true]);
    // What came between and did not match is not read again.
    reader.fallBehind(12);
    expect([reader.takesLive(12), reader.cursorOffset(12)]).toEqual([false, 11]);
  });

  it('within a snapshot takes nothing live, and reads on from where that was taken', () => {
    const reader = new LogReader('v', 'e', 5, 'snapshot');
    expect(reader.takesLive(6)).toBe(false);
    reader.endSnapshot();
    expect([reader.phase, reader.cursorOffset(9)]).toEqual(['reading', 5]);
  });
});

describe('the readers of one subscription', () => {
  const at = (log: 'v' | 'd', offset: number) => ({ log, epoch: `e${log}`, offset });
  const heads = (log: 'v' | 'd') => (log === 'v' ? 9 : 90);

  it('stand each in their own log', () => {
    const readers = new LogReaders([
      new LogReader('v', 'ev', 5, 'live'),
      new LogReader('d', 'ed', 50, 'reading'),
    ]);
    expect(readers.positions(heads)).toEqual([at('v', 9), at('d', 50)]);
    expect(readers.starts).toEqual([at('v', 5), at('d', 50)]);
    expect([readers.of('d')?.after, readers.epochOf('d'), readers.isLive]).toEqual([50, 'ed', false]);
  });

  it('have no positions until the snapshot of all of them has ended', () => {
    const snapshot = new Snapshot([], () => 5, true);
    const readers = new LogReaders([new LogReader('v', 'ev', 5, 'snapshot')], snapshot);
    readers.add('d', 'ed', 50);
    expect(readers.positions(heads)).toBeUndefined();
    readers.endSnapshot();
    expect(readers.positions(heads)).toEqual([at('v', 5), at('d', 50)]);
  });

  it('take up a log that a binding brings, live, once', () => {
    const readers = new LogReaders([new LogReader('v', 'ev', 5, 'live')]);
    readers.add('d', 'ed', 50);
    readers.add('d', 'ed', 70);
    expect(readers.all.map(({ log, after, phase }) => [log, after, phase])).toEqual([
      ['v', 5, 'live'],
      ['d', 50, 'live'],
    ]);
  });
});
