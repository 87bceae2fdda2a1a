/**
 * One core for the server, another for its load: they would take time from each other otherwise. Where there is only one,
 * or no `taskset`, everything runs where the system puts it, and a run says so.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const SERVER_CORE = 0;
const LOAD_CORE = 1;

export const arePinned =
  availableParallelism() > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

/** A command, to be run on the server's core. */
export const onServerCore = (command: readonly string[]): string[] =>
  arePinned ? ['taskset', '-c', String(SERVER_CORE), ...command] : [...command];

/** Moves a process with all its threads to the server's core. */
export function moveToServerCore(pid: number): void {
  if (arePinned) spawnSync('taskset', ['-a', '-cp', String(SERVER_CORE), String(pid)], { stdio: 'ignore' });
}

/** Moves this process, and what it starts from now on, to the load's core. */
export function moveToLoadCore(): void {
  if (arePinned)
    spawnSync('taskset', ['-a', '-cp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' });
}
