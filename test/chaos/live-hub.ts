/** A hub in a process of its own, on one folder and one port, that can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';

const POLL_MS = 10;

export class LiveHub {
  readonly token = 'chaos-token-0123456789-0123456789';
  /** What it logged as an error or worse, over all its lives. */
  readonly faults: string[] = [];
  private child: ChildProcess | undefined;
  /** The same in all lives. */
  port = 0;
  private ended: Promise<unknown> = Promise.resolve();
  private isListening = false;
  private readonly lives = new EventEmitter();

  /** @param command what runs a hub, to which `serve` and its options are added */
  constructor(
    private readonly command: readonly string[],
    private readonly folder: string,
    private readonly env: Readonly<Record<string, string>> = {},
    private readonly transport: 'ws' | 'uws' = 'ws',
  ) {}

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}/v1/ws`;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  /** Begins a life; it may not be ready yet. */
  spawn(): void {
    const [program, ...args] = this.command;
    const options = ['serve', '--dev', '--no-demo', '--transport', this.transport, '--data', this.folder];
    const child = spawn(program!, [...args, ...options, '--port', String(this.port)], {
      env: {
        PATH: process.env.PATH,
        RINGHUB_TOKEN: this.token,
        RINGHUB_LOG__LEVEL: 'error',
        ...this.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.isListening = false;
    this.ended = once(child, 'close');
    child.stdout!.on('data', (text) => {
      const said = /is at http:\/\/[^/]*:(\d+)\//.exec(String(text));
      if (!said || child.killed) return;
      this.port = Number(said[1]);
      this.isListening = true;
      this.lives.emit('listening');
    });
    child.stderr!.on('data', (text) => this.faults.push(String(text).trim()));
  }

  /**
   * Begins a life and waits until it says that it is ready; returns how many ms that took.
   *
   * @param maxRedMs how long it may listen without being ready, for hubs that cannot be
   */
  async start(maxRedMs = Number.POSITIVE_INFINITY): Promise<number> {
    const startedMs = performance.now();
    this.port ||= await freePort();
    this.spawn();
    await Promise.race([this.listening(), this.ended]);
    const listeningMs = performance.now();
    while (!(await this.isReady())) {
      if (this.child!.exitCode !== null) throw new Error(`the hub ended: ${this.faults.join('\n')}`);
      if (performance.now() - listeningMs > maxRedMs) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return performance.now() - startedMs;
  }

  /** Resolves where it says that it listens; after a kill, where its next life says so. */
  async listening(): Promise<void> {
    while (!this.isListening) await once(this.lives, 'listening');
  }

  /** Kills it, as the system does to a process that takes too much memory. */
  async kill(): Promise<void> {
    this.isListening = false;
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** Stops it as it is, as a virtual machine does that is moved; `goOn` lets it run again. */
  halt(): void {
    this.child!.kill('SIGSTOP');
  }

  goOn(): void {
    this.child!.kill('SIGCONT');
  }

  /** Resolves with its exit code, or the signal that killed it, once it has ended. */
  async exit(): Promise<number | NodeJS.Signals | null> {
    await this.ended;
    return this.child!.exitCode ?? this.child!.signalCode;
  }

  async isReady(): Promise<boolean> {
    if (!this.isListening) return false;
    return fetch(`${this.httpUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** Values by name and labels, as in `ringhub_ledger_dropped_total{reason="corrupt"}`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`${this.httpUrl}/metrics`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}: ${text.slice(0, 200)}`);
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(samples.map((line) => [line.replace(/ [^ ]+$/, ''), Number(line.split(' ').at(-1))]));
  }
}

/**
 * Not one that the system gives to outgoing connections: while the hub is dead, a client that tries to reach it could be given that very
 * port, and keep the hub out.
 */
async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
