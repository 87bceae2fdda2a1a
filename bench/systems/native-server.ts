/**
 * A server that is a program of the machine: run on the server's core with a configuration of its own in a folder of its
 * own, both gone when it is stopped, or when this process ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onServerCore } from '../support/cores.ts';
import { listening } from '../support/listening.ts';
import { programVersion } from '../support/program-version.ts';

const START_DEADLINE_MS = 20_000;

export interface NativeServer {
  readonly pid: number;
  stop(): Promise<void>;
}

export function versionOf(program: string, option: string): string | undefined {
  const found = findProgram(program);
  return found === undefined ? undefined : programVersion(found, option);
}

/** Says how to install what is not there. Debian puts servers where not everybody's PATH leads. */
export const missingProgram = (program: string, debianPackage: string): string | undefined =>
  findProgram(program) === undefined ? `apt-get install ${debianPackage}` : undefined;

function findProgram(program: string): string | undefined {
  const found = spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin"; command -v ${program}`]);
  return found.status === 0 ? found.stdout.toString().trim() : undefined;
}

/**
 * Resolves once it listens.
 *
 * @param args what leads it to its configuration, whose file is given
 */
export async function startNative(
  program: string,
  port: number,
  config: string,
  args: (file: string) => readonly string[],
): Promise<NativeServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ringhub-bench-'));
  // Started by root, mosquitto becomes another user.
  chmodSync(folder, 0o755);
  const file = join(folder, 'server.conf');
  writeFileSync(file, config);
  const [command, ...rest] = onServerCore([findProgram(program) ?? program, ...args(file)]);
  const child = spawn(command!, rest, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.on('data', (text) => {
    said = `${said}${text}`.slice(-2_000);
  });
  const endAtOnce = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', endAtOnce);
  const server: NativeServer = {
    pid: child.pid!,
    stop: async () => {
      await ended(child);
      process.off('exit', endAtOnce);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await listening(port, START_DEADLINE_MS, () => child.exitCode === null);
  } catch (error) {
    await server.stop();
    throw new Error(`${program} does not start: ${said}`, { cause: error });
  }
  return server;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return gone;
}
