/**
 * What every store keeps, as `server/src/ports/store.ts` says it. Adapters run it with their own way of being opened.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeClock } from '../../server/src/node-clock.ts';
import type { Clock } from '../../server/src/ports/clock.ts';
import {
  MAX_STORE_KEY_BYTES,
  type Store,
  type StoreEntry,
  type StoreError,
  type StoreWrite,
} from '../../server/src/ports/store.ts';
import { seededRandom } from '../server/support/seeded-random.ts';

/** One place where stores can be opened, one after the other. */
export interface StorePlace {
  open(clock: Clock): Promise<Store>;
  /** As after a power cut: the open store is gone, without having been closed. */
  crash(): Promise<void>;
  /** Breaks the disk below the open store, so that committing what is returned fails. */
  break(): StoreWrite[];
  remove(): Promise<void>;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const put = (key: number[], value: number[]): StoreWrite => ({
  key: bytes(...key),
  value: bytes(...value),
});
const del = (key: number[]): StoreWrite => ({ key: bytes(...key), value: undefined });
/** A store may give Buffers, which are equal to no Uint8Array. */
const got = (value: Uint8Array | undefined) => value && new Uint8Array(value);
const shown = (entries: readonly StoreEntry[]) =>
  entries.map(({ key, value }) => `${[...key].join('.')}=${[...value].join('.')}`);

const FIRST = bytes(0);
const LAST = new Uint8Array(16).fill(255);
/** How many of the entries it takes until their values have so many bytes together. */
function reaching(entries: readonly StoreEntry[], maxBytes: number): number {
  let [count, bytes] = [0, 0];
  while (count < entries.length && (count === 0 || bytes < maxBytes)) bytes += entries[count++]!.value.length;
  return count;
}

const everything = (store: Store) => shown(store.range(FIRST, LAST, { limit: 1e6 }));

export function storeSuite(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(name, () => {
    let place: StorePlace;
    let open: Store[] = [];
    beforeEach(async () => {
      place = await makePlace();
    });
    afterEach(async () => {
      await Promise.all(open.map((store) => store.close()));
      open = [];
      await place.remove();
    });
    const opened = async (clock: Clock = nodeClock): Promise<Store> => {
      const store = await place.open(clock);
      open.push(store);
      return store;
    };
    const committed = (store: Store, ...writes: StoreWrite[]) =>
      new Promise<void>((resolve, reject) =>
        store.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
      );
    const outcome = (store: Store, ...writes: StoreWrite[]) =>
      new Promise<StoreError | undefined>((resolve) => store.commit(writes, resolve));

    it('gives back what was put, overwrites, and deletes', async () => {
      const store = await opened();
      await committed(store, put([1], [10]), put([2], [20]));
      expect(got(store.get(bytes(1)))).toEqual(bytes(10));
      expect(store.get(bytes(3))).toBeUndefined();
      await committed(store, put([1], [11]), del([2]), del([99]));
      expect(everything(store)).toEqual(['1=11']);
      expect(store.size.entries).toBe(1);
      expect(store.size.bytes).toBeGreaterThan(0);
    });

    it('applies the changes of a batch in their order', async () => {
      const store = await opened();
      await committed(store, put([1], [1]), del([1]), put([2], [1]), put([2], [2]), del([3]), put([3], [3]));
      expect(everything(store)).toEqual(['2=2', '3=3']);
    });

    it('keeps keys and values of every size', async () => {
      const store = await opened();
      const longest = new Uint8Array(MAX_STORE_KEY_BYTES).fill(7);
      const sizes = [0, 1, 2_000, 4_096, 40_000, 300_000];
      const value = (size: number) => Uint8Array.from({ length: size }, (_, i) => i % 251);
      await committed(store, ...sizes.map((size, i) => ({ key: bytes(1, i), value: value(size) })), {
        key: longest,
        value: bytes(1),
      });
      const read = store.range(bytes(1), bytes(2), { limit: 10 });
      expect(read).toHaveLength(sizes.length);
      sizes.forEach((size, i) => {
        expect(Buffer.compare(store.get(bytes(1, i))!, value(size)), `${size} bytes`).toBe(0);
        expect(Buffer.compare(read[i]!.value, value(size)), `${size} bytes`).toBe(0);
      });
      expect(got(store.get(longest))).toEqual(bytes(1));
    });

    it('throws for keys no store can hold, and takes nothing of such a batch', async () => {
      const store = await opened();
      const tooLong = { key: new Uint8Array(MAX_STORE_KEY_BYTES + 1), value: bytes(1) };
      for (const bad of [tooLong, { key: bytes(), value: bytes(1) }]) {
        expect(() => store.commit([put([1], [1]), bad], () => {})).toThrow(RangeError);
      }
      await committed(store, put([2], [2]));
      expect(everything(store)).toEqual(['2=2']);
    });

    it('tells keys alone, ascending, within bounds and limit', async () => {
      const store = await opened();
      await committed(store, ...[[3], [1, 0], [2], [1]].map((key) => put(key, Array(5_000).fill(7))));
      const keys = (from: number[], to: number[], limit = 100) =>
        store.keys(bytes(...from), bytes(...to), limit).map((key) => [...key]);
      expect(keys([0], [9])).toEqual([[1], [1, 0], [2], [3]]);
      expect(keys([1, 0], [3])).toEqual([[1, 0], [2]]);
      expect(keys([1], [9], 2)).toEqual([[1], [1, 0]]);
      for (const none of [keys([1], [9], 0), keys([2], [2]), keys([3], [1]), keys([4], [9])])
        expect(none).toEqual([]);
    });

    it('ranges over keys in the order of their bytes, both ways, within bounds and limit', async () => {
      const store = await opened();
      const keys = [[1], [1, 0], [1, 0, 0], [1, 127], [1, 128], [1, 255], [2], [128], [255], [255, 255]];
      await committed(store, ...keys.toReversed().map((key) => put(key, [0])));
      const range = (from: number[], to: number[], limit = 100, reverse = false) =>
        store.range(bytes(...from), bytes(...to), { limit, reverse }).map(({ key }) => [...key]);
      expect(range([0], [255, 255, 255])).toEqual(keys);
      expect(range([0], [255, 255, 255], 100, true)).toEqual(keys.toReversed());
      for (const reverse of [false, true]) {
        const inOrder = (expected: number[][]) => (reverse ? expected.toReversed() : expected);
        expect(range([1, 0], [1, 128], 100, reverse)).toEqual(
          inOrder([
            [1, 0],
            [1, 0, 0],
            [1, 127],
          ]),
        );
        expect(range([1, 1], [1, 129], 100, reverse)).toEqual(
          inOrder([
            [1, 127],
            [1, 128],
          ]),
        );
        expect(range([3], [128], 100, reverse)).toEqual([]);
        expect(range([2], [2], 100, reverse)).toEqual([]);
        expect(range([2], [1], 100, reverse)).toEqual([]);
        expect(range([1], [2], 0, reverse)).toEqual([]);
      }
      expect(range([1], [3], 2)).toEqual([[1], [1, 0]]);
      expect(range([1], [3], 2, true)).toEqual([[2], [1, 255]]);
    });

    it('agrees with a sorted list on any batches and ranges', async () => {
      const seed = Math.floor(Math.random() * 1e9);
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random() * n);
      const anyKey = () => Uint8Array.from({ length: 1 + below(3) }, () => [0, 1, 127, 128, 255][below(5)]!);
      const store = await opened();
      const model = new Map<string, string>();
      const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
      for (let round = 0; round < 30; round++) {
        const writes = Array.from({ length: below(20) }, () => ({
          key: anyKey(),
          value: random() < 0.3 ? undefined : bytes(below(256)),
        }));
        for (const { key, value } of writes) {
          if (value) model.set(hex(key), hex(value));
          else model.delete(hex(key));
        }
        await committed(store, ...writes);
        const [from, to, limit, reverse] = [anyKey(), anyKey(), below(30), random() < 0.5];
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        const within = sorted.filter(([key]) => key >= hex(from) && key < hex(to));
        const expected = (reverse ? within.reverse() : within).slice(0, limit);
        const found = store.range(from, to, { limit, reverse });
        const maxBytes = below(60);
        const few = store.range(from, to, { limit, reverse, maxBytes });
        expect(few, `seed ${seed}`).toEqual(found.slice(0, reaching(found, maxBytes)));
        expect(
          found.map(({ key, value }) => [hex(key), hex(value)]),
          `seed ${seed}`,
        ).toEqual(expected);
        expect(store.size.entries, `seed ${seed}`).toBe(model.size);
      }
    });

    it('gives copies: what is read does not change, and changing it changes nothing', async () => {
      const store = await opened();
      await committed(store, put([1], [1, 2, 3]), put([2], [4, 5, 6]));
      const one = store.get(bytes(1))!;
      const [first, second] = store.range(FIRST, LAST, { limit: 2 });
      first!.value.fill(9);
      first!.key.fill(9);
      await committed(store, put([1], [7, 7, 7]), put([2], [8, 8, 8]));
      store.get(bytes(2));
      expect(got(one)).toEqual(bytes(1, 2, 3));
      expect([got(second!.key), got(second!.value)]).toEqual([bytes(2), bytes(4, 5, 6)]);
      expect(everything(store)).toEqual(['1=7.7.7', '2=8.8.8']);
    });

    it('tells batches done one after the other, never within the call, each when it can be read', async () => {
      const store = await opened();
      const told: string[] = [];
      const ends: Promise<void>[] = [];
      for (let i = 0; i < 50; i++) {
        ends.push(
          new Promise((resolve) => {
            store.commit([put([1, i], [i]), put([2], [i])], (error) => {
              told.push(`${i} ${error === undefined} ${store.get(bytes(1, i)) !== undefined}`);
              expect(store.get(bytes(2))![0]).toBeGreaterThanOrEqual(i);
              resolve();
            });
          }),
        );
        expect(told.length).toBeLessThanOrEqual(i);
        if (i % 7 === 0) await ends[0];
      }
      await Promise.all(ends);
      expect(told).toEqual(Array.from({ length: 50 }, (_, i) => `${i} true true`));
    });

    it('tells an empty batch done after the earlier ones', async () => {
      const store = await opened();
      const told: string[] = [];
      await Promise.all([
        committed(store, put([1], [1])).then(() => told.push('full')),
        committed(store).then(() => told.push('empty')),
      ]);
      expect(told).toEqual(['full', 'empty']);
      await committed(store);
    });

    it('takes batches given from within `done`', async () => {
      const store = await opened();
      await new Promise<void>((resolve) =>
        store.commit([put([1], [1])], () => store.commit([put([2], [2])], () => resolve())),
      );
      expect(everything(store)).toEqual(['1=1', '2=2']);
    });

    it('has after a crash all that was told done, and of the rest whole batches, in order', async () => {
      const store = await opened();
      let done = 0;
      const batches = 40;
      await new Promise<void>((resolve) => {
        for (let i = 0; i < batches; i++) {
          store.commit([put([1, i], [i]), put([2, i], [i]), put([3], [i])], () => {
            done++;
            resolve();
          });
          if (i === batches / 2) setImmediate(() => store.commit([put([4], [4])], () => {}));
        }
      });
      await place.crash();
      open = [];
      const again = await opened();
      const kept = again.range(bytes(1), bytes(2), { limit: 100 }).length;
      expect(kept).toBeGreaterThanOrEqual(done);
      expect(done).toBeGreaterThan(0);
      const whole = [
        ...Array.from({ length: kept }, (_, i) => `1.${i}=${i}`),
        ...Array.from({ length: kept }, (_, i) => `2.${i}=${i}`),
        `3=${kept - 1}`,
      ];
      expect(everything(again).filter((entry) => entry !== '4=4')).toEqual(whole);
    });

    it('closes when all that was committed is on disk, and is found so again', async () => {
      const store = await opened();
      let done = 0;
      for (let i = 0; i < 10; i++) store.commit([put([i + 1], [i])], () => done++);
      await Promise.all([store.close(), store.close()]);
      expect(done).toBe(10);
      expect(await outcome(store, put([1], [1]))).toMatchObject({ reason: 'closed' });
      open = [];
      expect(everything(await opened())).toHaveLength(10);
    });

    it('fails for good at the first failed commit: told once, and nothing after it is taken', async () => {
      const store = await opened();
      const events: string[] = [];
      store.onFailure(({ reason }) => events.push(`failed ${reason}`));
      await committed(store, put([1], [1]));
      const broken = place.break();
      const ends = [
        outcome(store, ...broken).then((error) => events.push(`broken ${error?.reason}`)),
        outcome(store, put([2], [2])).then((error) => events.push(`same turn ${error?.reason}`)),
      ];
      await new Promise((resolve) => setImmediate(resolve));
      ends.push(outcome(store, put([3], [3])).then((error) => events.push(`later ${error?.reason}`)));
      await Promise.all(ends);
      expect(events).toEqual([
        'failed disk-full',
        'broken disk-full',
        'same turn disk-full',
        'later disk-full',
      ]);
      expect(await outcome(store, put([4], [4]))).toMatchObject({ reason: 'disk-full' });
      await place.crash();
      open = [];
      expect(everything(await opened())).toEqual(['1=1']);
    });

    it('fails when a commit is not on disk by the deadline, whatever the disk says later', async () => {
      let impatient = false;
      const clock: Clock = {
        ...nodeClock,
        after(ms, run) {
          if (!impatient) return nodeClock.after(ms, run);
          // All of the deadline, before the disk can have answered.
          queueMicrotask(run);
          return { stop: () => {} };
        },
      };
      const store = await opened(clock);
      let failures = 0;
      store.onFailure(() => failures++);
      await committed(store, put([1], [1]));
      impatient = true;
      let told = 0;
      const late = await new Promise<StoreError | undefined>((resolve) =>
        store.commit([put([2], [2])], (error) => {
          told++;
          resolve(error);
        }),
      );
      expect(late).toMatchObject({ reason: 'deadline', text: expect.stringContaining('5000 ms') });
      expect(await outcome(store, put([3], [3]))).toMatchObject({ reason: 'deadline' });
      await store.close();
      await place.crash();
      open = [];
      const again = await opened();
      await committed(again, put([4], [4]));
      expect(got(again.get(bytes(1)))).toEqual(bytes(1));
      expect(again.get(bytes(3))).toBeUndefined();
      expect([told, failures]).toEqual([1, 1]);
    });
  });
}
