/** The store in an LMDB file keeps the store contract. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { storeSuite } from './store-suite.ts';

/** Puts a device that is always full in the place of the files LMDB has open. */
function fillDisk(path: string): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptorTarget(descriptor) !== path) continue;
    closeSync(descriptor);
    const taken: number[] = [];
    // A new file gets the lowest number that is free.
    while (taken.at(-1) !== descriptor) taken.push(openSync('/dev/full', 'r+'));
    for (const other of taken.slice(0, -1)) closeSync(other);
  }
}

function descriptorTarget(descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}

const META_BYTES = 2 * 4096;

/**
 * What a file holds while a transaction may be on its way into it. Its two meta pages first: all that they lead to is in what is read
 * after them, as LMDB writes pages before the meta page, and leaves those of the last transaction alone within the next one.
 */
function asAfterCrash(path: string): Buffer {
  const meta = Buffer.alloc(META_BYTES);
  const file = openSync(path, 'r');
  readSync(file, meta, 0, META_BYTES, 0);
  closeSync(file);
  return Buffer.concat([meta, readFileSync(path).subarray(META_BYTES)]);
}

storeSuite('the store in LMDB', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringhub-store-'));
  let path = join(folder, 'store.mdb');
  let lives = 1;
  return {
    open: async (clock) => LmdbStore.open(path, { clock }),
    // What the file holds at this moment, opened elsewhere: the old store is left as it is.
    async crash() {
      const copy = join(folder, `store-${++lives}.mdb`);
      writeFileSync(copy, asAfterCrash(path));
      path = copy;
    },
    break() {
      fillDisk(path);
      return [{ key: Uint8Array.of(9), value: Uint8Array.of(9) }];
    },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
