/**
 * WebSockets by uWebSockets.js, on an app that also carries HTTP.
 *
 * A socket of uWS throws when it is touched after its end, which comes within `end` and `close` themselves: this
 * file alone touches it, and only while it is open. Nothing is dropped silently: uWS has no limit of its own on what
 * is buffered (the hub has one), and a send that it refuses all the same breaks the connection, so that the
 * session sends again. uWS breaks a connection over a message above its limit without a close code; ours is
 * below that one, so most peers are told, and for the others `closed` says why.
 */

import type { HttpRequest, HttpResponse, TemplatedApp, WebSocket } from 'uWebSockets.js';
import { ERRORS, WEBSOCKET_PATH } from '@ringhub/protocol';
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
  offeredIn,
  REFUSAL_HEADERS,
  type Refusal,
  refusalOf,
  subprotocolOf,
} from './handshake.ts';

export interface UwsTransportOptions {
  readonly app: TemplatedApp;
  readonly objection: Objection;
  /** What a handshake's head may have; 64 fields of 16 KiB by default. Builds of uWS have limits of their own besides. */
  readonly head?: { readonly maxHeaders: number; readonly maxHeaderBytes: number };
  /** By default nothing is believed of what proxies tell. */
  readonly readCaller?: ReadCaller;
  /** Whether the app speaks TLS. */
  readonly isSecure?: boolean;
  /**
   * How long the peers of this hub may be silent. uWS ends a connection some time after that: it is what frees
   * those that never answer a close.
   */
  readonly maxSilenceMs: number;
}

/** uWS takes messages this much larger than ours may be, to answer them with a close code. */
const PAYLOAD_HEADROOM = 2;
const MIN_IDLE_S = 8;
const MAX_IDLE_S = 960;
const IDLE_MARGIN_S = 15;
/** How long `close` lets peers read what their sockets held at their end, and answer where nothing was held. */
const FAREWELL_MS = 1_000;
const ANSWER_MS = 100;
const SEND_HELD = 0;
const SEND_DROPPED = 2;
const TOO_BIG = /too big message/;

interface UserData {
  readonly address: string;
  readonly subprotocol: string;
  socket?: UwsSocket;
}

export class UwsTransport implements Transport {
  readonly name = 'uws';
  readonly #options: UwsTransportOptions;
  readonly #sockets = new Set<UwsSocket>();
  #accepting = false;
  /** Until when peers may still be reading their close. */
  #farewellMs = 0;

  constructor(options: UwsTransportOptions) {
    this.#options = options;
  }

  start(accept: (socket: Socket) => SocketHandler, limits: TransportLimits): void {
    const { app, maxSilenceMs } = this.#options;
    const idleTimeout = Math.ceil(maxSilenceMs / 1000) + IDLE_MARGIN_S;
    const gone = (socket: UwsSocket, heldBytes: number): void => {
      this.#sockets.delete(socket);
      this.#farewellMs = Math.max(this.#farewellMs, Date.now() + (heldBytes > 0 ? FAREWELL_MS : ANSWER_MS));
    };
    app.ws<UserData>(WEBSOCKET_PATH, {
      maxPayloadLength: PAYLOAD_HEADROOM * limits.maxFrameBytes,
      maxBackpressure: 0,
      idleTimeout: Math.min(MAX_IDLE_S, Math.max(MIN_IDLE_S, idleTimeout)),
      sendPingsAutomatically: false,
      compression: 0,
      upgrade: (response, request, context) => {
        const head = headersOf(request);
        const handshake = this.#handshake(response, request, head);
        const refusal = this.#refusal(handshake, limits);
        if (refusal) return refuse(response, refusal);
        const subprotocol = subprotocolOf(offeredIn(head.headers.get('sec-websocket-protocol'))) as string;
        const userData: UserData = { address: handshake.caller.address, subprotocol };
        const key = head.headers.get('sec-websocket-key') as string;
        response.upgrade(userData, key, subprotocol, '', context);
      },
      open: (ws) => {
        const userData = ws.getUserData();
        const socket = new UwsSocket(ws, userData, limits.maxFrameBytes, gone);
        userData.socket = socket;
        this.#sockets.add(socket);
        socket.open(accept(socket));
      },
      message: (ws, message, isBinary) => ws.getUserData().socket?.receive(message, isBinary),
      drain: (ws) => ws.getUserData().socket?.written(),
      close: (ws, _, reason) => ws.getUserData().socket?.ended(Buffer.from(reason).toString()),
    });
    // Handshakes on other paths; what asks for no upgrade is another's affair.
    app.get('/*', (response, request) => {
      const head = request.getHeader('upgrade') === '' ? NO_HEADERS : headersOf(request);
      const isHandshake = isUpgrade(head.headers);
      const refusal = isHandshake && this.#refusal(this.#handshake(response, request, head), limits);
      if (refusal) refuse(response, refusal);
      else request.setYield(true);
    });
    this.#accepting = true;
  }

  stopAccepting(): void {
    this.#accepting = false;
  }

  async close(): Promise<void> {
    this.stopAccepting();
    const farewellMs = this.#farewellMs - Date.now();
    for (const socket of this.#sockets) socket.terminate();
    // uWS does not tell when a peer has answered a close.
    if (farewellMs > 0) await new Promise((resolve) => setTimeout(resolve, farewellMs));
  }

  #handshake(response: HttpResponse, request: HttpRequest, { headers, count, bytes }: Headers): Handshake {
    const { readCaller = directCaller, isSecure = false } = this.#options;
    const header = (name: string) =>
      name === 'upgrade' && !isUpgrade(headers) ? undefined : headers.get(name);
    const address = Buffer.from(response.getRemoteAddressAsText()).toString();
    const caller = readCaller({ address, isSecure }, header);
    const size = { headers: count, headerBytes: bytes };
    return { path: request.getUrl(), query: request.getQuery() ?? '', ...size, caller, header };
  }

  #refusal(handshake: Handshake, limits: TransportLimits): Refusal | undefined {
    const { head = DEFAULT_HEAD, objection } = this.#options;
    const isFull = this.#sockets.size >= limits.maxConnections;
    return refusalOf(handshake, objection, { isAccepting: this.#accepting, isFull, ...head });
  }
}

/** Fields of a head by name, how many there are, and what they take. */
interface Headers {
  readonly headers: ReadonlyMap<string, string>;
  readonly count: number;
  readonly bytes: number;
}

const NO_HEADERS: Headers = { headers: new Map(), count: 0, bytes: 0 };

function headersOf(request: HttpRequest): Headers {
  const headers = new Map<string, string>();
  let count = 0;
  let bytes = 0;
  request.forEach((name, value) => {
    count++;
    bytes += headBytes([name, value]);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return { headers, count, bytes };
}

const isUpgrade = (headers: ReadonlyMap<string, string>): boolean =>
  headers.has('upgrade') && /(^|[ ,])upgrade($|[ ,])/i.test(headers.get('connection') ?? '');

function refuse(response: HttpResponse, { status, text, header }: Refusal): void {
  response.cork(() => {
    response.writeStatus(status);
    for (const field of REFUSAL_HEADERS) response.writeHeader(...field);
    if (header) response.writeHeader(...header);
    response.end(`${text}\n`, true);
  });
}

class UwsSocket implements Socket {
  readonly address: string;
  readonly subprotocol: string;
  readonly #ws: WebSocket<UserData>;
  readonly #maxFrameBytes: number;
  readonly #gone: (socket: UwsSocket, heldBytes: number) => void;
  #handler: SocketHandler | undefined;
  /** From then on `#ws` must not be touched. */
  #isOver = false;
  #heldBytes = 0;
  /** Not all that was sent has been handed to the system: only then is it worth asking how much, with each delivery. */
  #isHolding = false;
  #aboveMark = false;

  constructor(
    ws: WebSocket<UserData>,
    { address, subprotocol }: UserData,
    maxFrameBytes: number,
    gone: (socket: UwsSocket, heldBytes: number) => void,
  ) {
    this.#ws = ws;
    this.address = address;
    this.subprotocol = subprotocol;
    this.#maxFrameBytes = maxFrameBytes;
    this.#gone = gone;
  }

  open(handler: SocketHandler): void {
    this.#handler = handler;
  }

  get bufferedBytes(): number {
    return this.#isHolding && !this.#isOver ? this.#ws.getBufferedAmount() : 0;
  }

  send(message: Message): void {
    if (this.#isOver) return;
    const status = this.#ws.send(message, typeof message !== 'string');
    if (status === SEND_DROPPED) this.terminate();
    else if (status === SEND_HELD) {
      this.#isHolding = true;
      if (this.bufferedBytes >= DRAINED_BELOW_BYTES) this.#aboveMark = true;
    }
  }

  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#heldBytes = this.bufferedBytes;
    this.#ws.end(code, reason);
  }

  terminate(): void {
    if (!this.#isOver) this.#ws.close();
  }

  // ── what uWS tells ──

  receive(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#isOver) return;
    if (message.byteLength > this.#maxFrameBytes) {
      this.close(ERRORS['frame-too-large'].code, ERRORS['frame-too-large'].text);
    } else {
      this.#handler?.message(isBinary ? new Uint8Array(message) : Buffer.from(message).toString());
    }
  }

  written(): void {
    this.#isHolding = this.#ws.getBufferedAmount() > 0;
    if (!this.#aboveMark || this.bufferedBytes >= DRAINED_BELOW_BYTES) return;
    this.#aboveMark = false;
    this.#handler?.drained();
  }

  /** Comes within `end` and `close`, and so perhaps before there is a handler: it is told afterwards. */
  ended(reason: string): void {
    this.#isOver = true;
    this.#gone(this, this.#heldBytes);
    queueMicrotask(() => this.#handler?.closed(TOO_BIG.test(reason) ? 'frame-too-large' : undefined));
  }
}
