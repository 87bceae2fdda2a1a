/**
 * The shell of the link machine: sockets, timers and tokens. It performs the machine's effects, tells it what
 * happened, and joins the frames of one turn into as few WebSocket messages as the hub's frame limit allows.
 *
 * Frames given to a link that is not open, or lost with a socket, are gone: whoever sent them derives from the
 * next welcome what to say again.
 */
import type { ServerFrame, Welcome } from '@ringhub/protocol';
import type { ClientCodec, Wire } from './codec.ts';
import { byteLength } from './content.ts';
import type { Environment, WebSocketConstructor, WebSocketLike } from './environment.ts';
import { RinghubError } from './errors.ts';
import type { ClientLine } from './line.ts';
import {
  IDLE,
  isOpen,
  type LinkEffect,
  type LinkEvent,
  type LinkKind,
  type LinkSettings,
  type LinkState,
  step,
} from './link-state.ts';

/**
 * Why a token is asked for. A cached one will not do for `unauthorized`: the last one was refused or has expired, nor for
 * `refresh`: the one in use ends soon.
 */
export type TokenReason = 'connect' | 'reconnect' | 'unauthorized' | 'refresh';

export type TokenSource = (request: {
  readonly reason: TokenReason;
  readonly signal: AbortSignal;
}) => string | undefined | Promise<string | undefined>;

/** What the link needs from the session above it. */
export interface LinkOwner {
  /** The frame that says hello, resume included. */
  hello(token: string | undefined): ClientLine;
  welcomed(welcome: Welcome): void;
  received(frame: ServerFrame): void;
  /** The link is in another state; the error is why, where something failed. */
  changed(kind: LinkKind, error: unknown): void;
}

export interface LinkOptions extends LinkSettings {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly getToken: TokenSource;
  readonly codec: ClientCodec;
}

/** How long a polite end waits for the hub's close. */
const BYE_MS = 1_000;

export class Link {
  declare readonly codec: ClientCodec;
  readonly #env: Environment;
  readonly #settings: LinkOptions;
  readonly #owner: LinkOwner;
  #state: LinkState = IDLE;
  #socket: WebSocketLike | undefined;
  #timer: unknown;
  #abort: AbortController | undefined;
  #frames: Wire[] = [];
  #error: unknown;
  #maxFrameBytes = 0;
  #ended: (() => void) | undefined;
  readonly #stopWaking: () => void;

  constructor(env: Environment, settings: LinkOptions, owner: LinkOwner) {
    this.#env = env;
    this.#settings = settings;
    this.codec = settings.codec;
    this.#owner = owner;
    this.#stopWaking = env.onWake(() => this.#raise({ type: 'wake' }));
  }

  get isOpen(): boolean {
    return isOpen(this.#state.kind);
  }

  start(): void {
    this.#raise({ type: 'start' });
  }

  /** Ends for good; resolves when the socket is closed. */
  stop(error: unknown): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.#error = error;
      this.#raise({ type: 'stop' });
      if (!this.#socket) resolve();
    });
  }

  /** Sends a frame with the others of this turn. */
  send(frame: Wire): void {
    if (!this.isOpen) return;
    if (this.#frames.push(frame) === 1) void Promise.resolve().then(() => this.#flush());
  }

  /** As `send`, for a frame to be encoded. */
  say(line: ClientLine): void {
    this.send(this.codec.encode(line));
  }

  /** Sends what waits, now. */
  #flush(): void {
    const frames = this.#frames;
    this.#frames = [];
    // A socket that the hub is closing would only complain.
    while (frames.length > 0 && this.#socket?.readyState === 1) {
      let bytes = 0;
      const rest = frames.findIndex((frame, i) => {
        bytes += byteLength(frame) + 1;
        return i > 0 && bytes > this.#maxFrameBytes;
      });
      this.#socket.send(this.codec.join(frames.splice(0, rest < 0 ? frames.length : rest)));
    }
  }

  #raise(event: LinkEvent): void {
    const before = this.#state;
    const random = event.type === 'lost' || event.type === 'due' ? this.#env.random() : 0;
    const { state, effects } = step(before, event, {
      nowMs: this.#env.now(),
      random,
      settings: this.#settings,
    });
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (this.#state !== state) return;
    this.#setTimer();
    if (state.kind === before.kind && state.socket === before.socket) return;
    if (state.kind === 'closed') {
      this.#abort?.abort();
      this.#stopWaking();
    }
    const error = this.#error;
    if (isOpen(state.kind)) this.#error = undefined;
    this.#owner.changed(state.kind, error);
  }

  #perform(effect: LinkEffect): void {
    if (effect === 'ping') this.say([effect]);
    else if (effect === 'bye') {
      this.#frames.push(this.codec.encode([effect]));
      this.#flush();
      this.#socket?.close(1000);
      this.#env.setTimer(() => this.#drop(), BYE_MS);
    } else {
      this.#drop();
      if (effect === 'open') void this.#open(this.#state.socket);
    }
  }

  /** Closes the socket without waiting: whatever it still says is of the past. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#frames = [];
    this.#abort?.abort();
    socket?.close();
    this.#ended?.();
  }

  #setTimer(): void {
    const waitMs = this.#state.dueMs - this.#env.now();
    this.#env.clearTimer(this.#timer);
    if (waitMs < Infinity) this.#timer = this.#env.setTimer(() => this.#raise({ type: 'due' }), waitMs);
  }

  async #open(socket: number): Promise<void> {
    const { url, WebSocket } = this.#settings;
    const isCurrent = () => this.#state.socket === socket && this.#state.kind === 'connecting';
    this.#error = undefined;
    const reason = this.#state.refreshing ? 'unauthorized' : socket === 1 ? 'connect' : 'reconnect';
    let token: string | undefined;
    try {
      token = await this.askToken(reason);
    } catch (error) {
      if (isCurrent()) this.#lose(socket, error);
    }
    try {
      if (isCurrent()) this.#listen(this.codec.open(WebSocket, url), socket, token);
    } catch (error) {
      // The platform does not allow this URL here, and never will.
      void this.stop(error);
    }
  }

  /** Asks the application; the connection that needs the token may be gone before it answers. */
  askToken(reason: TokenReason): ReturnType<TokenSource> {
    this.#abort = new AbortController();
    return this.#settings.getToken({ reason, signal: this.#abort.signal });
  }

  #listen(ws: WebSocketLike, socket: number, token: string | undefined): void {
    this.#socket = ws;
    const isCurrent = () => this.#socket === ws;
    ws.onopen = () => {
      if (!isCurrent()) return;
      this.#raise({ type: 'opened', socket });
      ws.send(this.codec.encode(this.#owner.hello(token)));
    };
    ws.onmessage = ({ data }: { data: unknown }) => {
      if (isCurrent()) this.#receive(data, socket, ws);
    };
    // A browser tells nothing about a connection that failed; codes of the table come from the hub.
    ws.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (isCurrent()) this.#lose(socket, new RinghubError(code, reason), code);
    };
    // Always followed by close, which tells more; but `ws` wants a listener.
    ws.onerror = () => {};
  }

  /** The current socket is gone, or its successor could not be made. */
  #lose(socket: number, error: unknown, code = 0): void {
    this.#error ??= error;
    this.#drop();
    this.#raise({ type: 'lost', socket, code });
  }

  #receive(message: unknown, socket: number, ws: WebSocketLike): void {
    const frames = this.codec.decode(message);
    if (!frames) {
      this.#lose(socket, new Error('bad-frame'));
      return;
    }
    this.#raise({ type: 'heard', socket });
    for (const frame of frames) {
      if (this.#socket !== ws) return;
      switch (frame.type) {
        case 'ping':
          this.say(['pong']);
          break;
        case 'welcome':
          if (this.#state.kind !== 'greeting') break;
          this.#maxFrameBytes = frame.limits.maxFrameBytes;
          this.#raise({ type: 'welcomed', socket, deadMs: frame.deadMs });
          // Any frame proves that the new resume token has arrived (PROTOCOL §12).
          this.say(['ping']);
          this.#owner.welcomed(frame);
          break;
        case 'drain':
          this.#raise({ type: 'drained', socket, reconnectInMs: frame.reconnectInMs });
          break;
        default:
          this.#owner.received(frame);
      }
    }
  }
}
