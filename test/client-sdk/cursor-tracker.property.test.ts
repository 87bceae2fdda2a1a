import type { LogId } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CursorTracker } from '../../client-sdk/src/cursor-tracker.ts';

/** What one log's history looks like to the tracker: an order of things, and the order they are processed in. */
const history = fc
  .array(
    fc.record({
      kind: fc.constantFrom('message', 'message', 'message', 'gap', 'mark'),
      log: fc.constantFrom<LogId>('v', 'd'),
      step: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 30 },
  )
  .chain((items) =>
    fc.record({
      items: fc.constant(items),
      order: fc.shuffledSubarray(
        items.map((_, i) => i),
        { minLength: 0 },
      ),
    }),
  );

const at = (log: LogId, offset: number) => ({ log, epoch: 'e', offset });

describe('the cursor of an ordered subscription', () => {
  it('is the highest position such that it and everything before was processed', () => {
    fc.assert(
      fc.property(history, ({ items, order }) => {
        const tracker = new CursorTracker(true, 'v:e:0,d:e:0');
        const offsets: Record<LogId, number> = { v: 0, d: 0 };
        const placed = items.map(({ kind, log, step }, index) => {
          offsets[log] += step;
          const position = at(log, offsets[log]);
          if (kind === 'message') tracker.message(index + 1, position);
          else if (kind === 'gap') tracker.gap(index + 1, [position]);
          else tracker.mark(`v:e:${offsets.v},d:e:${offsets.d}`);
          return { kind, position, mark: { ...offsets } };
        });
        const done = new Set<number>();
        const expected = () => {
          const cursor: Record<LogId, number> = { v: 0, d: 0 };
          for (const [index, { kind, position, mark }] of placed.entries()) {
            if (kind === 'mark') Object.assign(cursor, mark);
            else if (!done.has(index)) break;
            else cursor[position.log] = position.offset;
          }
          return `v:e:${cursor.v},d:e:${cursor.d}`;
        };
        expect(tracker.cursor).toBe(expected());
        for (const index of order) {
          done.add(index);
          tracker.settle(index + 1);
          expect(tracker.cursor).toBe(expected());
        }
        // After a lost session exactly what was processed is recognised, in or out of order.
        tracker.restart(tracker.cursor);
        for (const [index, { kind, position }] of placed.entries()) {
          if (kind !== 'message') continue;
          const passed =
            Number(new RegExp(`${position.log}:e:(\\d+)`).exec(tracker.cursor!)?.[1]) >= position.offset;
          expect(tracker.has(position)).toBe(done.has(index) || passed);
        }
      }),
    );
  });

  it('forgets a log that a new queue does not read, and is where a later binding has it read again', () => {
    const tracker = new CursorTracker(true, 'v:old:90,d:e:4');
    // The hub began a new epoch of `v`, of which no binding is left.
    tracker.restart('d:e:4');
    expect(tracker.cursor).toBe('d:e:4');
    tracker.begin('v:new:7,d:e:4');
    expect(tracker.cursor).toBe('v:new:7,d:e:4');
    // What it reads on is where it was, not where the queue began.
    tracker.restart('v:new:9,d:e:9');
    expect(tracker.cursor).toBe('v:new:7,d:e:4');
  });

  it('takes a new epoch when it comes, and forgets the old one', () => {
    const tracker = new CursorTracker(true, 'v:old:90');
    tracker.gap(1, []);
    tracker.message(2, { log: 'v', epoch: 'new', offset: 3 });
    tracker.settle(1);
    expect(tracker.cursor).toBe('v:old:90');
    tracker.settle(2);
    expect(tracker.cursor).toBe('v:new:3');
    expect(tracker.has({ log: 'v', epoch: 'old', offset: 1 })).toBe(false);
  });
});

describe('the cursor of a snapshot', () => {
  it('is null until the end; a snapshot that begins again is recognised', () => {
    const tracker = new CursorTracker(true, null);
    tracker.message(1, at('v', 50));
    tracker.message(2, at('v', 7));
    tracker.settle(1);
    expect(tracker.cursor).toBeNull();
    tracker.restart(null);
    expect(tracker.has(at('v', 50))).toBe(true);
    expect(tracker.has(at('v', 7))).toBe(false);
    tracker.message(1, at('v', 7));
    tracker.snapshotEnd(2, 'v:e:60');
    tracker.settle(2);
    expect(tracker.cursor).toBeNull();
    tracker.settle(1);
    expect(tracker.cursor).toBe('v:e:60');
  });
});

describe('the cursor of a conflating subscription', () => {
  it('moves by marks only, and older values of a key are recognised', () => {
    const tracker = new CursorTracker(false, 'v:e:0');
    tracker.message(1, at('v', 9));
    tracker.message(2, at('v', 5));
    tracker.mark('v:e:6');
    tracker.settle(1, 'a');
    expect(tracker.cursor).toBe('v:e:0');
    tracker.settle(2, 'b');
    expect(tracker.cursor).toBe('v:e:6');
    tracker.restart('v:e:6');
    expect([4, 9, 10].map((offset) => tracker.has(at('v', offset), 'a'))).toEqual([true, true, false]);
    expect(tracker.has(at('v', 5), 'b')).toBe(true);
  });
});

it('knows with conflation what was processed behind a snapshot whose end was still open', () => {
  const tracker = new CursorTracker(false, null);
  tracker.message(1, at('v', 26));
  tracker.snapshotEnd(2, 'v:e:43');
  tracker.message(3, at('v', 50));
  tracker.settle(3, 'b');
  tracker.settle(2);
  tracker.settle(1, 'a');
  expect(tracker.cursor).toBe('v:e:43');
  tracker.restart('v:e:43');
  expect([tracker.has(at('v', 50), 'b'), tracker.has(at('v', 51), 'b')]).toEqual([true, false]);
});

describe('a message that a later tag stands for', () => {
  it('is not remembered, and the later one moves the cursor past it', () => {
    const tracker = new CursorTracker(true, 'v:e:0');
    for (const tag of [1, 2, 3]) tracker.message(tag, at('v', tag));
    tracker.forget(1);
    tracker.forget(2);
    expect(tracker.cursor).toBe('v:e:0');
    tracker.settle(3);
    expect(tracker.cursor).toBe('v:e:3');
  });

  it('is no gap: what that says of epochs still counts', () => {
    const tracker = new CursorTracker(true, 'v:e:5');
    tracker.gap(1, [{ log: 'v', epoch: 'f', offset: 0 }]);
    tracker.message(2, { log: 'v', epoch: 'f', offset: 1 });
    tracker.forget(1);
    tracker.settle(2);
    expect(tracker.cursor).toBe('v:e:5');
    tracker.settle(1);
    expect(tracker.cursor).toBe('v:f:1');
  });
});

it('is not moved by a mark that stands between what was given up and what stands for it', () => {
  const tracker = new CursorTracker(true, 'v:e:0');
  const at = (offset: number) => ({ log: 'v', epoch: 'e', offset }) as const;
  tracker.message(1, at(1));
  tracker.mark('v:e:1');
  tracker.message(2, at(2));
  // The application is behind: one gap, not handed out yet, stands for both.
  tracker.forget(1);
  tracker.mark('v:e:2');
  expect(tracker.cursor).toBe('v:e:0');
  tracker.settle(1);
  tracker.settle(2);
  expect(tracker.cursor).toBe('v:e:2');
});
