/** nats-server and its text protocol over its own websocket listener. At most once: it has no acks without JetStream. */
import type { Tally } from '../load/tally.ts';
import { type LoadSocket, LoadSockets } from '../load/web-socket.ts';
import { freePorts } from '../support/free-ports.ts';
import { missingProgram, startNative, versionOf } from './native-server.ts';
import type { Ability, Peer, RunningSystem, System } from './system.ts';

const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}\r\nPING\r\n';
const PING = Buffer.from('PING\r\n');
const PONG = Buffer.from('PONG\r\n');
const ERROR = Buffer.from('-ERR');

export class Nats implements System {
  readonly name = 'nats';
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns']);

  missing(): string | undefined {
    return missingProgram('nats-server', 'nats-server');
  }

  version(): string | undefined {
    return versionOf('nats-server', '-v');
  }

  async start(): Promise<RunningSystem> {
    const [port, plain] = (await freePorts(2)) as [number, number];
    // Pings are few, and one that is overlooked between two messages does no harm.
    const config = `host: "127.0.0.1", port: ${plain}
websocket { host: "127.0.0.1", port: ${port}, no_tls: true }
ping_interval: "10m", ping_max: 100, max_connections: 100000
`;
    const server = await startNative('nats-server', port, config, (file) => ['-c', file]);
    const sockets = new LoadSockets();
    return {
      pid: server.pid,
      connect: async (tally) => {
        const peer = new NatsPeer(await sockets.open({ port, path: '/' }), tally);
        await peer.answered(CONNECT);
        return peer;
      },
      stop: () => {
        sockets.closeAll();
        return server.stop();
      },
    };
  }
}

class NatsPeer implements Peer {
  readonly room = Number.POSITIVE_INFINITY;
  private subscriptions = 0;
  private onPong: (() => void) | undefined;

  constructor(
    private readonly socket: LoadSocket,
    tally: Tally,
  ) {
    socket.onFrame = (bytes, start, end) => {
      if (tally.tookMarked(bytes, start, end) === 0) this.readOther(bytes, start, end);
      else if (isAt(PING, bytes, end - PING.length)) socket.sendBinary(PONG);
    };
  }

  get reads(): number {
    return this.socket.reads;
  }

  /** Sends commands that end with PING; the answer to that says that all before it are done. */
  answered(commands: string): Promise<void> {
    const answer = new Promise<void>((resolve) => {
      this.onPong = resolve;
    });
    this.socket.sendBinary(Buffer.from(commands, 'latin1'));
    return answer;
  }

  subscribe(patterns: readonly string[]): Promise<void> {
    const lines = patterns.map((pattern) => `SUB ${subjectOf(pattern)} ${++this.subscriptions}\r\n`);
    return this.answered(`${lines.join('')}PING\r\n`);
  }

  publish(key: string, message: string): void {
    this.socket.sendBinary(Buffer.from(`PUB ${key} ${message.length}\r\n${message}\r\n`, 'latin1'));
  }

  close(): void {
    this.socket.destroy();
  }

  private readOther(bytes: Buffer, start: number, end: number): void {
    const at = (text: Buffer): boolean => bytes.subarray(start, end).includes(text);
    if (at(ERROR)) throw new Error(`nats-server: ${bytes.toString('latin1', start, end)}`);
    if (at(PING)) this.socket.sendBinary(PONG);
    if (at(PONG)) this.onPong?.();
  }
}

/** `*` means the same; `#`, which stands last, is `>`. */
export const subjectOf = (pattern: string): string => pattern.replace(/#$/, '>');

const isAt = (text: Buffer, bytes: Buffer, at: number): boolean =>
  at >= 0 && bytes.compare(text, 0, text.length, at, at + text.length) === 0;
