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
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { directCaller, headBytes, type ReadCaller } from '../ports/caller.ts';
import {
  DRAINED_BELOW_BYTES,
  type Message,
  type Socket,
  type SocketHandler,
  type Transport,
  type TransportLimits,
} from '../ports/transport.ts';
import {
  DEFAULT_HEAD,
  type Handshake,
  type Objection,
  REFUSAL_HEADERS,
  type Refusal,
  refusalOf,
  subprotocolOf,
} from './handshake.ts';
import { joinChunks } from './joined-chunks.ts';

export interface WsTransportOptions {
  readonly server: Server | TlsServer;
  readonly objection: Objection;
  /** What a handshake's head may have; 64 fields of 16 KiB by default. */
  readonly head?: { readonly maxHeaders: number; readonly maxHeaderBytes: number };
  /** By default nothing is believed of what proxies tell. */
  readonly readCaller?: ReadCaller;
  /** How long a peer may take to answer a close, in ms. */
  readonly closeGraceMs?: number;
}

const DEFAULT_CLOSE_GRACE_MS = 3_000;
/** How long `close` waits for closing handshakes that are under way. */
const FAREWELL_MS = 1_000;
const MAX_FRAGMENTS = 64;
/** More than are kept apart (joined-chunks.ts). */
const MAX_BUFFERED_CHUNKS = 2_048;

export class WsTransport implements Transport {
  readonly name = 'ws';
  readonly #options: WsTransportOptions;
  readonly #sockets = new Set<WsSocket>();
  #accepting = false;
  #stop: (() => void) | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(options: WsTransportOptions) {
    this.#options = options;
  }

  start(accept: (socket: Socket) => SocketHandler, limits: TransportLimits): void {
    const {
      server,
      closeGraceMs = DEFAULT_CLOSE_GRACE_MS,
      head: { maxHeaders, maxHeaderBytes } = DEFAULT_HEAD,
    } = this.#options;
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
      const room = { isAccepting: this.#accepting, isFull, maxHeaders, maxHeaderBytes };
      const refusal = refusalOf(handshake, this.#options.objection, room);
      if (refusal) return refuse(stream, refusal);
      const { address } = handshake.caller;
      handshakes.handleUpgrade(request, stream, head, (ws) => this.#open(ws, address, accept));
    };
    server.on('upgrade', onUpgrade);
    this.#accepting = true;
    this.#stop = () => server.off('upgrade', onUpgrade);
  }

  /** Not where the handshake is: what a connection's listeners can see stays in memory as long as it does. */
  #open(ws: HubWebSocket, address: string, accept: (socket: Socket) => SocketHandler): void {
    joinChunks(ws);
    const socket = new WsSocket(ws, address, this.#gone);
    this.#sockets.add(socket);
    socket.open(accept(socket));
  }

  readonly #gone = (socket: WsSocket): void => {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  };

  stopAccepting(): void {
    this.#accepting = false;
  }

  async close(): Promise<void> {
    this.stopAccepting();
    for (const socket of this.#sockets) if (!socket.isEnding) socket.terminate();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.terminate();
    }, FAREWELL_MS);
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    clearTimeout(timer);
    this.#stop?.();
  }

  #handshake({ headers, rawHeaders, url = '', socket }: IncomingMessage): Handshake {
    const { readCaller = directCaller } = this.#options;
    const header = (name: string) => headers[name]?.toString();
    const isSecure = (socket as Partial<TLSSocket>).encrypted === true;
    const caller = readCaller({ address: socket.remoteAddress ?? '', isSecure }, header);
    const [path = '', query = ''] = url.split('?', 2);
    const size = { headers: rawHeaders.length / 2, headerBytes: headBytes(rawHeaders) };
    return { path, query, ...size, caller, header };
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
  /** Whose it is: so that one set of listeners does for all connections. */
  owner: WsSocket | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    if (reason === undefined && (code === 1008 || code === 1009)) {
      const { code: ours, text } = ERRORS['frame-too-large'];
      super.close(ours, text);
    } else {
      super.close(code, reason);
    }
  }
}

/** What `ws` tells its listeners as `this`. */
const ownerOf = (ws: WebSocket): WsSocket | undefined => (ws as HubWebSocket).owner;

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  ownerOf(this)?.received(isBinary ? (data as Buffer) : data.toString());
}

/** `ws` closes the connection after any error by itself, and says so with `close`. */
function onError(this: WebSocket): void {
  ownerOf(this)?.failed();
}

function onClose(this: WebSocket): void {
  ownerOf(this)?.ended();
}

class WsSocket implements Socket {
  readonly address: string;
  readonly #ws: HubWebSocket;
  readonly #gone: (socket: WsSocket) => void;
  #handler: SocketHandler | undefined;
  /** Nothing but `closed` is told any more. */
  #ending = false;
  #aboveMark = false;
  /** Made for the first message: many connections never get one. */
  #onWritten: (() => void) | undefined;

  constructor(ws: HubWebSocket, address: string, gone: (socket: WsSocket) => void) {
    this.#ws = ws;
    this.address = address;
    this.#gone = gone;
    ws.owner = this;
    ws.on('error', onError);
    ws.on('close', onClose);
  }

  /** Called once, before the loop turns: `ws` has read nothing yet. */
  open(handler: SocketHandler): void {
    this.#handler = handler;
    this.#ws.on('message', onMessage);
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
    this.#onWritten ??= () => this.#written();
    // `ws` holds on to bytes until the operating system has taken them.
    this.#ws.send(typeof message === 'string' ? message : Buffer.from(message), this.#onWritten);
    if (this.#ws.bufferedAmount >= DRAINED_BELOW_BYTES) this.#aboveMark = true;
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  close(code: number, reason: string): void {
    this.#ending = true;
    // Else the answer to the close would not be read.
    this.#ws.resume();
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ending = true;
    this.#ws.terminate();
  }

  // ── what `ws` tells ──

  received(message: Message): void {
    if (!this.#ending) this.#handler?.message(message);
  }

  failed(): void {
    this.#ending = true;
  }

  ended(): void {
    this.#ending = true;
    this.#gone(this);
    this.#handler?.closed();
  }

  #written(): void {
    if (!this.#aboveMark || this.#ending || this.#ws.bufferedAmount >= DRAINED_BELOW_BYTES) return;
    this.#aboveMark = false;
    this.#handler?.drained();
  }
}
