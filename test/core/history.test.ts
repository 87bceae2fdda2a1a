import { decodeServerMessage, encodeHistory, type HistoryRequest, type Item } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HistoryPage,
  type HistoryPlan,
  type PageBounds,
  planHistory,
} from '../../server/src/core/history.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { storedRecord } from './stored-record.ts';

const BOUNDS = { epoch: 'e1', first: 3, last: 10, messages: 8, bytes: 800 };
const plan = (request: Partial<HistoryRequest>) =>
  planHistory({ bindings: [['x', '#']], ...request }, ['v'], () => BOUNDS);
const END = Number.POSITIVE_INFINITY;
const span = (from: number, to: number) => ({ log: 'v', from, to });
const lost = (epoch: string, from: number, to: number | null) => ({
  log: 'v',
  epoch,
  from,
  to,
  count: null,
  reason: 'epoch',
});

describe('what is read for a question', () => {
  it.each<[string, Partial<HistoryRequest>, unknown]>([
    ['after a cursor', { after: 'v:e1:4' }, { direction: 'forward', spans: [span(5, END)], lost: [] }],
    [
      'after another life',
      { after: 'v:e0:4' },
      { direction: 'forward', spans: [span(1, END)], lost: [lost('e0', 5, null)] },
    ],
    ['before the head', { before: null }, { direction: 'back', spans: [span(1, 10)], lost: [] }],
    ['before a cursor', { before: 'v:e1:7' }, { direction: 'back', spans: [span(1, 7)], lost: [] }],
    [
      'before a cursor beyond the end',
      { before: 'v:e1:12' },
      { direction: 'back', spans: [span(1, 10)], lost: [lost('e1', 11, 12)] },
    ],
    [
      'before another life',
      { before: 'v:e0:7' },
      { direction: 'back', spans: [span(1, 0)], lost: [lost('e0', 1, 7)] },
    ],
    [
      'ranges in any order, overlapping',
      {
        ranges: [
          ['v', 'e1', 8, 9],
          ['v', 'e1', 0, 2],
          ['v', 'e1', 2, 4],
          ['v', 'e1', 9, null],
        ],
      },
      {
        direction: 'forward',
        spans: [span(1, 4), span(8, END)],
        lost: [],
      },
    ],
    [
      'ranges of other lives, of another log, and beyond the end',
      {
        ranges: [
          ['v', 'e0', 5, null],
          ['d', 'e1', 6, 7],
          ['v', 'e1', 9, 12],
        ],
      },
      {
        direction: 'forward',
        spans: [span(9, 12)],
        lost: [lost('e0', 5, null), lost('e1', 11, 12), { ...lost('e1', 6, 7), log: 'd' }],
      },
    ],
  ])('%s', (_, request, expected) => {
    expect(plan(request)).toEqual(expected);
  });

  it('a cursor that says nothing of this log is none', () => {
    expect(plan({ after: 'd:e1:4' })).toBeUndefined();
    expect(plan({ before: 'd:e1:4' })).toBeUndefined();
  });
});

const WIDE: PageBounds = { messages: 1000, bytes: 1e9, scanned: 1000 };
const itemsOf = (page: HistoryPage): readonly Item[] => {
  const [frame] = decodeServerMessage(encodeHistory(1, page.items, 'v:e1:0', false))!;
  return (frame as unknown as { result: { items: Item[] } }).result.items;
};
const textsOf = (page: HistoryPage) =>
  itemsOf(page).map((item) => (item.kind === 'message' ? item.offset : item.kind));

describe('a page', () => {
  it('takes one message, however large, and no second one beyond its bytes', () => {
    const page = new HistoryPage('forward', { ...WIDE, bytes: 100 }, () => true);
    page.tellLoss({ log: 'v', epoch: 'e1', from: 1, to: 2, count: null, reason: 'trimmed' });
    expect(page.isFull).toBe(false);
    expect(page.offer(storedRecord(3, { payload: 'x'.repeat(500) }), 0)).toBe(true);
    expect(page.isFull).toBe(true);
    expect(page.offer(storedRecord(4), 0)).toBe(false);
    expect(textsOf(page)).toEqual(['gap', 3]);
  });

  it('counts bytes, not characters', () => {
    const page = new HistoryPage('forward', { ...WIDE, bytes: 400 }, () => true);
    expect(page.offer(storedRecord(1, { payload: '€'.repeat(70) }), 0)).toBe(true);
    expect(page.offer(storedRecord(2, { payload: '€'.repeat(70) }), 0)).toBe(false);
  });

  it('leaves out what has expired', () => {
    const page = new HistoryPage('forward', WIDE, () => true);
    page.offer(storedRecord(1, { expiresMs: 10 }), 10);
    page.offer(storedRecord(2, { expiresMs: 11 }), 10);
    expect(textsOf(page)).toEqual([2]);
  });

  const record = fc.record({
    matches: fc.boolean(),
    expired: fc.boolean(),
    payload: fc.string({ maxLength: 60, unit: 'grapheme' }),
  });
  const bounds = fc.record({
    messages: fc.integer({ min: 1, max: 8 }),
    bytes: fc.integer({ min: 1, max: 600 }),
    scanned: fc.integer({ min: 1, max: 12 }),
  });

  it('is the longest run of the records offered that its bounds allow', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 20 }),
        bounds,
        fc.constantFrom<HistoryPlan['direction']>('forward', 'back'),
        (raw, limits, direction) => {
          const records = raw.map(({ expired, matches, payload }, i) =>
            storedRecord(i + 1, { payload, key: matches ? 'yes' : 'no', expiresMs: expired ? 0 : 1 }),
          );
          if (direction === 'back') records.reverse();
          const page = new HistoryPage(direction, limits, ({ key }) => key === 'yes');
          let read = 0;
          while (read < records.length && page.offer(records[read]!, 0)) read++;

          const wanted = (upTo: number) =>
            records.slice(0, upTo).filter(({ key, expiresMs }) => key === 'yes' && expiresMs > 0);
          const bytesOf = (list: readonly StoredRecord[]) =>
            list.reduce((sum, r) => sum + Buffer.byteLength(JSON.stringify(itemArray(r))) + 1, 0);
          const isAllowed = (upTo: number) => {
            const before = wanted(upTo - 1);
            const with_ = wanted(upTo);
            return (
              upTo <= limits.scanned &&
              before.length < limits.messages &&
              bytesOf(before) < limits.bytes &&
              (with_.length === before.length || with_.length === 1 || bytesOf(with_) <= limits.bytes)
            );
          };
          let expected = 0;
          while (expected < records.length && isAllowed(expected + 1)) expected++;
          expect(read).toBe(expected);
          const offsets = wanted(read).map(({ offset }) => offset);
          expect(textsOf(page)).toEqual(offsets.sort((a, b) => a - b));
        },
      ),
    );
  });
});

const itemArray = (r: StoredRecord) => [
  r.exchange,
  r.key,
  r.payload,
  r.contentType,
  r.log,
  r.offset,
  r.timeMs,
];
