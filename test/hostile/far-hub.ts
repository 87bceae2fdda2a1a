/** Starts and asks the hub of `hub-process.ts`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { StartHubOptions } from '../../server/src/index.ts';

export class FarHub {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly token: string,
  ) {}

  static async start(options: StartHubOptions): Promise<FarHub> {
    const child = fork('scripts/run-ts.mjs', ['test/hostile/hub-process.ts'], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, RINGHUB_OPTIONS: JSON.stringify(options) },
    });
    const [{ port, token }] = (await once(child, 'message')) as [{ port: number; token: string }];
    return new FarHub(child, port, token);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Once nothing is left to collect, in bytes: what is resident, and what of it JavaScript uses. */
  async memory(): Promise<{ readonly rss: number; readonly used: number }> {
    this.child.send('memory');
    const [memory] = (await once(this.child, 'message')) as [{ rss: number; used: number }];
    return memory;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}

/** A TCP connection as an attacker has it: what came back, and whether it is closed. */
export class RawClient {
  received = Buffer.alloc(0);
  readonly closed: Promise<void>;
  readonly socket: Socket;
  isClosed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  get status(): string | undefined {
    return /^HTTP\/1\.1 (\d+)/.exec(this.received.toString('latin1'))?.[1];
  }

  send(bytes: string | Uint8Array): this {
    if (!this.isClosed) this.socket.write(bytes);
    return this;
  }

  /** Says one byte after the other, for as long as it is let. */
  drip(byte: string, everyMs: number): this {
    const timer = setInterval(() => this.send(byte), everyMs);
    this.socket.on('close', () => clearInterval(timer));
    return this;
  }

  /** Resolves once something has come back, or the connection is closed. */
  answered(): Promise<void> {
    if (this.received.length > 0) return Promise.resolve();
    return Promise.race([
      new Promise<void>((resolve) => this.socket.once('data', () => resolve())),
      this.closed,
    ]);
  }
}
