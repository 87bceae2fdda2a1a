#!/usr/bin/env node
/**
 * The `ringhub` command.
 */
import { Command } from 'commander';
import { bindCommand, unbindCommand } from './cli/bind.ts';
import { configCommand } from './cli/config.ts';
import { consumeCommand } from './cli/consume.ts';
import { declareCommand, deleteCommand } from './cli/declare.ts';
import { doctorCommand } from './cli/doctor.ts';
import { EXIT_USAGE } from './cli/exit-codes.ts';
import { listCommand } from './cli/list.ts';
import { pubCommand } from './cli/pub.ts';
import { queueCommand } from './cli/queue.ts';
import { serveCommand } from './cli/serve.ts';
import { sessionsCommand } from './cli/sessions.ts';
import { storeCommand } from './cli/store.ts';
import { subCommand } from './cli/sub.ts';
import { tokenCommand } from './cli/token.ts';
import { VERSION } from './version.ts';

const program = new Command('ringhub')
  .description(
    'A self-hosted real-time hub: exchanges and bindings, accounted and resumable delivery to browsers',
  )
  .version(VERSION)
  .showHelpAfterError('(see --help)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE));
const commands = [
  serveCommand(),
  configCommand(),
  doctorCommand(),
  pubCommand(),
  subCommand(),
  consumeCommand(),
  queueCommand(),
  listCommand(),
  sessionsCommand(),
  declareCommand(),
  deleteCommand(),
  bindCommand(),
  unbindCommand(),
  storeCommand(),
  tokenCommand(),
];
for (const command of commands) {
  program.addCommand(command.copyInheritedSettings(program));
  for (const child of command.commands) child.copyInheritedSettings(program);
}

await program.parseAsync();
