/** Has files verified by the verifier's process, which is started again when one of them killed it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Job {
  readonly kind: 'crash' | 'damage';
  readonly path: string;
  /** Batches that were told done; of a damaged file, those in it. */
  readonly confirmed: number;
  /** Batches that were begun. */
  readonly begun: number;
}

export interface Verdict {
  readonly kind: 'sound' | 'missing' | 'wrong' | 'damaged' | 'found' | 'harmless' | 'killed';
  readonly detail: string;
}

export class Verifier {
  private child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  private answer: ((verdict: Verdict) => void) | undefined;

  constructor(private readonly command: readonly string[]) {}

  verify(job: Job): Promise<Verdict> {
    this.child ??= this.start();
    const { stdin } = this.child;
    return new Promise((resolve) => {
      this.answer = resolve;
      stdin.write(`${JSON.stringify(job)}\n`);
    });
  }

  async end(): Promise<void> {
    const { child } = this;
    if (!child) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await closed;
  }

  private start(): ChildProcessByStdio<Writable, Readable, null> {
    const child = spawn(process.execPath, this.command, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.told(JSON.parse(line) as Verdict));
    child.on('close', (code, signal) => {
      this.child = undefined;
      this.told({ kind: 'killed', detail: signal ?? `exit ${code}` });
    });
    return child;
  }

  private told(verdict: Verdict): void {
    const { answer } = this;
    this.answer = undefined;
    answer?.(verdict);
  }
}
