/**
 * A hub's data folder: locked, its store checked in a child before it is opened, or made anew so that a crash on the
 * way leaves no half of one.
 *
 *     hub.lock          held while a hub, or a command that needs the store for itself, runs
 *     store.mdb         the store; store.mdb-lock beside it is LMDB's
 *     store.mdb.new     on its way: written, synced, then renamed to store.mdb; a leftover is removed
 *
 * Child processes have `store.mdb` open, too, as LMDB does not mark it close-on-exec, but no lock: one that outlives its
 * hub keeps no other from starting.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../ports/clock.ts';
import type { StoreWrite } from '../ports/store.ts';
import { lockFile } from './folder-lock.ts';
import { LmdbStore, type LmdbStoreOptions } from './lmdb-store.ts';
import { checkStore } from './store-check.ts';

/** Why a data folder could not be opened. `text` says what to do. */
export interface FolderRefusal {
  readonly kind: 'taken' | 'damaged' | 'missing' | 'unavailable';
  readonly text: string;
}

export interface OpenFolder {
  readonly kind: 'open';
  readonly store: LmdbStore;
  /** Whether the store was made just now. */
  readonly isNew: boolean;
}

export const storePath = (folder: string): string => join(folder, 'store.mdb');

/**
 * Opens the store in a folder, which is then this process's alone until `close`.
 *
 * @param initial what a new store begins with; without it none is made
 */
export async function openDataFolder(
  folder: string,
  options: LmdbStoreOptions,
  initial?: readonly StoreWrite[],
): Promise<OpenFolder | FolderRefusal> {
  const locked = await lockDataFolder(folder);
  if (locked.kind !== 'locked') return locked;
  const opened = await openLocked(folder, options, initial).catch(
    (error: unknown): FolderRefusal => ({
      kind: 'unavailable',
      text: `cannot open the store in ${folder}: ${(error as Error).message}`,
    }),
  );
  if (opened.kind !== 'open') locked.release();
  else opened.store.onClosed(locked.release);
  return opened;
}

export async function lockDataFolder(
  folder: string,
): Promise<{ readonly kind: 'locked'; release(): void } | FolderRefusal> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    return {
      kind: 'unavailable',
      text: `cannot make the data folder ${folder}: ${(error as Error).message}`,
    };
  }
  const lock = await lockFile(join(folder, 'hub.lock'));
  if (lock.kind === 'locked') return lock;
  if (lock.kind === 'unavailable')
    return { kind: 'unavailable', text: `cannot lock the data folder ${folder}: ${lock.text}` };
  return {
    kind: 'taken',
    text: `${folder} is in use by another hub: each hub needs a data folder of its own`,
  };
}

async function openLocked(
  folder: string,
  options: LmdbStoreOptions,
  initial: readonly StoreWrite[] | undefined,
): Promise<OpenFolder | FolderRefusal> {
  const path = storePath(folder);
  discardNew(path);
  const isNew = !existsSync(path);
  if (isNew) {
    if (!initial) return { kind: 'missing', text: `there is no store in ${folder}` };
    await makeStore(path, options.clock, initial);
  } else {
    const report = await checkStore(path);
    if (report.kind === 'damaged') {
      return {
        kind: 'damaged',
        text: `the store in ${folder} is damaged: ${report.fault}; it was left as it is: restore a backup into an empty folder`,
      };
    }
  }
  return { kind: 'open', store: LmdbStore.open(path, options), isNew };
}

/** Makes a store that is there whole, or not at all. */
async function makeStore(path: string, clock: Clock, initial: readonly StoreWrite[]): Promise<void> {
  const store = LmdbStore.open(newPath(path), { clock });
  await new Promise<void>((resolve, reject) =>
    store.commit(initial, (error) => (error ? reject(new Error(error.text)) : resolve())),
  );
  await store.close();
  publishNew(path);
}

/** Where a store is written before it is shown under `path` by `publishNew`. */
export const newPath = (path: string): string => `${path}.new`;

export function publishNew(path: string): void {
  syncPath(newPath(path));
  // A lock file of LMDB's belongs to one file: that of an older store would name readers this one does not have.
  for (const lock of [`${newPath(path)}-lock`, `${path}-lock`]) rmSync(lock, { force: true });
  renameSync(newPath(path), path);
  syncPath(dirname(path));
}

/** Removes what was on its way to be shown under `path`. */
export function discardNew(path: string): void {
  for (const file of [newPath(path), `${newPath(path)}-lock`]) rmSync(file, { force: true });
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
