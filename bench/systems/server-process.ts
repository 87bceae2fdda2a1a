/** A server that runs as its own process on the server's core and says on which port it listens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onServerCore } from '../support/cores.ts';

const START_DEADLINE_MS = 20_000;

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Runs a TypeScript file that prints `port N` once it listens. It ends with this process at the latest. */
export async function startServer(file: string, args: readonly string[]): Promise<ServerProcess> {
  const [command, ...rest] = onServerCore([process.execPath, 'scripts/run-ts.mjs', file, ...args]);
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const port = await portOf(child, file);
  return { pid: child.pid!, port, stop: () => end(child) };
}

function portOf(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${file} does not listen after ${START_DEADLINE_MS / 1000} s`));
    }, START_DEADLINE_MS);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const port = /^port (\d+)$/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return ended;
}
