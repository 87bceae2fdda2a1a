/**
 * The settings of a command line: flags, environment and file together, or the end of the process with what is
 * wrong with them.
 */
import { readFileSync } from 'node:fs';
import { type Config, type ConfigInput, type ConfigResult, readConfig } from '../config/read-config.ts';
import { EXIT_USAGE } from './exit-codes.ts';
import { fail } from './fail.ts';

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

export type ConfigFile =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Reads the settings or ends the process, telling what is wrong with them. */
export function settings(flags: ServeFlags): { config: Config; warnings: readonly string[] } {
  const result = readSettings(flags);
  return result.kind === 'config' ? result : fail(EXIT_USAGE, ...result.faults);
}

/** Reads the settings as they are now. */
export function readSettings(flags: ServeFlags): ConfigResult {
  const file = configFileOf(flags);
  if (file.kind === 'unreadable') return { kind: 'faults', faults: [file.why] };
  return readConfig({
    env: process.env,
    flags: settingsOfFlags(flags),
    ...(file.kind === 'file' && { file }),
  });
}

export function configFileOf(flags: Pick<ServeFlags, 'config'>): ConfigFile {
  const name = flags.config ?? process.env.RINGHUB_CONFIG;
  if (name === undefined) return { kind: 'none' };
  try {
    return { kind: 'file', name, text: readFileSync(name, 'utf8') };
  } catch {
    return { kind: 'unreadable', why: `cannot read the config file ${name}` };
  }
}

export const settingsOfFlags = ({
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
