/** A TCP connection as an attacker has it. */
import { connect, type Socket } from 'node:net';

/** What came back, and whether it is closed. */
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

  /** Resolves once that holds of what has come back, or the connection is closed. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.isClosed) {
      await Promise.race([
        new Promise<void>((resolve) => this.socket.once('data', () => resolve())),
        this.closed,
      ]);
    }
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
