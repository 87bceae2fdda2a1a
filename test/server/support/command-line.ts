/** The command `ringhub` as a process: built once, its words, its exit code. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleProgram } from './program-bundle.ts';

const root = resolve(import.meta.dirname, '../../..');

export class CommandLine {
  /** Inside the server's folder, so that Node finds its dependencies. */
  readonly #folder = join(root, `server/node_modules/.cache/cli-${process.pid}-${Date.now()}`);
  #program = '';
  readonly #running = new Set<Run>();

  async build(): Promise<void> {
    this.#program = await bundleProgram(join(root, 'server/src/main.ts'), this.#folder);
  }

  /** Starts a command, in this folder or in that of the tests; without `input`, its stdin stays open. */
  run(
    args: readonly string[],
    env: Record<string, string> = {},
    input?: string | Uint8Array,
    cwd?: string,
  ): Run {
    const child = spawn(process.execPath, [this.#program, ...args], {
      cwd,
      // A hub keeps its data where it is started, unless told otherwise.
      env: { PATH: process.env.PATH, RINGHUB_DATA: 'none', ...env },
    });
    const run = new Run(child);
    if (input !== undefined) child.stdin.end(input);
    this.#running.add(run);
    return run;
  }

  /** Ends what still runs. */
  killAll(): void {
    for (const { child } of this.#running) child.kill('SIGKILL');
    this.#running.clear();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class Run {
  out = '';
  err = '';
  readonly ended: Promise<number | null>;

  constructor(readonly child: ChildProcessWithoutNullStreams) {
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk) => {
      this.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      this.err += chunk;
    });
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  get lines(): string[] {
    return this.out.split('\n').slice(0, -1);
  }

  /** Waits for words on stdout or stderr. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`it ended without ${pattern}: ${this.out}${this.err}`);
      const { stdout, stderr } = this.child;
      await Promise.race([once(stdout, 'data'), once(stderr, 'data'), this.ended]);
    }
  }
}
