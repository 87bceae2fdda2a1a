/** JSON lines of earlier runs. Pure. */
import type { RunLine } from '../load/run-line.ts';

/**
 * The runs of several files, each a text of JSON lines, which may be many calls one after the other. Runs of different calls
 * get different numbers, as only those with one number were measured beside each other.
 */
export function runsOf(files: readonly string[]): RunLine[] {
  const all: RunLine[] = [];
  let before = 0;
  for (const text of files) {
    const seen = new Set<string>();
    let last = before;
    for (const line of linesOf(text)) {
      const key = [line.scenario, line.system, line.subscribers, line.bytes, line.patterns, line.run].join();
      if (seen.has(key)) {
        seen.clear();
        before = last;
      }
      seen.add(key);
      const run = before + line.run;
      last = Math.max(last, run);
      all.push({ ...line, run });
    }
    before = last;
  }
  return all;
}

/** What is no JSON object is something else that a terminal said. */
export function linesOf(text: string): RunLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as RunLine);
}
