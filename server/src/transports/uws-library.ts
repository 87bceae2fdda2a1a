/**
 * Finds the uWebSockets.js that is installed and loads it, or says in one line why it cannot.
 *
 * Loads the native file of a package, never its entry: the entry of one of the published builds replaces a native
 * file that does not load by a slow imitation in JavaScript. Packages are looked for in every `node_modules`
 * from this file upwards, so that one which an application installs is found beside our own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export type Uws = typeof import('uWebSockets.js');

export interface LoadedUws {
  readonly version: string;
  readonly library: Uws;
}

/** A package that is there, or that ought to be. */
export interface UwsPackage {
  readonly version: string;
  readonly folder: string;
}

export type UwsFinding =
  | { readonly kind: 'loaded'; readonly uws: LoadedUws }
  | { readonly kind: 'unusable'; readonly why: string };

/** Builds from here on are the ones their authors maintain; older ones serve only who asks for them. */
const RECENT = [20, 57] as const;
/** A head may be as large as node:http takes it here; older builds keep to their 4 KiB. */
const MAX_HEADER_BYTES = 16 * 1024;

const require = createRequire(import.meta.url);

/** What is installed, nearest first. */
export function installedUws(
  folders: readonly string[] = require.resolve.paths('uWebSockets.js') ?? [],
): UwsPackage[] {
  return folders.flatMap((nodeModules) => {
    const folder = join(nodeModules, 'uWebSockets.js');
    const version = versionIn(folder);
    return version === undefined ? [] : [{ version, folder }];
  });
}

function versionIn(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string }).version;
  } catch {
    // None is there, or half of one.
    return undefined;
  }
}

export function isRecent({ version }: UwsPackage): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > RECENT[0] || (major === RECENT[0] && minor >= RECENT[1]);
}

export function loadUws({ version, folder }: UwsPackage): UwsFinding {
  const name = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const file = [join(folder, name), join(folder, 'binaries', name)].find((path) => existsSync(path));
  const unusable = (why: string): UwsFinding => ({
    kind: 'unusable',
    why: `uWebSockets.js ${version} ${why}`,
  });
  if (file === undefined) {
    const { node } = process.versions;
    return unusable(`has no build for Node ${node.split('.', 1)[0]} on ${process.platform} ${process.arch}`);
  }
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(MAX_HEADER_BYTES);
  try {
    return { kind: 'loaded', uws: { version, library: require(file) as Uws } };
  } catch (error) {
    return unusable(loadProblem(String((error as Error).message)));
  }
}

function loadProblem(message: string): string {
  const needed = /GLIBC_([\d.]+)/.exec(message)?.[1];
  if (needed === undefined) return `does not load: ${message.split('\n', 1)[0]}`;
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const here = header?.glibcVersionRuntime ?? 'none';
  return `needs glibc ${needed} or later (2.38 is in Ubuntu 24.04 and Debian 13); here it is ${here}`;
}
