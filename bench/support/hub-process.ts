/**
 * Starts a built hub as its own process on a free loopback port, and reads its memory and CPU from /proc.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { HubStats } from '../../server/src/ports/hub-api.ts';

const TOKEN = 'bench-token-0123456789-0123456789';
const CLOCK_TICKS_A_SECOND = 100;

export class HubProcess {
  readonly token = TOKEN;

  private constructor(
    private readonly child: ChildProcess,
    readonly httpUrl: string,
  ) {}

  get wsUrl(): string {
    return `${this.httpUrl.replace('http', 'ws')}/v1/ws`;
  }

  /** Resolves once the hub listens. It is stopped with this process at the latest. */
  static async start(args: readonly string[] = []): Promise<HubProcess> {
    const port = 20_000 + (process.pid % 10_000);
    const child = spawn(
      process.execPath,
      ['server/dist/main.js', 'serve', '--dev', '--no-demo', '--port', String(port), ...args],
      { env: { ...process.env, RINGHUB_TOKEN: TOKEN }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    process.once('exit', () => child.kill('SIGKILL'));
    const hub = new HubProcess(child, `http://127.0.0.1:${port}`);
    for (let i = 0; i < 100; i++) {
      if (
        await fetch(`${hub.httpUrl}/readyz`).then(
          (r) => r.ok,
          () => false,
        )
      )
        return hub;
      await new Promise((resolve) => setTimeout(resolve, 100));
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

  /** Resident memory in MiB. */
  rssMib(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Seconds of CPU used so far. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_A_SECOND;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}
