/**
 * `ringhub store`: backup, restore, check and figures of a hub's data folder, on the machine that has it; their options.
 * What they do is loaded when it is to be done, as LMDB takes longer to load than most commands to run.
 */
import { Command } from 'commander';
import { EXIT_DAMAGED, EXIT_FAILED, EXIT_USAGE } from './exit-codes.ts';
import { CliError, notice } from './session.ts';

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
    .action((folder: string, file: string) => run(({ backup }) => backup(folder, file)));
  add('restore', 'make the store of an empty folder from a backup', EXAMPLES.restore)
    .argument('<file>', 'backup')
    .argument('<folder>', 'empty data folder; made if it is not there')
    .action((file: string, folder: string) => run(({ restoreInto }) => restoreInto(file, folder)));
  add('check', 'read all of a store, or of a backup, and tell what is damaged', EXAMPLES.check)
    .argument('[place]', 'data folder, or backup file', DEFAULT_FOLDER)
    .action((place: string) => run(({ check }) => check(place)));
  add('stats', 'show how much is in a store, or in a backup', EXAMPLES.stats)
    .argument('[place]', 'data folder, or backup file', DEFAULT_FOLDER)
    .action((place: string) => run(({ stats }) => stats(place)));
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

async function run(act: (commands: typeof import('./run-store.ts')) => Promise<void>): Promise<never> {
  try {
    await act(await import('./run-store.ts'));
    process.exit(0);
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error));
    process.exit(error instanceof CliError ? error.exitCode : STORE_EXIT.failed);
  }
}
