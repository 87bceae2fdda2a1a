/** Batches go to disk together while it is busy, within bounds, and the memory disk loses what it says it loses. */
import { describe, expect, it } from 'vitest';
import type { StoreError, StoreWrite } from '../../server/src/ports/store.ts';
import { GroupCommit } from '../../server/src/stores/group-commit.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

const write = (key: number, size = 1): StoreWrite => ({
  key: Uint8Array.of(key),
  value: new Uint8Array(size),
});

function scene(limits: Partial<ConstructorParameters<typeof GroupCommit>[1]> = {}) {
  const clock = new ManualClock();
  const written: number[][] = [];
  const settlers: ((error?: StoreError) => void)[] = [];
  const told: string[] = [];
  const commits = new GroupCommit(
    clock,
    { flushDeadlineMs: 5_000, maxGroupWrites: 100, maxGroupBytes: 1_000, ...limits },
    (writes, settled) => {
      written.push(writes.map(({ key }) => key[0]!));
      settlers.push(settled);
    },
  );
  commits.onFailure(({ reason }) => told.push(`failed ${reason}`));
  return {
    clock,
    commits,
    written,
    told,
    commit: (...keys: number[]) =>
      commits.commit(
        keys.map((key) => write(key)),
        (error) => told.push(`${keys.join()} ${error?.reason ?? 'done'}`),
      ),
    settle(error?: StoreError) {
      settlers.shift()!(error);
      clock.settle();
    },
  };
}

describe('group commit', () => {
  it('writes the batches of a turn together, and those that come meanwhile as the next', () => {
    const { clock, commit, written, settle, told } = scene();
    commit(1, 2);
    commit(3);
    expect(written).toEqual([]);
    clock.settle();
    expect(written).toEqual([[1, 2, 3]]);
    commit(4);
    commit(5);
    clock.settle();
    expect(written).toHaveLength(1);
    settle();
    expect(told).toEqual(['1,2 done', '3 done']);
    expect(written).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    settle();
    expect(told.slice(2)).toEqual(['4 done', '5 done']);
  });

  it('bounds a transaction in changes and in bytes, but never splits a batch', () => {
    const inChanges = scene({ maxGroupWrites: 3 });
    for (const keys of [[1, 2], [3], [4], [5, 6, 7, 8], [9]]) inChanges.commit(...keys);
    inChanges.clock.settle();
    for (let i = 0; i < 4; i++) inChanges.settle();
    expect(inChanges.written).toEqual([[1, 2, 3], [4], [5, 6, 7, 8], [9]]);

    const inBytes = scene({ maxGroupBytes: 4 });
    for (const key of [1, 2, 3]) inBytes.commit(key);
    inBytes.clock.settle();
    inBytes.settle();
    inBytes.settle();
    // A key and a value of a byte each.
    expect(inBytes.written).toEqual([[1, 2], [3]]);
  });

  it('fails by its deadline, counted from when the transaction was given to the disk', () => {
    const { clock, commit, settle, told } = scene();
    commit(1);
    clock.settle();
    clock.advance(4_999);
    commit(2);
    expect(told).toEqual([]);
    settle();
    clock.advance(4_999);
    expect(told).toEqual(['1 done']);
    clock.advance(1);
    expect(told).toEqual(['1 done', 'failed deadline', '2 deadline']);
    settle();
    expect(told).toHaveLength(3);
  });

  it('does not take it for the disk when the process itself stood still', () => {
    const { clock, commit, settle, told } = scene();
    commit(1);
    clock.settle();
    clock.jump(20_000);
    settle();
    expect(told).toEqual(['1 done']);
    commit(2);
    clock.settle();
    clock.jump(20_000);
    clock.advance(4_499);
    expect(told).toEqual(['1 done']);
    clock.advance(1);
    expect(told).toEqual(['1 done', 'failed deadline', '2 deadline']);
  });

  it('takes nothing after a failure, and tells those that wait', () => {
    const { clock, commit, settle, told, written } = scene();
    commit(1);
    clock.settle();
    commit(2);
    settle({ reason: 'io', text: 'rot' });
    commit(3);
    expect(told).toEqual(['failed io', '1 io', '2 io']);
    clock.settle();
    expect(told[3]).toBe('3 io');
    expect(written).toEqual([[1]]);
  });

  it('closes when what it took has ended', async () => {
    const { clock, commit, commits, settle, told } = scene();
    commit(1);
    let isClosed = false;
    const closing = commits.close().then(() => {
      isClosed = true;
    });
    commit(2);
    clock.settle();
    await Promise.resolve();
    expect([isClosed, told]).toEqual([false, ['2 closed']]);
    settle();
    await closing;
    expect(told).toEqual(['2 closed', '1 done']);
  });
});

describe('the disk in memory', () => {
  const commit = (store: MemoryStore, key: number, told: number[]) =>
    store.commit([write(key)], (error) => {
      if (!error) told.push(key);
    });

  it('keeps what was synced in a crash, and of the rest what happened to get there, in order', () => {
    for (const [survives, kept] of [
      [[], [1]],
      [[true], [1, 2]],
      [[false, true], [1]],
    ] as const) {
      const clock = new ManualClock();
      const disk = new MemoryDisk({ clock, syncMs: 10 });
      const store = new MemoryStore(disk);
      const told: number[] = [];
      commit(store, 1, told);
      clock.settle();
      clock.advance(10);
      commit(store, 2, told);
      clock.settle();
      clock.advance(5);
      const fates = [...survives];
      disk.crash(() => fates.shift() ?? false);
      clock.advance(100);
      expect(told).toEqual([1]);
      expect(disk.all().map(({ key }) => key[0])).toEqual(kept);
    }
  });

  it('tears what a power cut interrupts: a part of it lies on the platter, and counts for nothing once a store is opened', () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk({ clock, syncMs: 10 });
    const store = new MemoryStore(disk);
    store.commit([write(1)], () => {});
    clock.settle();
    clock.advance(10);
    store.commit([write(2), write(3), write(4)], () => {});
    clock.settle();
    let at = 0;
    disk.crash(
      () => 'torn',
      () => at++ !== 1,
    );
    expect(disk.torn.map(({ key }) => key[0])).toEqual([2, 4]);
    const reopened = new MemoryStore(disk);
    expect(disk.torn).toEqual([]);
    expect(reopened.keys(Uint8Array.of(0), Uint8Array.of(9), 9).map((key) => key[0])).toEqual([1]);
  });

  it('stands still until it goes on, and rots where it is told to', () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk({ clock });
    const store = new MemoryStore(disk);
    const told: number[] = [];
    disk.stall();
    commit(store, 1, told);
    clock.settle();
    clock.advance(100);
    expect(told).toEqual([]);
    disk.resume();
    expect(told).toEqual([1]);
    disk.damage(Uint8Array.of(1), () => Uint8Array.of(9, 9));
    expect(store.get(Uint8Array.of(1))).toEqual(Uint8Array.of(9, 9));
  });
});
