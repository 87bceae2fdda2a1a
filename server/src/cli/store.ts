/**
 * `ringhub store`: backup, restore, check and figures of a hub's data folder, on the machine that has it.
 *
 * Backup and stats also work beside the hub that runs on the folder; check and restore need it for themselves.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { newEpochWrites, readStoreFormat } from '../engines/store-format.ts';
import { scanStore, type TableFigures } from '../engines/store-scan.ts';
import { nodeClock } from '../node-clock.ts';
import { nodeIds } from '../node-ids.ts';
import { type FolderRefusal, lockDataFolder, storePath } from '../stores/data-folder.ts';
import { LmdbReader } from '../stores/lmdb-reader.ts';
import { checkStore } from '../stores/store-check.ts';
import { backUp, type CopyRefusal, type CopyResult, restore } from '../stores/store-copy.ts';
import { EXIT_DAMAGED, EXIT_FAILED, EXIT_USAGE } from './exit-codes.ts';
import { CliError, notice, print } from './session.ts';
import { table } from './table.ts';

/** Exit codes of `ringhub store`; what `serve` has too is the same number. */
export const STORE_EXIT = {
  failed: EXIT_FAILED,
  usage: EXIT_USAGE,
  damaged: EXIT_DAMAGED,
  taken: 4,
  newer: 5,
} as const;

const EXIT_TEXT = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 4 a hub uses it, 5 it is of a later version, 65 the store is damaged.`;

/** As of `ringhub serve`. */
const DEFAULT_FOLDER = 'data';

const EXITS: Record<CopyRefusal['kind'], number> = {
  taken: STORE_EXIT.taken,
  damaged: STORE_EXIT.damaged,
  missing: STORE_EXIT.failed,
  unavailable: STORE_EXIT.failed,
  exists: STORE_EXIT.usage,
};

export const refused = ({ kind, text }: FolderRefusal | CopyRefusal): CliError =>
  new CliError(EXITS[kind], text);

export const newerFormat = (place: string, format: number): CliError =>
  new CliError(
    STORE_EXIT.newer,
    `${place} was written by a later version of Ringhub (store format ${format}): use that version or a later one`,
  );

export function storeCommand(): Command {
  const command = new Command('store').description('back up, restore and check the data folder of a hub');
  const add = (name: string, description: string, examples: string) => {
    const child = new Command(name)
      .description(description)
      .addHelpText('after', `${examples}\n${EXIT_TEXT}`);
    command.addCommand(child);
    return child;
  };
  add('backup', 'write what the store holds now to a new file; the hub may go on', EXAMPLES.backup)
    .argument('<folder>', 'data folder')
    .argument('<file>', 'where to; must not be there yet')
    .action((folder: string, file: string) => run(() => backup(folder, file)));
  add('restore', 'make the store of an empty folder from a backup', EXAMPLES.restore)
    .argument('<file>', 'backup')
    .argument('<folder>', 'empty data folder; made if it is not there')
    .action((file: string, folder: string) => run(() => restoreInto(file, folder)));
  add('check', 'read all of a store, or of a backup, and tell what is damaged', EXAMPLES.check)
    .argument('[place]', 'data folder, or backup file', DEFAULT_FOLDER)
    .action((place: string) => run(() => check(place)));
  add('stats', 'show how much is in a store, or in a backup', EXAMPLES.stats)
    .argument('[place]', 'data folder, or backup file', DEFAULT_FOLDER)
    .action((place: string) => run(() => stats(place)));
  return command;
}

const EXAMPLES = {
  backup: `
Examples:
  $ ringhub store backup /var/lib/ringhub /backup/ringhub-$(date +%F).mdb

The backup is checked when it is made. It holds all that was confirmed before the command began.`,
  restore: `
Examples:
  $ ringhub store restore /backup/ringhub-2026-11-25.mdb /var/lib/ringhub

The log in it begins a new epoch: whoever reads on from before is told that messages may be missing.`,
  check: `
Examples:
  $ ringhub store check                                  the folder "data", while no hub runs on it
  $ ringhub store check /var/lib/ringhub
  $ ringhub store check /backup/ringhub-2026-11-25.mdb`,
  stats: `
Examples:
  $ ringhub store stats                      of the folder "data"
  $ ringhub store stats /var/lib/ringhub`,
};

async function run(act: () => Promise<void>): Promise<never> {
  try {
    await act();
    process.exit(0);
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error));
    process.exit(error instanceof CliError ? error.exitCode : STORE_EXIT.failed);
  }
}

async function backup(folder: string, file: string): Promise<void> {
  const { reader, close } = await openToRead(folder, 'shared');
  settle(await backUp(reader, file));
  const { entries, bytes } = reader.size;
  await close();
  notice(`${file} holds ${count(entries)} entries in ${count(bytes)} bytes`);
}

async function restoreInto(file: string, folder: string): Promise<void> {
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

async function check(place: string): Promise<void> {
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

async function stats(place: string): Promise<void> {
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
