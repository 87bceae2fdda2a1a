/**
 * The settings of a command line: flags, environment and file together, or the end of the process with what is
 * wrong with them.
 */
import { readFileSync } from 'node:fs';
import { type Config, type ConfigInput, readConfig } from '../config/read-config.ts';
import { EXIT_USAGE } from './exit-codes.ts';

export interface ServeFlags {
  dev?: true;
  demo?: boolean;
  host?: string;
  port?: number;
  transport?: Config['transport'];
  data?: string;
  config?: string;
  origin?: string[];
  logLevel?: Config['log']['level'];
}

/** Reads the settings or ends the process, telling what is wrong with them. */
export function settings(flags: ServeFlags): { config: Config; warnings: readonly string[] } {
  const name = flags.config ?? process.env.RINGHUB_CONFIG;
  let file: { name: string; text: string } | undefined;
  try {
    if (name !== undefined) file = { name, text: readFileSync(name, 'utf8') };
  } catch {
    return fail(EXIT_USAGE, `cannot read the config file ${name}`);
  }
  const result = readConfig({ env: process.env, flags: settingsOfFlags(flags), ...(file && { file }) });
  return result.kind === 'config' ? result : fail(EXIT_USAGE, ...result.faults);
}

const settingsOfFlags = ({
  dev,
  demo,
  host,
  port,
  transport,
  data,
  origin,
  logLevel,
}: ServeFlags): ConfigInput => ({
  dev,
  demo,
  host,
  port,
  transport,
  data,
  ...(origin && { http: { origins: origin } }),
  ...(logLevel && { log: { level: logLevel } }),
});

export function fail(exitCode: number, ...lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`ringhub: ${line}\n`);
  process.exit(exitCode);
}
