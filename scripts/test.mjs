/**
 * `npm test -- [--no-browser] [vitest arguments]`: finds Chromium, builds, runs vitest and ends with the line
 * `N passed, N failed`. The counts come from vitest's JSON report. Whatever stops a test from being counted
 * (a build or a file that does not load, an unhandled error, a crash, no test at all) counts as a failure.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { canInstallChromium, findChromium, installChromium } from './chromium.mjs';
import { findRabbitmq } from './rabbitmq.mjs';
import { readReport, summarize } from './test-report.mjs';

const root = resolve(import.meta.dirname, '..');
const report = join(root, 'node_modules/.cache/test/report.json');
const vitestArgs = process.argv.slice(2).filter((arg) => arg !== '--no-browser');
const withRabbitmq = findRabbitmq() !== undefined;
const RABBITMQ_TESTS = 'test/conformance/rabbitmq/rabbitmq.test.ts';
const withBrowser = vitestArgs.length === process.argv.length - 2;

/** @returns {Promise<number>} the exit code; a death by signal is reported as a failure, too. */
function node(args, env = {}) {
  return new Promise((done) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('close', (code) => done(code ?? 1));
  });
}

async function requireChromium() {
  const found = findChromium();
  if (found) return found;
  const chosen = process.env.CHROMIUM_PATH || process.env.CHROME_PATH;
  if (chosen) throw new Error(`${chosen} (CHROMIUM_PATH or CHROME_PATH) is not a Chromium that starts`);
  if (canInstallChromium()) {
    console.log(
      'test: no Chromium found, installing it for the browser tests (--no-browser leaves them out)',
    );
    await installChromium();
    const installed = findChromium();
    if (installed) return installed;
  }
  throw new Error(
    'no Chromium found: install one, or set CHROMIUM_PATH, or leave the browser tests out with --no-browser',
  );
}

async function runVitest(chromium) {
  rmSync(report, { force: true });
  mkdirSync(dirname(report), { recursive: true });
  const without = withBrowser ? [] : ['--exclude=test/e2e/**'];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const exitCode = await node(
    ['node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', ...without, ...reporters, ...vitestArgs],
    {
      ...(chromium && { CHROMIUM_PATH: chromium }),
      ...(!withRabbitmq && { RINGHUB_TESTS_LEFT_OUT: RABBITMQ_TESTS }),
    },
  );
  return summarize(exitCode, readReport(report), root);
}

function printSummary({ passed, failed, skipped, notes }) {
  const shown = 20;
  console.log('');
  for (const note of notes) console.log(`failed: ${note}`);
  for (const name of skipped.slice(0, shown)) console.log(`skipped: ${name}`);
  if (skipped.length > shown) console.log(`skipped: and ${skipped.length - shown} more`);
  if (!withBrowser) console.log('left out: the browser tests (--no-browser)');
  if (!withRabbitmq) console.log('left out: the comparison with RabbitMQ (install rabbitmq-server)');
  console.log(`${passed} passed, ${failed} failed`);
}

async function main() {
  const chromium = withBrowser ? await requireChromium() : undefined;
  if ((await node(['scripts/build.mjs'])) !== 0) throw new Error('the build failed');
  return runVitest(chromium);
}

const summary = await main().catch((error) => ({
  passed: 0,
  failed: 1,
  skipped: [],
  notes: [error.message],
}));
printSummary(summary);
process.exitCode = summary.failed === 0 ? 0 : 1;
