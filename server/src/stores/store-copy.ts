/**
 * Copies of stores: a backup made while the hub goes on, and a store made of one. Either is there whole or not at all,
 * and neither ever overwrites anything.
 */
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import type { Clock } from '../ports/clock.ts';
import type { StoreWrite } from '../ports/store.ts';
import {
  discardNew,
  type FolderRefusal,
  lockDataFolder,
  newPath,
  publishNew,
  storePath,
} from './data-folder.ts';
import { LmdbStore } from './lmdb-store.ts';
import { checkStore } from './store-check.ts';

export type CopyRefusal = FolderRefusal | { readonly kind: 'exists'; readonly text: string };
export type CopyResult = { readonly kind: 'copied' } | CopyRefusal;

/** Writes what a store holds at this moment to a new file, and checks that. */
export async function backUp(
  source: { copyTo(path: string): Promise<void> },
  target: string,
): Promise<CopyResult> {
  if (existsSync(target)) return { kind: 'exists', text: `${target} is there already: choose another name` };
  const made = newPath(target);
  rmSync(made, { force: true });
  await source.copyTo(made);
  const report = await checkStore(made);
  if (report.kind === 'damaged') {
    rmSync(made, { force: true });
    return { kind: 'damaged', text: `the copy is damaged, and was removed: ${report.fault}` };
  }
  publishNew(target);
  return { kind: 'copied' };
}

/**
 * Makes the store of an empty data folder from a backup.
 *
 * @param adapt what is written into the copy before it is shown, or why it cannot be used
 */
export async function restore(
  backup: string,
  folder: string,
  clock: Clock,
  adapt: (store: LmdbStore) => readonly StoreWrite[] | CopyRefusal,
): Promise<CopyResult> {
  const lock = await lockDataFolder(folder);
  if (lock.kind !== 'locked') return lock;
  const made = newPath(storePath(folder));
  try {
    // Of a restore, or a start, that was killed on the way.
    discardNew(storePath(folder));
    const others = readdirSync(folder).filter((name) => name !== 'hub.lock');
    if (others.length > 0)
      return {
        kind: 'exists',
        text: `${folder} is not empty, it has ${others.slice(0, 3).join(', ')}: restore into an empty folder`,
      };
    // Under the name of a copy the check leaves nothing beside the backup, which may be read-only.
    copyFileSync(backup, made);
    const report = await checkStore(made);
    if (report.kind === 'damaged')
      return { kind: 'damaged', text: `the backup ${backup} is damaged: ${report.fault}` };
    const refusal = await adapted(made, clock, adapt);
    if (refusal) return refusal;
    publishNew(storePath(folder));
    return { kind: 'copied' };
  } finally {
    discardNew(storePath(folder));
    lock.release();
  }
}

async function adapted(
  path: string,
  clock: Clock,
  adapt: (store: LmdbStore) => readonly StoreWrite[] | CopyRefusal,
): Promise<CopyRefusal | undefined> {
  const store = LmdbStore.open(path, { clock });
  const writes = adapt(store);
  if ('kind' in writes) {
    await store.close();
    return writes;
  }
  await new Promise<void>((resolve, reject) =>
    store.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
  );
  await store.close();
  return undefined;
}
