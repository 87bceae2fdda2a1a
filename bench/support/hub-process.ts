/**
 * Starts a built hub as its own process on a loopback port, and reads its memory and CPU from /proc. It keeps no data,
 * unless the arguments say where.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { HubStats } from '../../server/src/ports/hub-api.ts';
import { cpuSeconds, ownMib, rssMib } from './process-usage.ts';

const TOKEN = 'bench-token-0123456789-0123456789';
const START_DEADLINE_MS = 30_000;

export class HubProcess {
  readonly token = TOKEN;

  private constructor(
    private readonly child: ChildProcess,
    readonly httpUrl: string,
    /** From the start of the process to its first answer that it is ready. */
    readonly readyMs: number,
  ) {}

  get pid(): number {
    return this.child.pid!;
  }

  get wsUrl(): string {
    return `${this.httpUrl.replace('http', 'ws')}/v1/ws`;
  }

  /**
   * Resolves once the hub listens. It is stopped with this process at the latest.
   *
   * @param command changes the command line, as to where it runs
   */
  static async start(
    args: readonly string[] = [],
    {
      data = 'none',
      nodeArgs = [],
      command = (line) => line,
    }: {
      data?: string;
      nodeArgs?: readonly string[];
      command?: (line: readonly string[]) => readonly string[];
    } = {},
  ): Promise<HubProcess> {
    const port = 20_000 + (process.pid % 10_000);
    const options = ['serve', '--dev', '--no-demo', '--port', String(port), '--data', data, ...args];
    const startedMs = performance.now();
    const [file, ...line] = command([process.execPath, ...nodeArgs, 'server/dist/main.js', ...options]);
    const child = spawn(file!, line, {
      env: { ...process.env, RINGHUB_TOKEN: TOKEN },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const httpUrl = `http://127.0.0.1:${port}`;
    while (performance.now() - startedMs < START_DEADLINE_MS && child.exitCode === null) {
      const isReady = await fetch(`${httpUrl}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return new HubProcess(child, httpUrl, performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill('SIGKILL');
    throw new Error('the hub did not become ready; is it built? npm run build');
  }

  async stats(): Promise<HubStats> {
    const response = await fetch(`${this.httpUrl}/v1/stats`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return (await response.json()) as HubStats;
  }

  /** Resident memory in MiB without the pages of mapped files: what the process itself takes. */
  ownMib(): number {
    return ownMib(this.pid);
  }

  /** Resident memory in MiB. */
  rssMib(): number {
    return rssMib(this.pid);
  }

  /** Seconds of CPU used so far. */
  cpuSeconds(): number {
    return cpuSeconds(this.pid);
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    await ended;
  }
}
