/**
 * One run of one system in a process of its own: every run begins with a fresh load client, and one that fails ends only
 * itself.
 */
import { spawn } from 'node:child_process';
import type { RunLine } from '../load/run-line.ts';
import { linesOf } from './run-files.ts';

const DEADLINE_MS = 600_000;
/** Its beginning says why. */
const COMPLAINT_CHARS = 16_384;
const REASON_CHARS = 160;

export type Outcome = { readonly line: RunLine } | { readonly failed: string };

/** @param options of `bench/run.ts`, besides what is run */
export function singleRun(scenario: string, system: string, options: readonly string[]): Promise<Outcome> {
  const what = ['--scenario', scenario, '--system', system, '--to', system, '--runs', '1'];
  const child = spawn(process.execPath, ['scripts/run-ts.mjs', 'bench/run.ts', ...what, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endAtOnce = (): void => void child.kill('SIGTERM');
  process.once('exit', endAtOnce);
  const late = setTimeout(endAtOnce, DEADLINE_MS);
  let said = '';
  let complained = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  child.stderr.on('data', (text) => {
    complained = `${complained}${text}`.slice(0, COMPLAINT_CHARS);
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(late);
      process.off('exit', endAtOnce);
      const line = linesOf(said)[0];
      resolve(
        line && code === 0 ? { line } : { failed: reasonOf(complained) ?? `ended with ${code ?? signal}` },
      );
    });
  });
}

/** Without what a peer may have sent that is no text. */
export const reasonOf = (complaint: string): string | undefined =>
  complaint
    .split('\n')
    .find((line) => /(^|\w)Error: /.test(line))
    ?.replace(/[^\x21-\x7e]+/g, ' ')
    .slice(0, REASON_CHARS);
