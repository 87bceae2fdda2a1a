/** What a JSON report of vitest says, counted test by test, so that what vitest calls a success is not taken on trust. */

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @returns the report's files; undefined where vitest left none. */
export function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    return undefined;
  }
}

/** Whatever stops a test from being counted (a file that does not load, a crash, no test at all) counts as a failure. */
export function summarize(exitCode, files, root) {
  const summary = { passed: 0, failed: 0, skipped: [], notes: [] };
  const fail = (note) => {
    summary.failed += 1;
    summary.notes.push(note);
  };
  if (!files) fail('vitest left no report: it crashed');

  for (const file of files ?? []) {
    const name = relative(root, file.name);
    const before = summary.failed;
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') summary.passed += 1;
      else if (status === 'failed') summary.failed += 1;
      else summary.skipped.push(`${name}: ${fullName}`);
    }
    if (file.status === 'failed' && summary.failed === before) fail(`${name} did not load or did not finish`);
  }
  if (files && summary.passed + summary.failed === 0) fail('no test ran');
  if (exitCode !== 0 && summary.failed === 0) fail(`vitest exited with ${exitCode}: see the errors above`);
  return summary;
}
