/** Opening a data folder: one hub at a time, nothing damaged, nothing half made. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeClock } from '../../server/src/node-clock.ts';
import type { StoreWrite } from '../../server/src/ports/store.ts';
import { openDataFolder, storePath } from '../../server/src/stores/data-folder.ts';
import type { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { checkStore } from '../../server/src/stores/store-check.ts';
import { backUp, restore } from '../../server/src/stores/store-copy.ts';

const initial: StoreWrite[] = [{ key: Uint8Array.of(1), value: Uint8Array.of(1) }];

let folder: string;
let stores: LmdbStore[] = [];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'ringhub-data-')), 'data');
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

async function opened(begin: StoreWrite[] | undefined = initial) {
  const result = await openDataFolder(folder, { clock: nodeClock }, begin);
  if (result.kind !== 'open') throw new Error(result.text);
  stores.push(result.store);
  return result;
}
const refusal = async () => {
  const result = await openDataFolder(folder, { clock: nodeClock }, initial);
  if (result.kind === 'open') stores.push(result.store);
  return result;
};
const fill = (store: LmdbStore, entries = 300) =>
  new Promise<void>((resolve, reject) =>
    store.commit(
      Array.from({ length: entries }, (_, i) => ({
        key: Uint8Array.of(2, i >> 8, i & 255),
        value: new Uint8Array(100 + i * 20),
      })),
      (error) => (error ? reject(new Error(error.text)) : resolve()),
    ),
  );

describe('a data folder', () => {
  it('is made with a store that begins as said, and found again', async () => {
    const made = await opened();
    expect(made.isNew).toBe(true);
    await fill(made.store);
    await made.store.close();
    const again = await opened();
    expect(again.isNew).toBe(false);
    expect(again.store.get(Uint8Array.of(1))?.[0]).toBe(1);
    expect(again.store.size.entries).toBe(301);
  });

  it('is not made where none is wanted', async () => {
    const result = await openDataFolder(folder, { clock: nodeClock });
    expect(result).toMatchObject({ kind: 'missing', text: expect.stringContaining(folder) });
  });

  it('is one hub’s alone until that closes it', async () => {
    const { store } = await opened();
    expect(await refusal()).toMatchObject({ kind: 'taken', text: expect.stringContaining('another hub') });
    await store.close();
    await opened();
  });

  it('is free again when the process that had it was killed', async () => {
    await (await opened()).store.close();
    const holder = spawn('flock', ['-x', join(folder, 'hub.lock'), 'sh', '-c', 'echo held; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    expect(await refusal()).toMatchObject({ kind: 'taken' });
    // Its group: flock, and the child that inherited the lock.
    process.kill(-holder.pid!, 'SIGKILL');
    await new Promise((resolve) => holder.once('close', resolve));
    await opened();
  });

  it('is free again though a child of the process that had it lives on', async () => {
    const { store } = await opened();
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await new Promise((resolve) => child.once('spawn', resolve));
      await store.close();
      await opened();
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
    }
  });

  it('has what a crash left of a store in the making removed', async () => {
    await (await opened()).store.close();
    writeFileSync(`${storePath(folder)}.new`, 'half of one');
    writeFileSync(`${storePath(folder)}.new-lock`, '');
    await opened();
    expect(existsSync(`${storePath(folder)}.new`)).toBe(false);
    expect(existsSync(`${storePath(folder)}.new-lock`)).toBe(false);
  });

  it('is made anew where only half a store was in the making', async () => {
    await (await opened()).store.close();
    copyFileSync(storePath(folder), `${storePath(folder)}.new`);
    truncateSync(`${storePath(folder)}.new`, 5_000);
    rmSync(storePath(folder));
    expect((await opened()).isNew).toBe(true);
  });

  it('is not opened with a damaged store, which stays as it is', async () => {
    const { store } = await opened();
    await fill(store);
    await store.close();
    const whole = readFileSync(storePath(folder));
    for (const damaged of [
      Buffer.alloc(0),
      Buffer.from('no store at all'),
      whole.subarray(0, 4_096),
      whole.subarray(0, whole.length / 2),
      Buffer.concat([whole.subarray(0, 8_192), Buffer.alloc(whole.length - 8_192)]),
      Buffer.concat([Buffer.alloc(4_096), whole.subarray(4_096)]),
    ]) {
      writeFileSync(storePath(folder), damaged);
      expect(await refusal()).toMatchObject({ kind: 'damaged', text: expect.stringContaining('damaged: ') });
      expect(readFileSync(storePath(folder)).equals(damaged)).toBe(true);
    }
    // Nothing of it is held against the folder.
    writeFileSync(storePath(folder), whole);
    expect((await opened()).store.size.entries).toBe(301);
  });

  it('tells of a check that was killed by what it read', async () => {
    await (await opened()).store.close();
    const before = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = `--import data:text/javascript,process.kill(process.pid,'SIGSEGV')`;
    try {
      expect(await checkStore(storePath(folder))).toMatchObject({
        kind: 'damaged',
        fault: expect.stringContaining('killed by SIGSEGV'),
      });
    } finally {
      if (before === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = before;
    }
  });

  it('tells why it cannot be made or locked', async () => {
    writeFileSync(folder, '');
    expect(await refusal()).toMatchObject({ kind: 'unavailable', text: expect.stringContaining(folder) });
    rmSync(folder);
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      expect(await refusal()).toMatchObject({
        kind: 'unavailable',
        text: expect.stringContaining('util-linux'),
      });
    } finally {
      process.env.PATH = path;
    }
  });

  it('is restored from a backup as whoever restores it wants it, or not at all', async () => {
    const { store } = await opened();
    await fill(store, 50);
    const backup = join(folder, '../backup.mdb');
    expect(await backUp(store, backup)).toEqual({ kind: 'copied' });
    await fill(store, 300);
    await store.close();
    folder = join(folder, '../restored');

    const text = 'not this one';
    const refused = await restore(backup, folder, nodeClock, () => ({ kind: 'unavailable', text }));
    expect(refused).toEqual({ kind: 'unavailable', text });
    expect(readdirSync(folder)).toEqual(['hub.lock']);

    writeFileSync(join(folder, 'new'), 'somebody’s');
    const adapted = [{ key: Uint8Array.of(1), value: Uint8Array.of(2) }];
    expect(await restore(backup, folder, nodeClock, () => adapted)).toMatchObject({
      kind: 'exists',
      text: expect.stringContaining('it has new'),
    });
    rmSync(join(folder, 'new'));
    // Killed on the way: no half of a store is in anybody's way.
    writeFileSync(`${storePath(folder)}.new`, 'half of one');
    writeFileSync(`${storePath(folder)}.new-lock`, 'of the one that was killed');
    expect(await restore(backup, folder, nodeClock, () => adapted)).toEqual({ kind: 'copied' });
    const restored = await opened(undefined);
    expect(restored.store.get(Uint8Array.of(1))?.[0]).toBe(2);
    expect(restored.store.size.entries).toBe(51);
    expect(readdirSync(folder).sort()).toEqual(['hub.lock', 'store.mdb', 'store.mdb-lock']);
  });
});
