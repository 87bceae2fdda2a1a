/** The latest message of each key, and a snapshot being read (PROTOCOL §10). */
import { describe, expect, it } from 'vitest';
import { LastValueBytes, LastValues, Snapshot } from '../../server/src/core/last-values.ts';
import { storedRecord } from './stored-record.ts';

const every = () => true;
const values = (maxEntries = 100, maxBytes = 1e6, bytes = new LastValueBytes(maxBytes)) => ({
  bytes,
  index: new LastValues(maxEntries, bytes),
});
const offsetsOf = (index: LastValues, matches: (r: { key: string }) => boolean = every) =>
  index.snapshot(matches).values.map(({ record }) => record?.offset);

describe('the index', () => {
  it('keeps the latest of each key, in order of publishing', () => {
    const { index, bytes } = values();
    for (const [i, key] of ['a', 'b', 'a', 'c'].entries()) index.put(storedRecord(i + 1, { key }));
    expect(offsetsOf(index)).toEqual([2, 3, 4]);
    expect(offsetsOf(index, ({ key }) => key !== 'a')).toEqual([2, 4]);
    expect([index.size, bytes.held]).toEqual([3, 300]);
    expect(index.snapshot(every).complete).toBe(true);
  });

  it('forgets what was published longest ago beyond its entries, and says so from then on', () => {
    const { index, bytes } = values(2);
    for (const [i, key] of ['a', 'b', 'a', 'c'].entries()) index.put(storedRecord(i + 1, { key }));
    expect(offsetsOf(index)).toEqual([3, 4]);
    expect(index.snapshot(every).complete).toBe(false);
    expect(bytes.held).toBe(200);
  });

  it('shares its bytes with others fairly: the oldest of all is forgotten, whosever it is', () => {
    const bytes = new LastValueBytes(300);
    const { index: greedy } = values(100, 0, bytes);
    const { index: modest } = values(100, 0, bytes);
    for (let i = 1; i <= 5; i++) greedy.put(storedRecord(i, { key: `k${i}` }));
    modest.put(storedRecord(6, { key: 'a' }));
    expect([offsetsOf(greedy), offsetsOf(modest), bytes.held]).toEqual([[4, 5], [6], 300]);
    greedy.put(storedRecord(7, { key: 'k5' }));
    modest.put(storedRecord(8, { key: 'b' }));
    expect([offsetsOf(greedy), offsetsOf(modest), bytes.held]).toEqual([[7], [6, 8], 300]);
    expect([greedy.snapshot(every).complete, modest.snapshot(every).complete]).toEqual([false, true]);
    greedy.clear();
    expect(bytes.held).toBe(200);
  });

  it('keeps to its bytes, also where a value grows', () => {
    const { index, bytes } = values(100, 250);
    index.put(storedRecord(1, { key: 'a' }));
    index.put(storedRecord(2, { key: 'b' }));
    index.put(storedRecord(3, { key: 'b', bytes: 200 }));
    expect(offsetsOf(index)).toEqual([3]);
    index.put(storedRecord(4, { key: 'b', bytes: 9_999 }));
    expect([offsetsOf(index), bytes.held]).toEqual([[], 0]);
  });
});

describe('a snapshot', () => {
  const taken = () => {
    const { index } = values(2);
    index.put(storedRecord(1, { key: 'a' }));
    index.put(storedRecord(2, { key: 'b' }));
    const { values: list, complete } = index.snapshot(every);
    return { index, snapshot: new Snapshot(list, () => 2, complete) };
  };
  const rest = (snapshot: Snapshot): (number | undefined)[] => {
    const offsets: number[] = [];
    for (let record = snapshot.peek(); record; record = snapshot.peek()) {
      offsets.push(record.offset);
      snapshot.advance();
    }
    return offsets;
  };

  it('gives each value once; peeking does not move on', () => {
    const { snapshot } = taken();
    expect(snapshot.peek()).toBe(snapshot.peek());
    expect(rest(snapshot)).toEqual([1, 2]);
    expect([snapshot.peek(), snapshot.complete]).toEqual([undefined, true]);
  });

  it('passes over a key that was published again: the log gives it', () => {
    const { index, snapshot } = taken();
    index.put(storedRecord(3, { key: 'a' }));
    expect([rest(snapshot), snapshot.complete]).toEqual([[2], true]);
  });

  it('says that it is not complete where a value was forgotten before it was read', () => {
    const { index, snapshot } = taken();
    index.put(storedRecord(3, { key: 'c' }));
    expect([rest(snapshot), snapshot.complete]).toEqual([[2], false]);
  });
});
