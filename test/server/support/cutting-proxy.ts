/**
 * A TCP proxy on loopback that cuts connections, by a seeded plan and by what flows: no timers, no sleeps.
 *
 * Each connection draws how many bytes it lives in each direction and how it ends then: `reset` (RST both
 * ways), `end` (FIN both ways) or `half-open` (silence: bytes vanish, sockets stay). A cut falls anywhere, also
 * within a frame.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, Socket } from 'node:net';

export type CutKind = 'reset' | 'end' | 'half-open';

export interface CutPlan {
  /** From 0 to 1, seeded. */
  readonly random: () => number;
  /** A connection lives at most so many bytes in one direction. */
  readonly maxBytes: number;
  /** Share of cuts that leave the connection half-open: each costs the client a heartbeat. */
  readonly halfOpenShare: number;
}

export class CuttingProxy {
  cuts = 0;
  readonly kinds = new Map<CutKind, number>();
  /** Once false, connections are left alone. */
  isCutting = true;
  /** What is said in this direction vanishes, and nobody notices. */
  loses: 'nothing' | 'to-hub' | 'to-client' = 'nothing';

  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** Where new connections lead. */
    public targetPort: number,
    private readonly plan: CutPlan,
  ) {}

  static async start(targetPort: number, plan: CutPlan): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, targetPort, plan);
    server.on('connection', (client) => proxy.carry(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections end now, at both ends. */
  cutAll(): void {
    for (const socket of this.open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private carry(client: Socket): void {
    const upstream = new Socket();
    upstream.connect(this.targetPort, '127.0.0.1');
    const connection = { isCut: false, isSilent: false };
    const cut = (): void => {
      if (connection.isCut) return;
      connection.isCut = true;
      const kind = this.drawKind();
      this.cuts++;
      this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
      if (kind === 'half-open') connection.isSilent = true;
      else if (kind === 'reset') for (const socket of [client, upstream]) socket.resetAndDestroy();
      else for (const socket of [client, upstream]) socket.destroySoon();
    };
    this.join(client, upstream, connection, 'to-hub', cut);
    this.join(upstream, client, connection, 'to-client', cut);
  }

  private join(
    from: Socket,
    to: Socket,
    connection: { isCut: boolean; isSilent: boolean },
    direction: 'to-hub' | 'to-client',
    cut: () => void,
  ): void {
    let left = Math.floor(this.plan.random() * this.plan.maxBytes);
    this.open.add(from);
    from.setNoDelay(true);
    from.on('data', (data) => {
      if (connection.isSilent || this.loses === direction) return;
      if (!this.isCutting || data.length < left) {
        left -= data.length;
        to.write(data);
        return;
      }
      // The part before the cut still arrives: half a frame, as a network leaves it.
      to.write(data.subarray(0, left));
      cut();
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.open.delete(from);
      if (!connection.isSilent) to.destroy();
    });
  }

  private drawKind(): CutKind {
    const draw = this.plan.random();
    if (draw < this.plan.halfOpenShare) return 'half-open';
    return draw < 0.5 + this.plan.halfOpenShare / 2 ? 'reset' : 'end';
  }
}
