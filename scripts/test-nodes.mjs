/**
 * `npm run test:nodes [-- 22 24]`: the unit and contract suites on Node 20, 22 and 24, one after the other. Ends with a
 * line for each version and `N passed, N failed`; a version that cannot be had counts as one failure.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { nodeBinary, PINNED, versionsOf } from './node-binaries.mjs';
import { readReport, summarize } from './test-report.mjs';

const HELP = `Runs the unit and contract suites on several versions of Node, which come from npm.

  npm run test:nodes [-- VERSION…]

  VERSION   ${Object.keys(PINNED).join(', ')} (${Object.values(PINNED).join(', ')}), or an exact version; those three by default

The programs are kept in node_modules/.cache/nodes; package.json and the lock stay as they are. uWebSockets.js comes
with a build for Node 20 only: on newer versions the suites of the uws transport are left out, and that is said.
Exit code 0 where every test passed on every version, else 1.`;

const root = resolve(import.meta.dirname, '..');
const cache = join(root, 'node_modules/.cache/nodes');
/** Left are the simulation, all pure code, and the ports on each of their adapters. */
const LEFT_OUT = ['bench', 'chaos', 'conformance', 'e2e', 'hostile', 'packaging', 'server'];

/** @returns {Promise<number>} the exit code; a death by signal is reported as a failure, too. */
function runSuites(program, report) {
  const without = LEFT_OUT.map((folder) => `--exclude=test/${folder}/**`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', ...without];
  return new Promise((done) => {
    const child = spawn(
      program,
      [...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      {
        cwd: root,
        // What tests start by the name `node` is of this version, too.
        env: { ...process.env, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    child.on('error', () => done(1));
    child.on('close', (code) => done(code ?? 1));
  });
}

async function testOn(version) {
  console.log(`\n== Node ${version}`);
  const started = Date.now();
  const sum = { version, passed: 0, failed: 0, skipped: [], notes: [], seconds: 0 };
  try {
    const program = await nodeBinary(version, { cache, say: (line) => console.log(line) });
    const report = join(cache, `report-${process.pid}.json`);
    const exitCode = await runSuites(program, report);
    Object.assign(sum, summarize(exitCode, readReport(report), root));
    rmSync(report, { force: true });
  } catch (error) {
    sum.failed += 1;
    sum.notes.push(error.message);
  }
  sum.seconds = Math.round((Date.now() - started) / 1000);
  return sum;
}

function print(sums) {
  console.log('');
  for (const { version, skipped, notes } of sums) {
    for (const note of notes) console.log(`failed: Node ${version}: ${note}`);
    for (const name of skipped) console.log(`left out: Node ${version}: ${name}`);
  }
  for (const { version, passed, failed, skipped, seconds } of sums)
    console.log(
      `Node ${version}: ${passed} passed, ${failed} failed, ${skipped.length} left out, ${seconds} s`,
    );
  const total = (what) => sums.reduce((sum, one) => sum + one[what], 0);
  console.log(`${total('passed')} passed, ${total('failed')} failed`);
  process.exitCode = total('failed') === 0 ? 0 : 1;
}

async function main(words) {
  if (words.some((word) => word === '--help' || word === '-h')) {
    console.log(HELP);
    return;
  }
  mkdirSync(cache, { recursive: true });
  const sums = [];
  for (const version of versionsOf(words)) sums.push(await testOn(version));
  print(sums);
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(`test:nodes: ${error.message}`);
  process.exitCode = 1;
});
