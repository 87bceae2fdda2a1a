/**
 * A TCP proxy on loopback between a browser and a hub: the network a test can break.
 *
 * `cut` resets every connection. `goDark` is the network that goes without a word: of the connections there are, and
 * of those made meanwhile, nothing is carried and nothing is closed. `lightUp` carries new ones again.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Wire {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isDark = false;

  private constructor(private readonly targetPort: number) {
    this.server = createServer((client) => this.carry(client));
  }

  static async to(targetPort: number): Promise<Wire> {
    const wire = new Wire(targetPort);
    await once(wire.server.listen(0, '127.0.0.1'), 'listening');
    return wire;
  }

  /** Where the hub is, seen through this wire. */
  get httpUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  goDark(): void {
    this.isDark = true;
    for (const socket of this.sockets) {
      socket.removeAllListeners('data').removeAllListeners('close').resume();
    }
  }

  lightUp(): void {
    this.isDark = false;
  }

  async close(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private carry(client: Socket): void {
    this.keep(client);
    if (this.isDark) {
      client.resume();
      return;
    }
    const hub = connect(this.targetPort, '127.0.0.1');
    this.keep(hub);
    join(client, hub);
    join(hub, client);
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
  }
}

function join(from: Socket, to: Socket): void {
  from.on('data', (data) => to.write(data));
  from.on('close', () => to.destroy());
}
