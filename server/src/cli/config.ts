/**
 * `ringhub config`: settings are shown, checked, described, and begun with.
 */
import { Command } from 'commander';
import { NODE_LIMITS } from '../core/limits.ts';
import { EXIT_FAILED, EXIT_USAGE } from './exit-codes.ts';
import { withSettings } from './serve.ts';
import type { ServeFlags } from './settings.ts';

const EXAMPLES = `
Examples:
  $ ringhub config init                        ringhub.yaml to start from, and a secret of its own
  $ ringhub config check -c ringhub.yaml       whether a hub would start with it, and what is unsafe
  $ ringhub config show -c ringhub.yaml        everything in force, defaults included, secrets left out
  $ ringhub config schema > ringhub.schema.json

An editor that knows YAML completes settings by the schema: write this as the first line of ringhub.yaml
  # yaml-language-server: $schema=ringhub.schema.json

Exit codes: 0 fine, 1 failed, 2 something is wrong with the settings.`;

export function configCommand(): Command {
  return new Command('config')
    .description('show, check and begin the settings of a hub')
    .addHelpText('after', EXAMPLES)
    .addCommand(show(), { isDefault: true })
    .addCommand(init())
    .addCommand(check())
    .addCommand(schema());
}

const say = (line: string): void => void process.stderr.write(`ringhub: ${line}\n`);

const show = (): Command =>
  withSettings(new Command('show'))
    .description('the settings in force, defaults included, secrets left out')
    .action(async (flags: ServeFlags) => {
      const [{ stringify }, { settings }] = await Promise.all([import('yaml'), import('./settings.ts')]);
      const { config, warnings } = settings(flags);
      for (const warning of warnings) say(warning);
      const { demo = config.dev, limits, http } = config;
      const inForce = {
        ...config,
        demo,
        http: { ...http, publicMetrics: http.publicMetrics ?? config.dev },
        limits: { ...NODE_LIMITS, ...limits },
      };
      process.stdout.write(stringify(withoutSecrets(inForce)));
    });

/** Names under which a setting holds a secret itself, and not the name of a file. */
const SECRET_KEY = /^(token|secret|password|passphrase|key)$|(Token|Secret|Password)$/;

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' && SECRET_KEY.test(key) ? '(secret)' : withoutSecrets(inner),
    ]),
  );
}

const check = (): Command =>
  withSettings(new Command('check'))
    .description('whether a hub would start with these settings, and what about them is unsafe')
    .action(async (flags: ServeFlags) => {
      const [{ settings }, { problemsOf }] = await Promise.all([
        import('./settings.ts'),
        import('./setting-checks.ts'),
      ]);
      const { config, warnings } = settings(flags);
      const problems = problemsOf(config, Date.now());
      for (const line of [...problems.faults, ...warnings, ...problems.warnings]) say(line);
      if (problems.faults.length > 0) process.exit(EXIT_USAGE);
      process.stdout.write('the settings are fine\n');
    });

const init = (): Command =>
  new Command('init')
    .description('write a commented configuration to start from, and a secret; nothing is overwritten')
    .argument('[file]', 'where to', 'ringhub.yaml')
    .action(async (file: string) => {
      const { initConfig } = await import('./config-init.ts');
      const written = initConfig(file);
      if (written.kind === 'refused') {
        say(written.why);
        process.exit(EXIT_FAILED);
      }
      process.stdout.write(
        `${written.configFile} and ${written.tokenFile} are written. Next:
  ringhub config check -c ${written.configFile}
  ringhub serve -c ${written.configFile}
  ringhub pub --token-file ${written.tokenFile} amq.topic greeting.world hello\n`,
      );
    });

const schema = (): Command =>
  new Command('schema').description('all settings as a JSON Schema, for editors').action(async () => {
    const { configJsonSchema } = await import('../config/json-schema.ts');
    process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  });
