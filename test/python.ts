/** A python3 with the library websockets: for the example in Python, and for a client that shares no code with ours. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

const cache = resolve(import.meta.dirname, '../node_modules/.cache');
const PROBE =
  'import sys, websockets; sys.exit(tuple(map(int, websockets.__version__.split(".")[:2])) < (10, 1))';

/** undefined: there is none, and none can be installed. */
export const python = find() ?? install();

/** What a suite that is left out says of it. */
export const needsPython = python ? '' : ' (left out: there is no python3 with websockets 10.1 or later)';

/** The first python3 that has the library; the one on the PATH need not be the system's. */
function find(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((command) => {
    try {
      execFileSync(command, ['-c', PROBE], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** On a Debian, as root; elsewhere what needs it is left out. Test files that run side by side wait for each other. */
function install(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return undefined;
  console.log('installing python3-websockets with apt-get');
  mkdirSync(cache, { recursive: true });
  const get = 'apt-get update && apt-get install --yes --no-install-recommends python3-websockets';
  const script = `/usr/bin/python3 -c '${PROBE}' || { ${get}; }`;
  try {
    execFileSync('flock', [`${cache}/python.lock`, 'sh', '-c', script], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
      timeout: 120_000,
    });
  } catch {
    console.log('apt-get could not install python3-websockets');
  }
  return find();
}
