/**
 * WebSockets by `ws`, on the upgrades of a node:http server.
 *
 * Owns the translation of what `ws` finds wrong into close codes of the protocol, and when a socket counts as
 * drained. Refuses anything over the limits. No fault of a peer is thrown outward.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ERRORS } from '@ringhub/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { directCaller, type ReadCaller } from '../ports/caller.ts';
import {
  DRAINED_BELOW_BYTES,
  type Message,
  type Socket,
  type SocketHandler,
  type Transport,
  type TransportLimits,
} from '../ports/transport.ts';
import {
  DEFAULT_MAX_HEADERS,
  type Handshake,
  type Objection,
  REFUSAL_HEADERS,
  type Refusal,
  refusalOf,
  subprotocolOf,
} from './handshake.ts';

export interface WsTransportOptions {
  readonly server: Server | TlsServer;
  readonly objection: Objection;
  /** Fields that a handshake's head may have; 64 by default. */
  readonly maxHeaders?: number;
  /** By default nothing is believed of what proxies tell. */
  readonly readCaller?: ReadCaller;
  /** How long a peer may take to answer a close, in ms. */
  readonly closeGraceMs?: number;
}

const DEFAULT_CLOSE_GRACE_MS = 3_000;
/** How long `close` waits for closing handshakes that are under way. */
const FAREWELL_MS = 1_000;
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 1_024;

export class WsTransport implements Transport {
  readonly name = 'ws';
  readonly #options: WsTransportOptions;
  readonly #sockets = new Set<WsSocket>();
  #accepting = false;
  #stop: (() => void) | undefined;

  constructor(options: WsTransportOptions) {
    this.#options = options;
  }

  start(accept: (socket: Socket) => SocketHandler, limits: TransportLimits): void {
    const { server, closeGraceMs = DEFAULT_CLOSE_GRACE_MS, maxHeaders = DEFAULT_MAX_HEADERS } = this.#options;
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.maxFrameBytes,
      maxFragments: limits.maxFragments ?? MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      handleProtocols: (offered: Set<string>) => subprotocolOf(offered) ?? false,
      WebSocket: HubWebSocket,
      // Since ws 8.19; its types do not know it yet.
      closeTimeout: closeGraceMs,
    };
    const handshakes = new WebSocketServer(options);
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      const handshake = this.#handshake(request);
      const isFull = this.#sockets.size >= limits.maxConnections;
      const room = { isAccepting: this.#accepting, isFull, maxHeaders };
      const refusal = refusalOf(handshake, this.#options.objection, room);
      if (refusal) return refuse(stream, refusal);
      handshakes.handleUpgrade(request, stream, head, (ws) => {
        const socket = new WsSocket(ws, handshake.caller.address);
        this.#sockets.add(socket);
        ws.once('close', () => this.#sockets.delete(socket));
        socket.open(accept(socket));
      });
    };
    server.on('upgrade', onUpgrade);
    this.#accepting = true;
    this.#stop = () => server.off('upgrade', onUpgrade);
  }

  stopAccepting(): void {
    this.#accepting = false;
  }

  async close(): Promise<void> {
    this.stopAccepting();
    const ended = Promise.all([...this.#sockets].map((socket) => socket.ended));
    for (const socket of this.#sockets) if (!socket.isEnding) socket.terminate();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.terminate();
    }, FAREWELL_MS);
    await ended;
    clearTimeout(timer);
    this.#stop?.();
  }

  #handshake({ headers, rawHeaders, url = '', socket }: IncomingMessage): Handshake {
    const { readCaller = directCaller } = this.#options;
    const header = (name: string) => headers[name]?.toString();
    const isSecure = (socket as Partial<TLSSocket>).encrypted === true;
    const caller = readCaller({ address: socket.remoteAddress ?? '', isSecure }, header);
    const [path = '', query = ''] = url.split('?', 2);
    return { path, query, headers: rawHeaders.length / 2, caller, header };
  }
}

function refuse(stream: Duplex, { status, text, header }: Refusal): void {
  const body = `${text}\n`;
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    ...REFUSAL_HEADERS.map((field) => field.join(': ')),
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(header ? [header.join(': ')] : []),
  ];
  stream.on('error', () => stream.destroy());
  stream.once('finish', () => stream.destroy());
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * `ws` closes by itself where it finds a message too large (1009) or in too many pieces (1008). To clients
 * these codes would mean "reconnect and resume", for ever; ours says stop. Echoes of a peer's close carry a reason.
 */
class HubWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    if (reason === undefined && (code === 1008 || code === 1009)) {
      const { code: ours, text } = ERRORS['frame-too-large'];
      super.close(ours, text);
    } else {
      super.close(code, reason);
    }
  }
}

class WsSocket implements Socket {
  readonly address: string;
  /** Resolves once the connection is gone and its handler knows. */
  readonly ended: Promise<void>;
  readonly #ws: WebSocket;
  #handler: SocketHandler | undefined;
  /** Nothing but `closed` is told any more. */
  #ending = false;
  #aboveMark = false;

  constructor(ws: WebSocket, address: string) {
    this.#ws = ws;
    this.address = address;
    // `ws` closes the connection after any error by itself, and says so with `close`.
    ws.on('error', () => {
      this.#ending = true;
    });
    this.ended = new Promise((resolve) => {
      ws.once('close', () => {
        this.#ending = true;
        resolve();
        this.#handler?.closed();
      });
    });
  }

  /** Called once, before the loop turns: `ws` has read nothing yet. */
  open(handler: SocketHandler): void {
    this.#handler = handler;
    this.#ws.on('message', (data: Buffer, isBinary: boolean) => {
      if (!this.#ending) handler.message(isBinary ? data : data.toString());
    });
  }

  get subprotocol(): string {
    return this.#ws.protocol;
  }

  get isEnding(): boolean {
    return this.#ending;
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  send(message: Message): void {
    if (this.#ending || this.#ws.readyState !== WebSocket.OPEN) return;
    // `ws` holds on to bytes until the operating system has taken them.
    this.#ws.send(typeof message === 'string' ? message : Buffer.from(message), this.#onWritten);
    if (this.#ws.bufferedAmount >= DRAINED_BELOW_BYTES) this.#aboveMark = true;
  }

  close(code: number, reason: string): void {
    this.#ending = true;
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ending = true;
    this.#ws.terminate();
  }

  readonly #onWritten = (): void => {
    if (!this.#aboveMark || this.#ending || this.#ws.bufferedAmount >= DRAINED_BELOW_BYTES) return;
    this.#aboveMark = false;
    this.#handler?.drained();
  };
}
