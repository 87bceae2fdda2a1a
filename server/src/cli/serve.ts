/**
 * `ringhub serve`: its options. The hub itself is loaded when it is to run, so that the other commands start at once.
 */
import { Command, Option } from 'commander';
import type { ServeFlags } from './settings.ts';

const EXAMPLES = `
Examples:
  $ ringhub serve --dev                      try it: loopback, a random token, demo pages
  $ ringhub serve --dev --port 0             the same on any free port
  $ RINGHUB_TOKEN=abc ringhub serve --dev    with a token of your choice
  $ ringhub serve --config ringhub.yaml      for real: tokens and limits from a file

  ringhub.yaml:
    host: 0.0.0.0
    auth:
      tokens:
        - { tokenFile: /run/secrets/ringhub-app, subject: app, role: server }
      jwt:
        - { issuer: https://app.example.com, audience: ringhub, algorithms: [HS256], secretFile: /run/secrets/ringhub-jwt }
    http:
      origins: [https://app.example.com]

Every setting can also come from the environment: http.maxBodyBytes is RINGHUB_HTTP__MAX_BODY_BYTES.
Flags win over the environment, the environment over the file. "ringhub config" shows what is in force.

Exit codes: 0 ended as asked, 1 failed, 2 wrong usage, 65 the store is damaged, 74 the store failed while the hub ran.`;

/** Options that say where settings come from, shared by all commands that read them. */
export function withSettings(command: Command): Command {
  return command
    .option('-c, --config <file>', 'YAML or JSON file with settings (or RINGHUB_CONFIG)')
    .option('--dev', 'for trying out: loopback only, a random token that may do everything')
    .option('--demo', 'run what feeds the demo pages (default with --dev)')
    .option('--no-demo', 'run neither the demo feeder nor the workers of the orders demo')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .addOption(
      new Option('-p, --port <number>', 'port to listen on; 0 picks a free one (default: 8080)').argParser(
        Number,
      ),
    )
    .addOption(
      new Option(
        '--transport <name>',
        'auto, ws or uws (default: auto, which is ws unless a recent uWebSockets.js is installed)',
      ),
    )
    .option('--data <folder>', 'where everything durable lies, or "none" for memory only (default: data)')
    .option('--origin <origin...>', 'origins of pages that may connect, besides the hub’s own')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (default: info)');
}

export function serveCommand(): Command {
  return withSettings(new Command('serve'))
    .description('run a hub')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ServeFlags) => {
      // Only who runs a hub waits for the hub's code to load.
      const { serve } = await import('./run-hub.ts');
      await serve(flags);
    });
}
