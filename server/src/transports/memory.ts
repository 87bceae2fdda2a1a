/**
 * Connections inside one process, for the simulation and for tests: deterministic, and breakable on purpose.
 *
 *     ClientEnd ──send──► [ pipe to hub ] ──► SocketHandler
 *     on… ◄────────────── [ pipe to client ] ◄──send── Socket
 *
 * Nothing happens by itself: each event asks the injected scheduler for one step of its pipe. Whatever order the
 * steps run in, a pipe hands over first what was put in first. What a network can do to a connection is
 * done by its `link`: stall, go half-open, break.
 */
import { ERRORS, SUBPROTOCOL_JSON, utf8Length } from '@ringhub/protocol';
import {
  DRAINED_BELOW_BYTES,
  type Message,
  type Socket,
  type SocketHandler,
  type Transport,
  type TransportLimits,
} from '../ports/transport.ts';

/** What a step is for, so that a scheduler can give each kind its own delay. */
export type StepKind = 'connect' | 'to-hub' | 'to-client' | 'broken' | 'close-grace';

/** Runs `step` later: never before `schedule` has returned. */
export type Schedule = (kind: StepKind, step: () => void) => void;

/** Which end of a connection something happens to. */
export type End = 'client' | 'hub';

/** What a sender may have under way before it counts as buffered, as sockets of an operating system have. */
const SYSTEM_BUFFER_BYTES = 64 * 1024;
const ABNORMAL = 1006;
const NO_STATUS = 1005;

export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly #schedule: Schedule;
  readonly #connections = new Set<Connection>();
  #accept: ((socket: Socket) => SocketHandler) | undefined;
  #limits: TransportLimits = { maxFrameBytes: 0, maxConnections: 0 };
  #closing: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  start(accept: (socket: Socket) => SocketHandler, limits: TransportLimits): void {
    this.#accept = accept;
    this.#limits = limits;
  }

  stopAccepting(): void {
    this.#accept = undefined;
  }

  /** Resolves once the steps that this asks for have run. */
  close(): Promise<void> {
    this.stopAccepting();
    this.#closing ??= new Promise((resolve) => {
      if (this.#connections.size === 0) resolve();
      this.#whenEmpty = resolve;
      for (const { hub } of this.#connections) if (!hub.isEnding) hub.terminate();
    });
    return this.#closing;
  }

  /** Begins a connection; it opens, or fails, in a later step. */
  connect(subprotocol: string = SUBPROTOCOL_JSON, address = 'memory'): ClientEnd {
    const connection = new Connection(this.#schedule, subprotocol, address, (ended) => {
      this.#connections.delete(ended);
      if (this.#connections.size === 0) this.#whenEmpty?.();
    });
    this.#schedule('connect', () => {
      if (connection.client.readyState !== ClientEnd.CONNECTING) return;
      const isFull = this.#connections.size >= this.#limits.maxConnections;
      if (!this.#accept || isFull || connection.hub.isEnding) {
        connection.client.broken();
        return;
      }
      this.#connections.add(connection);
      connection.toClient.put({ kind: 'open' });
      connection.hub.open(this.#accept, this.#limits.maxFrameBytes);
    });
    return connection.client;
  }
}

type Parcel =
  | { readonly kind: 'open' }
  | { readonly kind: 'message'; readonly data: Message; readonly bytes: number }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** A message on its way; bytes are copied, as they are the sender's again at once. */
const parcelOf = (message: Message): Parcel =>
  typeof message === 'string'
    ? { kind: 'message', data: message, bytes: utf8Length(message) }
    : { kind: 'message', data: new Uint8Array(message), bytes: message.byteLength };

/** A message's bytes are a copy of their own, so their buffer holds nothing else. */
const dataOf = (message: Message): string | ArrayBuffer =>
  typeof message === 'string' ? message : (message.buffer as ArrayBuffer);

/** One direction of a connection: a queue that is emptied a step at a time. */
class Pipe {
  readonly #parcels: Parcel[] = [];
  readonly #step: () => void;
  readonly #deliver: (parcel: Parcel) => void;
  readonly #afterwards: () => void;
  #reader: 'reading' | 'stalled' | 'gone' = 'reading';
  #bytes = 0;
  #owedSteps = 0;
  #broken = false;

  constructor(
    step: (run: () => void) => void,
    deliver: (parcel: Parcel) => void,
    afterwards: () => void = () => {},
  ) {
    this.#step = () => step(this.#next);
    this.#deliver = deliver;
    this.#afterwards = afterwards;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#bytes - SYSTEM_BUFFER_BYTES);
  }

  get isReaderGone(): boolean {
    return this.#reader === 'gone';
  }

  put(parcel: Parcel): void {
    if (this.#broken) return;
    this.#parcels.push(parcel);
    if (parcel.kind === 'message') this.#bytes += parcel.bytes;
    this.#step();
  }

  stall(reader: 'stalled' | 'gone'): void {
    if (!this.isReaderGone) this.#reader = reader;
  }

  unstall(): void {
    if (this.isReaderGone) return;
    this.#reader = 'reading';
    for (; this.#owedSteps > 0; this.#owedSteps--) this.#step();
  }

  /** Nothing comes out any more; what is under way is lost. */
  break(): void {
    this.#broken = true;
    this.#parcels.length = 0;
    this.#bytes = 0;
  }

  readonly #next = (): void => {
    if (this.#broken) return;
    if (this.#reader !== 'reading') {
      this.#owedSteps += 1;
      return;
    }
    const parcel = this.#parcels.shift();
    if (!parcel) return;
    if (parcel.kind === 'message') this.#bytes -= parcel.bytes;
    this.#deliver(parcel);
    this.#afterwards();
  };
}

/** What a network does to one connection. */
export interface Link {
  /** One end stops reading: what is sent to it waits, and counts as buffered with its sender. */
  stall(end: End): void;
  unstall(end: End): void;
  /** One end is gone without a word: it gets nothing any more, not even the news of a broken connection. */
  halfOpen(end: End): void;
  /** The connection breaks for both ends: at once, or after what is under way now. */
  cut(underWay: 'lost' | 'delivered'): void;
}

class Connection implements Link {
  readonly client: ClientEnd;
  readonly hub: HubEnd;
  readonly toHub: Pipe;
  readonly toClient: Pipe;
  readonly #schedule: Schedule;

  constructor(
    schedule: Schedule,
    readonly subprotocol: string,
    address: string,
    ended: (connection: Connection) => void,
  ) {
    this.#schedule = schedule;
    this.toHub = new Pipe(
      (run) => schedule('to-hub', run),
      (parcel) => this.hub.receive(parcel),
    );
    this.toClient = new Pipe(
      (run) => schedule('to-client', run),
      (parcel) => this.client.receive(parcel),
      () => this.hub.written(),
    );
    this.client = new ClientEnd(this);
    this.hub = new HubEnd(this, address, () => ended(this));
  }

  stall(end: End): void {
    this.#pipeTo(end).stall('stalled');
  }

  unstall(end: End): void {
    this.#pipeTo(end).unstall();
  }

  halfOpen(end: End): void {
    this.#pipeTo(end).stall('gone');
  }

  cut(underWay: 'lost' | 'delivered'): void {
    for (const end of ['client', 'hub'] as const) {
      if (underWay === 'lost') this.breakTowards(end);
      else this.#pipeTo(end).put({ kind: 'close', code: ABNORMAL, reason: '' });
    }
  }

  /** Drops what is under way to an end and tells it that the connection broke. */
  breakTowards(end: End): void {
    const pipe = this.#pipeTo(end);
    pipe.break();
    if (!pipe.isReaderGone) this.later('broken', () => this[end].broken());
  }

  later(kind: StepKind, step: () => void): void {
    this.#schedule(kind, step);
  }

  #pipeTo(end: End): Pipe {
    return end === 'hub' ? this.toHub : this.toClient;
  }
}

/** The hub's end, as the gateway sees it. */
class HubEnd implements Socket {
  readonly address: string;
  readonly #connection: Connection;
  readonly #ended: () => void;
  #handler: SocketHandler | undefined;
  #maxFrameBytes = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #aboveMark = false;

  constructor(connection: Connection, address: string, ended: () => void) {
    this.#connection = connection;
    this.address = address;
    this.#ended = ended;
  }

  open(accept: (socket: Socket) => SocketHandler, maxFrameBytes: number): void {
    this.#maxFrameBytes = maxFrameBytes;
    this.#handler = accept(this);
  }

  get isEnding(): boolean {
    return this.#state !== 'open';
  }

  get subprotocol(): string {
    return this.#connection.subprotocol;
  }

  get bufferedBytes(): number {
    return this.#connection.toClient.bufferedBytes;
  }

  send(message: Message): void {
    if (this.#state !== 'open') return;
    this.#connection.toClient.put(parcelOf(message));
    if (this.bufferedBytes >= DRAINED_BELOW_BYTES) this.#aboveMark = true;
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#connection.toClient.put({ kind: 'close', code, reason });
    this.#connection.later('close-grace', () => this.terminate());
  }

  terminate(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#connection.breakTowards('client');
    // Its own doing: it knows of that even where no news reaches it.
    this.#connection.toHub.break();
    this.#connection.later('broken', () => this.broken());
  }

  receive(parcel: Parcel): void {
    if (parcel.kind === 'close') {
      if (this.#state === 'open' && parcel.code !== ABNORMAL) {
        this.#connection.toClient.put(parcel);
      }
      this.broken();
    } else if (parcel.kind === 'message' && this.#state === 'open') {
      if (parcel.bytes > this.#maxFrameBytes) {
        this.close(ERRORS['frame-too-large'].code, ERRORS['frame-too-large'].text);
      } else {
        this.#handler?.message(parcel.data);
      }
    }
  }

  /** Something was handed over to the client. */
  written(): void {
    if (!this.#aboveMark || this.#state !== 'open' || this.bufferedBytes >= DRAINED_BELOW_BYTES) return;
    this.#aboveMark = false;
    this.#handler?.drained();
  }

  broken(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#ended();
    this.#handler?.closed();
  }
}

/** The client's end: what the SDK uses of a browser's WebSocket. */
export class ClientEnd {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  readonly link: Link;
  readyState: 0 | 1 | 2 | 3 = ClientEnd.CONNECTING;
  protocol = '';
  onopen: ((event: object) => void) | null = null;
  /** Bytes come as a browser gives them with `binaryType` `arraybuffer`. */
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.link = connection;
  }

  get bufferedAmount(): number {
    return this.#connection.toHub.bufferedBytes;
  }

  send(data: Message): void {
    if (this.readyState === ClientEnd.CONNECTING) throw new Error('the connection is not open yet');
    if (this.readyState !== ClientEnd.OPEN) return;
    this.#connection.toHub.put(parcelOf(data));
  }

  close(code: number = NO_STATUS, reason = ''): void {
    if (this.readyState === ClientEnd.CONNECTING) {
      this.readyState = ClientEnd.CLOSING;
      // Its own doing: it knows of that even where no news reaches it.
      this.#connection.toClient.break();
      this.#connection.later('broken', () => this.broken());
      this.#connection.breakTowards('hub');
    } else if (this.readyState === ClientEnd.OPEN) {
      this.readyState = ClientEnd.CLOSING;
      this.#connection.toHub.put({ kind: 'close', code, reason });
      // Browsers do not wait for an answer for ever.
      this.#connection.later('close-grace', () => this.broken());
    }
  }

  receive(parcel: Parcel): void {
    if (this.readyState === ClientEnd.CLOSED) return;
    switch (parcel.kind) {
      case 'open':
        if (this.readyState !== ClientEnd.CONNECTING) return;
        this.readyState = ClientEnd.OPEN;
        this.protocol = this.#connection.subprotocol;
        this.onopen?.({});
        return;
      case 'message':
        if (this.readyState === ClientEnd.OPEN) this.onmessage?.({ data: dataOf(parcel.data) });
        return;
      case 'close':
        if (parcel.code === ABNORMAL) {
          this.broken();
          return;
        }
        if (this.readyState === ClientEnd.OPEN) this.#connection.toHub.put(parcel);
        this.#ended(parcel.code, parcel.reason, true);
        return;
      default:
        parcel satisfies never;
    }
  }

  /** The connection broke, or never came about. */
  broken(): void {
    if (this.readyState === ClientEnd.CLOSED) return;
    this.onerror?.({});
    this.#ended(ABNORMAL, '', false);
  }

  #ended(code: number, reason: string, wasClean: boolean): void {
    this.readyState = ClientEnd.CLOSED;
    this.onclose?.({ code, reason, wasClean });
  }
}
