/**
 * socket.io over websocket only, its frames written by hand: a digit of Engine.IO (0 open, 2 ping, 3 pong, 4 message), a
 * digit of Socket.IO (0 connect, 2 event, 3 ack), an ack's number, JSON.
 */
import type { Tally } from '../load/tally.ts';
import { type LoadSocket, LoadSockets } from '../load/web-socket.ts';
import { packageVersion } from '../support/program-version.ts';
import { startServer } from './server-process.ts';
import type { Ability, Peer, RunningSystem, System } from './system.ts';

const ENGINE = { ping: 0x32, message: 0x34 } as const;
const KIND = { connect: 0x30, event: 0x32, ack: 0x33, connectError: 0x34 } as const;
const CONNECT = Buffer.from('40');
const PONG = Buffer.from('3');
const BRACKET = 0x5b;

export class SocketIo implements System {
  readonly name = 'socketio';
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks']);

  missing(): string | undefined {
    return this.version() === undefined ? 'socket.io is not installed: npm ci' : undefined;
  }

  version(): string | undefined {
    return packageVersion('socket.io', 'package.json');
  }

  async start(ability: Ability): Promise<RunningSystem> {
    const server = await startServer('bench/systems/socketio-server.ts', [ability]);
    const sockets = new LoadSockets();
    return {
      pid: server.pid,
      connect: async (tally) => {
        const path = '/socket.io/?EIO=4&transport=websocket';
        const peer = new SocketIoPeer(await sockets.open({ port: server.port, path }), tally);
        await peer.connected;
        return peer;
      },
      stop: () => {
        sockets.closeAll();
        return server.stop();
      },
    };
  }
}

class SocketIoPeer implements Peer {
  readonly room = Number.POSITIVE_INFINITY;
  readonly connected: Promise<void>;
  private onConnected = (): void => {};
  private onSubscribed = (): void => {};

  constructor(
    private readonly socket: LoadSocket,
    private readonly tally: Tally,
  ) {
    this.connected = new Promise((resolve) => {
      this.onConnected = resolve;
    });
    socket.onFrame = (bytes, start, end) => this.read(bytes, start, end);
    // The server's `0` may have come together with its handshake, unseen: it need not be waited for.
    socket.sendText(CONNECT);
  }

  get reads(): number {
    return this.socket.reads;
  }

  subscribe(patterns: readonly string[]): Promise<void> {
    const subscribed = new Promise<void>((resolve) => {
      this.onSubscribed = resolve;
    });
    this.socket.sendText(Buffer.from(`420${JSON.stringify(['subscribe', patterns])}`));
    return subscribed;
  }

  publish(key: string, message: string): void {
    this.socket.sendText(Buffer.from(`42["publish","${key}","${message}"]`, 'latin1'));
  }

  close(): void {
    this.socket.destroy();
  }

  private read(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case ENGINE.ping:
        this.socket.sendText(PONG);
        return;
      case ENGINE.message:
        this.readMessage(bytes, start + 1, end);
    }
  }

  private readMessage(bytes: Buffer, at: number, end: number): void {
    switch (bytes[at]) {
      case KIND.event:
        this.tally.took(1, bytes, at, end);
        if (bytes[at + 1] !== BRACKET) this.socket.sendText(ackOf(bytes, at + 1));
        return;
      case KIND.ack:
        this.onSubscribed();
        return;
      case KIND.connect:
        this.onConnected();
        return;
      case KIND.connectError:
        throw new Error(`socket.io refuses: ${bytes.toString('utf8', at, end)}`);
    }
  }
}

/** `43`, the number that stands before the event's bracket, `[]`. */
function ackOf(bytes: Buffer, from: number): Buffer {
  const to = bytes.indexOf(BRACKET, from);
  return Buffer.from(`43${bytes.toString('latin1', from, to)}[]`, 'latin1');
}
