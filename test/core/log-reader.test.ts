/** Where a subscription reads: each record comes by the log or by the feed, never by both. */
import { describe, expect, it } from 'vitest';
import { Snapshot } from '../../server/src/core/last-values.ts';
import { LogReader } from '../../server/src/core/log-reader.ts';

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

  it('begins with its snapshot, and has no cursor until that has ended', () => {
    const reader = new LogReader('v', 'e', 5, new Snapshot([], 5, true));
    expect([reader.phase, reader.takesLive(6), reader.cursorOffset(9)]).toEqual([
      'snapshot',
      false,
      undefined,
    ]);
    reader.endSnapshot();
    expect([reader.phase, reader.snapshot, reader.cursorOffset(9)]).toEqual(['reading', undefined, 5]);
  });
});
