/**
 * What the commands of `ringhub store` do.
 *
 * Backup and stats also work beside the hub that runs on the folder; check and restore need it for themselves.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { newEpochWrites, readStoreFormat } from '../engines/store-format.ts';
import { scanStore, type TableFigures } from '../engines/store-scan.ts';
import { nodeClock } from '../node-clock.ts';
import { nodeIds } from '../node-ids.ts';
import { type FolderRefusal, lockDataFolder, storePath } from '../stores/data-folder.ts';
import { LmdbReader } from '../stores/lmdb-reader.ts';
import { checkStore } from '../stores/store-check.ts';
import { backUp, type CopyRefusal, type CopyResult, restore } from '../stores/store-copy.ts';
import { CliError, notice, print } from './session.ts';
import { STORE_EXIT } from './store.ts';
import { table } from './table.ts';

const EXITS: Record<CopyRefusal['kind'], number> = {
  taken: STORE_EXIT.taken,
  damaged: STORE_EXIT.damaged,
  missing: STORE_EXIT.failed,
  unavailable: STORE_EXIT.failed,
  exists: STORE_EXIT.usage,
};

const refused = ({ kind, text }: FolderRefusal | CopyRefusal): CliError => new CliError(EXITS[kind], text);

const newerFormat = (place: string, format: number): CliError =>
  new CliError(
    STORE_EXIT.newer,
    `${place} was written by a later version of Ringhub (store format ${format}): use that version or a later one`,
  );

export async function backup(folder: string, file: string): Promise<void> {
  const { reader, close } = await openToRead(folder, 'shared');
  settle(await backUp(reader, file));
  const { entries, bytes } = reader.size;
  await close();
  notice(`${file} holds ${count(entries)} entries in ${count(bytes)} bytes`);
}

export async function restoreInto(file: string, folder: string): Promise<void> {
  if (!existsSync(file)) throw new CliError(STORE_EXIT.usage, `there is no file ${file}`);
  let refusal: CliError | undefined;
  const epoch = nodeIds.id();
  const result = await restore(file, folder, nodeClock, (store) => {
    const format = readStoreFormat(store);
    if (format.kind === 'known') return newEpochWrites(epoch);
    refusal = format.kind === 'newer' ? newerFormat(file, format.format) : unreadable(file);
    return { kind: 'unavailable', text: refusal.message };
  });
  if (refusal) throw refusal;
  settle(result);
  notice(`${folder} holds what was in ${file}; its log begins the epoch ${epoch}`);
}

export async function check(place: string): Promise<void> {
  const { reader, close } = await openToRead(place, 'alone');
  const format = readStoreFormat(reader);
  if (format.kind === 'newer') throw newerFormat(place, format.format);
  if (format.kind === 'unreadable') throw unreadable(place);
  const { tables, corruptKeys } = await scanned(reader);
  await close();
  await print(figures(tables));
  const corrupt = [...tables.values()].reduce((sum, table) => sum + table.corrupt, 0);
  if (corrupt === 0) return notice('all is sound');
  const more = corrupt > corruptKeys.length ? ` and ${count(corrupt - corruptKeys.length)} more` : '';
  throw new CliError(STORE_EXIT.damaged, `corrupt: ${corruptKeys.join(' ')}${more}`);
}

export async function stats(place: string): Promise<void> {
  const { reader, close } = await openToRead(place, 'shared');
  const { tables } = await scanned(reader);
  const { bytes } = reader.size;
  await close();
  await print(`${figures(tables)}\n`);
  await print(`on disk: ${count(bytes)} bytes, free pages included\n`);
}

/**
 * Opens a store or a backup to read. It is checked before, unless a hub has it, which checked it then; `alone` refuses
 * where a hub has it.
 */
async function openToRead(
  place: string,
  how: 'shared' | 'alone',
): Promise<{ reader: LmdbReader; close(): Promise<void> }> {
  if (!existsSync(place)) throw new CliError(STORE_EXIT.usage, `there is no ${place}`);
  const isFolder = statSync(place).isDirectory();
  const path = isFolder ? storePath(place) : place;
  if (!existsSync(path)) throw new CliError(STORE_EXIT.usage, `there is no store in ${place}`);
  const hadLockFile = existsSync(`${path}-lock`);
  const lock = isFolder ? await lockDataFolder(place) : undefined;
  if (lock && lock.kind !== 'locked' && (how === 'alone' || lock.kind !== 'taken')) {
    throw lock.kind === 'taken'
      ? new CliError(STORE_EXIT.taken, `a hub runs on ${place}: stop it, or make a backup and check that`)
      : refused(lock);
  }
  const release = lock?.kind === 'locked' ? lock.release : () => {};
  if (lock?.kind !== 'taken') {
    const report = await checkStore(path);
    if (report.kind === 'damaged')
      throw new CliError(STORE_EXIT.damaged, `${place} is damaged: ${report.fault}`);
  }
  const reader = LmdbReader.open(path);
  return {
    reader,
    async close() {
      await reader.close();
      // What LMDB made beside a backup to read it.
      if (!isFolder && !hadLockFile) rmSync(`${path}-lock`, { force: true });
      release();
    },
  };
}

/** Tells how far it is, once a second. */
async function scanned(reader: LmdbReader) {
  const { entries: all } = reader.size;
  let toldMs = performance.now();
  return scanStore(reader, async (entries) => {
    // Lets signals in, and LMDB take a newer snapshot, so that a running hub can use freed pages again.
    await new Promise((resolve) => setImmediate(resolve));
    const nowMs = performance.now();
    if (nowMs - toldMs < 1_000) return;
    toldMs = nowMs;
    notice(`${count(entries)} of about ${count(all)} entries read`);
  });
}

const figures = (tables: ReadonlyMap<string, TableFigures>): string =>
  table(
    ['TABLE', 'ENTRIES', 'BYTES', 'CORRUPT'],
    [...tables].map(([name, { entries, bytes, corrupt }]) => [
      name,
      count(entries),
      count(bytes),
      count(corrupt),
    ]),
  );

function settle(result: CopyResult): void {
  if (result.kind !== 'copied') throw refused(result);
}

const unreadable = (place: string): CliError =>
  new CliError(STORE_EXIT.damaged, `${place} is no store of a hub, or its first table is damaged`);

const count = (value: number): string => value.toLocaleString('en-US');
