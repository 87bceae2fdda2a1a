/**
 * A TCP proxy on loopback between clients and a hub that does to connections what networks do: delays, dribbles, limits, loses and
 * cuts them, also within a frame. What it does follows from its plan's seed (`connection-fate.ts`), never from chance.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, Socket } from 'node:net';
import {
  type Direction,
  type Ending,
  type Fate,
  type FaultPlan,
  fateOf,
  jitterOf,
  NO_FAULTS,
} from './connection-fate.ts';
import { ProxyLane } from './proxy-lane.ts';

interface Connection {
  readonly fate: Fate;
  readonly sockets: readonly [client: Socket, hub: Socket];
  readonly lanes: Readonly<Record<Direction, ProxyLane>>;
  isCut: boolean;
  /** Nothing passes any more. */
  isOver: boolean;
}

/** How a connection was cut, or that it led nowhere from the start. */
export type Cut = Ending | 'black-hole';

export class FaultProxy {
  cuts = 0;
  readonly kinds = new Map<Cut, number>();
  /** While false, connections are left alone, and new ones get a line without faults. */
  isCutting = true;
  /** What is said in this direction, or in both, vanishes, and nobody notices. */
  loses: 'nothing' | 'everything' | Direction = 'nothing';

  private accepted = 0;
  private readonly connections = new Set<Connection>();
  private readonly blackHoles = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** Where new connections lead. */
    public targetPort: number,
    private readonly plan: FaultPlan,
  ) {}

  static async start(targetPort: number, plan: FaultPlan = NO_FAULTS): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new FaultProxy(server, targetPort, plan);
    server.on('connection', (client) => proxy.accept(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** All connections end now, at both ends; new ones are not concerned. */
  cutAll(ending: Ending = 'end'): void {
    for (const connection of [...this.connections]) this.cut(connection, ending);
    for (const socket of this.blackHoles) socket.destroy();
  }

  async close(): Promise<void> {
    for (const { sockets, lanes } of this.connections) {
      for (const lane of Object.values(lanes)) lane.stop();
      for (const socket of sockets) socket.destroy();
    }
    for (const socket of this.blackHoles) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    const number = ++this.accepted;
    const fate = fateOf(this.plan, number);
    client.on('error', () => {});
    if (fate.isBlackHole && this.isCutting) this.swallow(client);
    else this.carry(client, this.isCutting ? fate : { ...fate, line: {} }, number);
  }

  private swallow(client: Socket): void {
    this.count('black-hole');
    this.blackHoles.add(client);
    client.resume();
    client.on('close', () => this.blackHoles.delete(client));
  }

  private carry(client: Socket, fate: Fate, number: number): void {
    const hub = new Socket({ allowHalfOpen: true });
    hub.connect(this.targetPort, '127.0.0.1');
    const lane = (from: Socket, to: Socket, direction: Direction) =>
      new ProxyLane(from, to, fate.line, jitterOf(this.plan, number, direction));
    const lanes = { 'to-hub': lane(client, hub, 'to-hub'), 'to-client': lane(hub, client, 'to-client') };
    const connection: Connection = { fate, sockets: [client, hub], lanes, isCut: false, isOver: false };
    this.connections.add(connection);
    this.join(client, hub, connection, 'to-hub');
    this.join(hub, client, connection, 'to-client');
  }

  private join(from: Socket, to: Socket, connection: Connection, direction: Direction): void {
    const lane = connection.lanes[direction];
    const { livesBytes, livesMs, lastShare, ending, losing } = connection.fate;
    const diesMs = performance.now() + livesMs;
    let left = livesBytes[direction];
    let isBroken = false;
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      if (this.loses === direction || this.loses === 'everything' || connection.isOver) return;
      const isOld = performance.now() >= diesMs;
      if (!ending || !this.isCutting || connection.isCut || (bytes.length < left && !isOld)) {
        left -= bytes.length;
        lane.pass(bytes);
        return;
      }
      if (ending === 'half-open' && direction !== losing) {
        // The direction that lives on loses nothing: no network takes bytes out of the middle of a stream.
        lane.pass(bytes);
      } else {
        // The part before the cut still arrives: half a frame, as a network leaves it.
        const passing = bytes.length < left ? Math.floor(bytes.length * lastShare) : Math.max(0, left);
        lane.pass(bytes.subarray(0, passing));
      }
      this.cut(connection, ending);
    });
    from.on('error', () => {
      isBroken = true;
    });
    from.on('end', () => {
      lane.end(() => to.end());
      // Both have gone, and neither may be told by whom.
      if (lane.isSilent && to.readableEnded) for (const socket of connection.sockets) socket.destroy();
    });
    from.on('close', () => {
      if (isBroken) lane.end(() => reset(to));
      if (to.destroyed) this.connections.delete(connection);
    });
  }

  private cut(connection: Connection, ending: Ending): void {
    const { sockets, lanes, fate, isCut } = connection;
    const [client, hub] = sockets;
    if (!isCut) this.count(ending);
    connection.isCut = true;
    switch (ending) {
      case 'half-open':
        lanes[fate.losing].silence();
        return;
      case 'silent':
        for (const lane of Object.values(lanes)) lane.silence();
        return;
      case 'reset':
        connection.isOver = true;
        for (const lane of Object.values(lanes)) lane.stop();
        for (const socket of sockets) reset(socket);
        return;
      case 'end':
        connection.isOver = true;
        // What is silent has no end that would pass.
        if (isCut) for (const socket of sockets) socket.destroy();
        lanes['to-hub'].end(() => hub.destroySoon());
        lanes['to-client'].end(() => client.destroySoon());
        return;
      default:
        ending satisfies never;
    }
  }

  private count(kind: Cut): void {
    this.cuts++;
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }
}

/**
 * RST and nothing else. Node's `resetAndDestroy` ends the stream first, so that the peer may see a FIN instead; what it sets then for
 * `destroy` is set here.
 */
function reset(socket: Socket): void {
  (socket as { resetAndClosing?: boolean }).resetAndClosing = true;
  socket.destroy();
}
