/** Programs of the chaos tests, bundled so that Node runs them without anything in between; and strace around them. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundleProgram } from '../server/support/program-bundle.ts';

const root = resolve(import.meta.dirname, '../..');

export class ChaosPlace {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringhub-chaos-'));
  /** Inside the server's folder, so that Node finds its dependencies. */
  private readonly bundles: string;

  constructor(private readonly sources = root) {
    this.bundles = join(sources, `server/node_modules/.cache/chaos-${process.pid}`);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Bundles a program of this folder; returns its path. */
  program(name: string): Promise<string> {
    return bundleProgram(join(this.sources, `test/chaos/${name}.ts`), join(this.bundles, name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.bundles, { recursive: true, force: true });
  }
}

/** Runs a program under strace; returns what it said. A program that ends badly throws. */
export const traced = (straceArgs: readonly string[], program: readonly string[]): Promise<string[]> =>
  said('strace', ['-f', '--seccomp-bpf', ...straceArgs, process.execPath, ...program]);

/** Runs a command; returns the lines it wrote to stdout. */
export async function said(command: string, args: readonly string[]): Promise<string[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let trouble = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    trouble += chunk;
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const lines = text.split('\n').slice(0, -1);
  // A write that was refused leaves LMDB's own memory unsound, now and then: once all is said, a signal that ends it does not matter.
  const hasEnded = code === null && lines.at(-1)?.startsWith('end ');
  if (code !== 0 && !hasEnded) throw new Error(`${command} ended with ${code}: ${trouble}`);
  return lines;
}

/** Makes sure that there is a strace; on Debian it is installed. */
export function requireStrace(): void {
  const isThere = () => spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
  if (isThere()) return;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'strace']])
      spawnSync('apt-get', args, { stdio: 'ignore', env });
  }
  if (!isThere()) throw new Error('these tests need strace: install it');
}
