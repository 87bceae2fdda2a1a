/**
 * The network between clients and the hub process of the moment: the memory transport, with every step delayed by the
 * world, and a tap on both ends of each connection.
 *
 *     SDK ── TappedSocket ── ClientEnd ═══ memory transport ═══ Socket ── tap ── gateway
 */
import {
  type ClientFrame,
  decodeServerMessage,
  decodeServerMessageBinary,
  type ServerFrame,
} from '@ringhub/protocol';
import type { Message, Socket, SocketHandler } from '../../server/src/ports/transport.ts';
import {
  type ClientEnd,
  type End,
  MemoryTransport,
  type StepKind,
} from '../../server/src/transports/memory.ts';
import type { Random } from './random.ts';
import type { Token } from './tokens.ts';
import type { World } from './world.ts';

/** One connection attempt of one client, and what is known of it on both ends. */
export class Wire {
  end!: ClientEnd;
  /** The hub process that accepted it. */
  process = 0;
  session: string | undefined;
  /** What the hub read as hello. */
  hello: Extract<ClientFrame, { type: 'hello' }> | undefined;
  /** The token of those shown over it that is good longest. */
  token: Token | undefined;
  isOver = false;

  constructor(
    readonly id: number,
    readonly client: string,
  ) {}
}

/** What clients and hub say, as it passes the ends of the network. */
export interface WireTap {
  clientSent(wire: Wire, message: Message): void;
  clientReceived(wire: Wire, frames: readonly ServerFrame[]): void;
  hubReceived(wire: Wire, message: Message): void;
  hubSent(wire: Wire, frames: readonly ServerFrame[]): void;
  hubClosed(wire: Wire, code: number): void;
}

export class Network {
  tap!: WireTap;
  readonly wires = new Set<Wire>();
  /** Clients that reach nobody now: refused at once, or never answered. */
  readonly blocked = new Map<string, 'refused' | 'silent'>();
  latencyMs = 0;
  jitterMs = 0;

  readonly #random: Random;
  readonly #nowhere: MemoryTransport;
  #transport: MemoryTransport;
  #connecting: Wire | undefined;
  #accepting: Wire | undefined;
  #count = 0;
  #isSilent = false;
  readonly #decoded = new Map<string, readonly ServerFrame[]>();

  constructor(private readonly world: World) {
    this.#random = world.random.fork('network');
    this.#nowhere = new MemoryTransport((kind, step) => {
      if (kind !== 'connect' || !this.#isSilent) this.#later(kind, step);
    });
    this.#transport = this.#nowhere;
  }

  /** A hub process begins to listen. */
  listen(
    process: number,
    accept: (socket: Socket) => SocketHandler,
    limits: { maxFrameBytes: number; maxConnections: number },
  ): MemoryTransport {
    const transport = new MemoryTransport((kind, step) => {
      const wire = this.#connecting;
      this.#later(kind, () => {
        this.#accepting = wire;
        step();
        this.#accepting = undefined;
      });
    });
    transport.start((socket) => this.#accepted(process, socket, accept), limits);
    this.#transport = transport;
    return transport;
  }

  /** A new connection of a client, as a WebSocket would begin it. */
  connect(client: string, subprotocol: string): TappedSocket {
    const wire = new Wire(++this.#count, client);
    const blocked = this.blocked.get(client);
    this.#isSilent = blocked === 'silent';
    this.#connecting = wire;
    wire.end = (blocked ? this.#nowhere : this.#transport).connect(subprotocol);
    this.#connecting = undefined;
    this.wires.add(wire);
    this.world.note(`wire ${wire.id} of ${client}${blocked ? ` ${blocked}` : ''}`);
    return new TappedSocket(wire, this);
  }

  ended(wire: Wire): void {
    wire.isOver = true;
    this.wires.delete(wire);
  }

  /** The connections of a client, the newest last. */
  of(client: string): Wire[] {
    return [...this.wires].filter((w) => w.client === client);
  }

  halfOpen(wire: Wire, end: End): void {
    wire.end.link.halfOpen(end);
  }

  decode(message: Message | ArrayBuffer): readonly ServerFrame[] {
    if (typeof message !== 'string') return decodeServerMessageBinary(new Uint8Array(message)) ?? [];
    let frames = this.#decoded.get(message);
    if (!frames) {
      frames = decodeServerMessage(message) ?? [];
      if (this.#decoded.size > 64) this.#decoded.clear();
      this.#decoded.set(message, frames);
    }
    return frames;
  }

  #accepted(process: number, socket: Socket, accept: (socket: Socket) => SocketHandler): SocketHandler {
    const wire = this.#accepting!;
    wire.process = process;
    const { tap } = this;
    const tapped = new TappedHubSocket(socket, {
      sent: (message) => tap.hubSent(wire, this.decode(message)),
      closed: (code) => tap.hubClosed(wire, code),
    });
    const handler = accept(tapped);
    return {
      message: (message) => {
        this.tap.hubReceived(wire, message);
        handler.message(message);
      },
      drained: () => handler.drained(),
      closed: () => handler.closed(),
    };
  }

  #later(kind: StepKind, step: () => void): void {
    const base = kind === 'close-grace' ? 2_000 : kind === 'broken' ? 0 : this.latencyMs;
    this.world.after(base + this.#random.int(0, this.jitterMs), kind, step);
  }
}

/** The hub's end of a connection, listened to. */
class TappedHubSocket implements Socket {
  constructor(
    private readonly socket: Socket,
    private readonly heard: { sent(message: Message): void; closed(code: number): void },
  ) {}

  get address(): string {
    return this.socket.address;
  }

  get subprotocol(): string {
    return this.socket.subprotocol;
  }

  get bufferedBytes(): number {
    return this.socket.bufferedBytes;
  }

  send(message: Message): void {
    this.heard.sent(message);
    this.socket.send(message);
  }

  close(code: number, reason: string): void {
    this.heard.closed(code);
    this.socket.close(code, reason);
  }

  terminate(): void {
    this.socket.terminate();
  }
}

/** The client's end of a connection, listened to; what the SDK takes for a WebSocket. */
export class TappedSocket {
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  /** The memory transport gives bytes as the SDK wants them. */
  binaryType = '';

  constructor(
    readonly wire: Wire,
    private readonly network: Network,
  ) {
    const { end } = wire;
    end.onopen = (event) => this.onopen?.(event as never);
    end.onerror = (event) => this.onerror?.(event as never);
    end.onmessage = ({ data }) => {
      network.tap.clientReceived(wire, network.decode(data));
      this.onmessage?.({ data } as never);
    };
    end.onclose = (event) => {
      network.ended(wire);
      this.onclose?.(event as never);
    };
  }

  get readyState(): number {
    return this.wire.end.readyState;
  }

  send(message: Message): void {
    this.network.tap.clientSent(this.wire, message);
    this.wire.end.send(message);
  }

  close(code?: number, reason?: string): void {
    this.wire.end.close(code, reason);
  }
}
