#!/usr/bin/env node
/**
 * The `ringhub` command.
 */
import { Command } from 'commander';
import { EXIT_USAGE, serveCommand } from './cli/serve.ts';
import { configCommand } from './cli/show-config.ts';
import { VERSION } from './start-hub.ts';

const program = new Command('ringhub')
  .description(
    'A self-hosted real-time hub: exchanges and bindings, accounted and resumable delivery to browsers',
  )
  .version(VERSION)
  .showHelpAfterError('(see --help)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE));
for (const command of [serveCommand(), configCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

await program.parseAsync();
