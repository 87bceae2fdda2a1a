/**
 * Finds a Chromium that starts, and installs one on Debian-like machines. The browser tests drive an installed
 * browser: a download of a private one (what playwright does by default) fails behind closed networks.
 * `node scripts/chromium.mjs --install` does so where there is none.
 */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';

// The headless shell is the same engine without windows: a page costs a quarter of what it costs in the whole browser.
const names = [
  'chromium-headless-shell',
  'chrome-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
];

const usualPlaces = [
  '/usr/lib/chromium/chromium',
  '/opt/google/chrome/chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
];

/** @returns {string | undefined} the path of a Chromium that starts; CHROMIUM_PATH and CHROME_PATH go first. */
export function findChromium(env = process.env) {
  const chosen = env.CHROMIUM_PATH || env.CHROME_PATH;
  // A wrong choice is reported rather than replaced by another browser.
  if (chosen) return starts(chosen) ? chosen : undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, ...usualPlaces].find(starts);
}

/** Existing is not enough: Ubuntu's chromium-browser may be a script that only says "install the snap". */
function starts(path) {
  if (!existsSync(path)) return false;
  try {
    const version = execFileSync(path, ['--version'], {
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /\d+\.\d+/.test(version.toString());
  } catch {
    return false;
  }
}

export function canInstallChromium() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

export async function installChromium() {
  await aptGet('update');
  const install = (name) => aptGet('install', '--yes', '--no-install-recommends', name, 'fonts-liberation');
  // Not every distribution has it.
  await install('chromium-headless-shell').catch(() => install('chromium'));
}

/** Runs apt-get and shows what it does, at most one line in two seconds. */
async function aptGet(...args) {
  console.log(`  apt-get ${args.join(' ')}`);
  const child = spawn('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  let shownAt = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!/^(Need to get|Unpacking|Setting up)/.test(line) || Date.now() - shownAt < 2000) continue;
    shownAt = Date.now();
    console.log(`    ${line.slice(0, 100)}`);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`apt-get ${args[0]} exited with ${code}`);
}

if (process.argv[1] === import.meta.filename && process.argv[2] === '--install') {
  if (!findChromium() && canInstallChromium()) await installChromium();
}
