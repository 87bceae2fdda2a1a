/** Which version of a thing a run is of. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

/**
 * As the package's own file says.
 *
 * @param from a package.json in the repository, which depends on it
 */
export function packageVersion(name: string, from: string): string | undefined {
  for (const folder of createRequire(resolve(from)).resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')) as { version: string })
        .version;
    } catch {
      // In one of the folders above.
    }
  }
  return undefined;
}

/** The first number with two dots in what a program says. */
export function programVersion(program: string, option: string): string | undefined {
  const { stdout, stderr } = spawnSync(program, [option], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0];
}

/** Of this repository, and its commit where that is known. */
export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync('server/package.json', 'utf8')) as { version: string };
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return git.status === 0 ? `${version} (${git.stdout.trim()})` : version;
}
