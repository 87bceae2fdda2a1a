/** `ringhub store` as a process: backups beside a writing hub, restores, checks that find damage, figures. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DiskRecord, encodeRecord } from '../../server/src/engines/record-codec.ts';
import { sealText } from '../../server/src/engines/sealed-value.ts';
import { newStoreWrites, readStoreFormat, STORE_FORMAT } from '../../server/src/engines/store-format.ts';
import { logKey, metaKey, queueKey, sequenceOf, tableRange } from '../../server/src/engines/store-keys.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import type { Store, StoreWrite } from '../../server/src/ports/store.ts';
import { openDataFolder, storePath } from '../../server/src/stores/data-folder.ts';
import type { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { CommandLine } from './support/command-line.ts';

/** As `ringhub serve` ends on a damaged store. */
const EXIT_DAMAGED = 65;

const commandLine = new CommandLine();
let place: string;
let folder: string;
const stores: LmdbStore[] = [];

beforeAll(() => commandLine.build());
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'ringhub-cli-store-'));
  folder = join(place, 'data');
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  commandLine.killAll();
  rmSync(place, { recursive: true, force: true });
});
afterAll(() => commandLine.remove());

/** In the folder that has the data folder. */
const ringhub = async (...args: string[]) => {
  const run = commandLine.run(['store', ...args], {}, undefined, place);
  return { code: await run.ended, out: run.out, err: run.err };
};
const record = (sequence: number): Uint8Array => encodeRecord({ ...message, sequence });
const message: DiskRecord = {
  sequence: 0,
  timeMs: 1_700_000_000_000,
  exchange: 'orders',
  key: 'orders.eu',
  payload: 'x'.repeat(150),
  contentType: 'text/plain',
  subject: 'app',
  reached: [1],
  headers: undefined,
  id: undefined,
  ttlMs: undefined,
};
const logEntries = (from: number, count: number): StoreWrite[] =>
  Array.from({ length: count }, (_, i) => ({ key: logKey(from + i), value: record(from + i) }));

const committed = (store: Store, writes: StoreWrite[]) =>
  new Promise<void>((resolve, reject) =>
    store.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
  );
async function open(where = folder): Promise<LmdbStore> {
  const result = await openDataFolder(where, { clock: nodeClock }, newStoreWrites('first'));
  if (result.kind !== 'open') throw new Error(result.text);
  stores.push(result.store);
  return result.store;
}
const offsets = (store: Store): number[] => {
  const { from, to } = tableRange('log');
  return store.range(from, to, { limit: 1e6 }).map(({ key }) => sequenceOf(key));
};

describe('ringhub store', () => {
  it('backs up beside a writing hub: the copy is a prefix without gaps, with all that was confirmed before', async () => {
    const store = await open();
    let last = 0;
    let isWriting = true;
    const write = async () => {
      while (isWriting) {
        await committed(store, logEntries(last + 1, 20));
        last += 20;
      }
    };
    const writing = write();
    while (last < 200) await new Promise((resolve) => setTimeout(resolve, 5));
    const confirmedBefore = last;
    const backup = await ringhub('backup', folder, join(place, 'a.mdb'));
    isWriting = false;
    await writing;
    expect(backup).toMatchObject({ code: 0, out: '' });
    expect(backup.err).toContain('a.mdb holds');
    const restored = await ringhub('restore', join(place, 'a.mdb'), join(place, 'other'));
    expect(restored).toMatchObject({ code: 0 });
    const copy = await open(join(place, 'other'));
    const found = offsets(copy);
    expect(found.length).toBeGreaterThanOrEqual(confirmedBefore);
    expect(found).toEqual(Array.from({ length: found.length }, (_, i) => i + 1));
    // Whole batches only.
    expect(found.length % 20).toBe(0);
  });

  it('restores with a new epoch, into an empty folder only', async () => {
    const store = await open();
    await committed(store, logEntries(1, 5));
    const backup = join(place, 'a.mdb');
    expect((await ringhub('backup', folder, backup)).code).toBe(0);
    const before = readFileSync(backup);
    const target = join(place, 'target');
    mkdirSync(target);
    expect((await ringhub('restore', backup, target)).code).toBe(0);
    const restored = await open(target);
    const format = readStoreFormat(restored);
    expect(format).toMatchObject({ kind: 'known' });
    expect(format).not.toEqual(readStoreFormat(store));
    expect(offsets(restored)).toEqual([1, 2, 3, 4, 5]);
    await restored.close();
    const again = await ringhub('restore', backup, target);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('not empty') });
    expect(readFileSync(backup).equals(before)).toBe(true);
    expect(existsSync(`${backup}-lock`)).toBe(false);
  });

  it('overwrites no file with a backup', async () => {
    const store = await open();
    await committed(store, logEntries(1, 5));
    writeFileSync(join(place, 'mine'), 'precious');
    const result = await ringhub('backup', folder, join(place, 'mine'));
    expect(result).toMatchObject({ code: 2, err: expect.stringContaining('there already') });
    expect(readFileSync(join(place, 'mine'), 'utf8')).toBe('precious');
  });

  it('shows what is in a store, also beside its hub', async () => {
    const store = await open();
    await committed(store, [...logEntries(1, 1_200), { key: queueKey(7, 1), value: record(1) }]);
    const beside = await ringhub('stats', folder);
    expect(beside.code).toBe(0);
    expect(beside.out).toMatch(/^log +1,200 +\S+ +0$/m);
    expect(beside.out).toMatch(/^queue +1 +\S+ +0$/m);
    expect(beside.out).toMatch(/^meta +2 +\S+ +0$/m);
    await store.close();
    expect((await ringhub('stats', folder)).out).toBe(beside.out);
  });

  it('checks a store that no hub uses, and says that all is sound', async () => {
    const store = await open();
    await committed(store, logEntries(1, 50));
    const inUse = await ringhub('check', folder);
    expect(inUse).toMatchObject({ code: 4, err: expect.stringContaining('stop it, or make a backup') });
    await store.close();
    const alone = await ringhub('check', folder);
    expect(alone).toMatchObject({ code: 0, err: expect.stringContaining('all is sound') });
  });

  it('checks and shows the folder "data", as the hub does, where none is named', async () => {
    const store = await open();
    await committed(store, logEntries(1, 7));
    await store.close();
    expect(await ringhub('check')).toMatchObject({ code: 0, err: expect.stringContaining('all is sound') });
    const shown = await ringhub('stats');
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/^log +7 /m) });
    expect((await ringhub('stats', folder)).out).toBe(shown.out);
  });

  it('checks find entries that are not what was written, and names them', async () => {
    const store = await open();
    const rotten = record(3);
    rotten[20]! ^= 1;
    await committed(store, [
      ...logEntries(1, 5),
      { key: logKey(3), value: rotten },
      // A record that is sound, under the key of another.
      { key: queueKey(1, 9), value: record(8) },
      { key: metaKey('other'), value: Uint8Array.of(1, 2, 3) },
    ]);
    await store.close();
    const result = await ringhub('check', folder);
    expect(result.code).toBe(EXIT_DAMAGED);
    for (const key of [logKey(3), queueKey(1, 9), metaKey('other')])
      expect(result.err).toContain(Buffer.from(key).toString('hex'));
    expect(result.out).toMatch(/^log +5 +\S+ +1$/m);
  });

  it('refuses a file that is torn, with the exit code of damage', async () => {
    const store = await open();
    await committed(store, logEntries(1, 500));
    const backup = join(place, 'a.mdb');
    expect((await ringhub('backup', folder, backup)).code).toBe(0);
    await store.close();
    writeFileSync(backup, readFileSync(backup).subarray(0, 20_000));
    const results = await Promise.all([
      ringhub('check', backup),
      ringhub('stats', backup),
      ringhub('restore', backup, join(place, 'b')),
    ]);
    for (const result of results)
      expect(result).toMatchObject({ code: EXIT_DAMAGED, err: expect.stringContaining('is damaged: ') });
    expect(existsSync(storePath(join(place, 'b')))).toBe(false);
  });

  it('leaves a store of a later version alone', async () => {
    const store = await open();
    const later = { key: metaKey('format'), value: sealText(String(STORE_FORMAT + 1)) };
    await committed(store, [later]);
    expect((await ringhub('backup', folder, join(place, 'a.mdb'))).code).toBe(0);
    await store.close();
    const results = await Promise.all([
      ringhub('check', folder),
      ringhub('restore', join(place, 'a.mdb'), join(place, 'b')),
    ]);
    for (const result of results)
      expect(result).toMatchObject({ code: 5, err: expect.stringContaining('later version') });
  });

  it('says what is missing', async () => {
    const results = await Promise.all([
      ringhub('check', join(place, 'nowhere')),
      ringhub('backup', place, join(place, 'a.mdb')),
      ringhub('restore', join(place, 'nowhere'), folder),
      ringhub('backup', folder),
    ]);
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  });
});
