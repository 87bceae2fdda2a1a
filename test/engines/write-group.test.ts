/** What is to be stored while the disk is busy is one batch; all of it is told, in order, whatever becomes of the disk. */
import { describe, expect, it } from 'vitest';
import { WriteGroup } from '../../server/src/engines/write-group.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

function scene() {
  const clock = new ManualClock();
  const disk = new MemoryDisk({ clock, syncMs: 10 });
  const store = new MemoryStore(disk);
  const group = new WriteGroup(store, clock);
  const told: string[] = [];
  let sums = 0;
  let transactions = 0;
  const write = disk.write.bind(disk);
  disk.write = (writes, settled) => {
    transactions++;
    write(writes, settled);
  };
  group.onCommit(() => sums++);
  return {
    clock,
    disk,
    group,
    store,
    told,
    put(name: string, bytes = 1): void {
      group.put(Buffer.from(name), new Uint8Array(bytes));
      group.whenStored((failed) => told.push(failed ? `no ${name}` : name));
    },
    counts: () => ({ transactions, sums }),
    resetCounts: () => {
      transactions = 0;
      sums = 0;
    },
  };
}

describe('a write group', () => {
  it('is one batch for all turns while the disk is busy, and sums are stored once', () => {
    const made = scene();
    made.put('a');
    made.clock.settle();
    made.resetCounts();
    for (const name of ['b', 'c', 'd', 'e']) {
      made.put(name);
      made.clock.settle();
    }
    expect(made.told).toEqual([]);
    made.clock.advance(10);
    expect(made.told).toEqual(['a']);
    made.clock.advance(10);
    expect(made.told).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(made.counts().transactions).toBe(1);
    expect(made.counts().sums).toBeLessThanOrEqual(3);
  });

  it('has what is put by those who are told', () => {
    const made = scene();
    made.put('a');
    made.group.whenStored(() => made.put('b'));
    made.clock.settle();
    made.clock.advance(10);
    expect(made.told).toEqual(['a']);
    made.clock.advance(10);
    expect(made.told).toEqual(['a', 'b']);
    made.put('c');
    made.clock.settle();
    made.clock.advance(10);
    expect(made.told).toEqual(['a', 'b', 'c']);
  });

  it('is told in order, also by objects', () => {
    const made = scene();
    made.put('a');
    made.group.whenStored({ told: (failed) => made.told.push(`object ${failed}`) });
    made.put('b');
    made.clock.settle();
    made.clock.advance(10);
    expect(made.told).toEqual(['a', 'object false', 'b']);
  });

  it('that has grown large does not wait for the disk to ask for it', () => {
    const made = scene();
    made.disk.stall();
    made.put('a');
    made.clock.settle();
    made.resetCounts();
    for (let i = 0; i < 5; i++) made.put(`large ${i}`, 4 * 1024 * 1024);
    made.clock.settle();
    expect(made.counts().sums).toBe(1);
    expect(made.group.isFull).toBe(false);
    for (let i = 5; i < 16; i++) made.put(`large ${i}`, 4 * 1024 * 1024);
    expect(made.group.isFull).toBe(true);
    made.disk.resume();
    made.clock.advance(1_000);
    expect(made.told).toHaveLength(17);
    expect(made.group.isFull).toBe(false);
  });

  it('of a disk that refuses is told to all, also to those that were still gathered or come later', () => {
    const made = scene();
    made.disk.refuse({ reason: 'io', text: 'no' });
    made.put('a');
    made.clock.settle();
    made.put('b');
    made.clock.settle();
    made.clock.advance(10);
    made.clock.settle();
    expect(made.told).toEqual(['no a', 'no b']);
    expect(made.group.failed).toBe(true);
    made.put('c');
    made.clock.settle();
    expect(made.told).toEqual(['no a', 'no b', 'no c']);
  });

  it('that is flushed when the hub closes is on disk when the store is closed', async () => {
    const made = scene();
    made.put('a');
    made.clock.settle();
    made.put('b');
    made.group.flush();
    const closed = made.store.close();
    made.clock.settle();
    made.clock.advance(30);
    await closed;
    expect(made.told).toEqual(['a', 'b']);
  });
});
