/** The two raw limits: what a server of uWebSockets.js, or of ws, reaches that promises nothing. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Tally } from '../load/tally.ts';
import { type LoadSocket, LoadSockets } from '../load/web-socket.ts';
import { packageVersion } from '../support/program-version.ts';
import { ACK, batchOf, publishOf, subscribeTo } from './limit-protocol.ts';
import { startServer } from './server-process.ts';
import type { Ability, Peer, RunningSystem, System } from './system.ts';

const OK = 0x6f;
/** As Ringhub's for a server. */
const WINDOW = 4_096;

export class Limit implements System {
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks', 'confirms']);

  constructor(
    readonly name: string,
    private readonly packageName: string,
    private readonly file: string,
  ) {}

  missing(): string | undefined {
    try {
      createRequire(resolve('server/package.json'))(this.packageName);
      return undefined;
    } catch {
      return `${this.packageName} is not installed, or does not load here`;
    }
  }

  version(): string | undefined {
    return packageVersion(this.packageName, 'server/package.json');
  }

  async start(ability: Ability): Promise<RunningSystem> {
    const server = await startServer(this.file, ability === 'patterns' ? ['patterns'] : []);
    const sockets = new LoadSockets();
    return {
      pid: server.pid,
      connect: async (tally, acks) =>
        new LimitPeer(await sockets.open({ port: server.port, path: '/' }), tally, acks),
      ingress: async (onConfirmed) => {
        const socket = await sockets.open({ port: server.port, path: '/' });
        socket.onFrame = (bytes, start) => onConfirmed(bytes.readUInt32BE(start + 1));
        return {
          window: WINDOW,
          publish: (_key, message, count) => socket.sendBinary(batchOf(message, count)),
          close: () => socket.destroy(),
        };
      },
      stop: () => {
        sockets.closeAll();
        return server.stop();
      },
    };
  }
}

class LimitPeer implements Peer {
  readonly room = Number.POSITIVE_INFINITY;
  private answers = 0;
  private onAnswered = (): void => {};

  constructor(
    private readonly socket: LoadSocket,
    tally: Tally,
    acks: boolean,
  ) {
    socket.onFrame = (bytes, start, end) => {
      if (bytes[start] === OK) {
        if (--this.answers === 0) this.onAnswered();
        return;
      }
      tally.took(1, bytes, start, end);
      if (acks) socket.sendBinary(ACK);
    };
  }

  get reads(): number {
    return this.socket.reads;
  }

  subscribe(patterns: readonly string[]): Promise<void> {
    this.answers += patterns.length;
    for (const pattern of patterns) this.socket.sendBinary(subscribeTo(pattern));
    return new Promise((resolve) => {
      this.onAnswered = resolve;
    });
  }

  publish(key: string, message: string): void {
    this.socket.sendBinary(publishOf(key, message));
  }

  close(): void {
    this.socket.destroy();
  }
}
