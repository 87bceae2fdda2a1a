/**
 * The shell of the link machine: sockets, timers and tokens. It performs the machine's effects, tells it what
 * happened, and joins the lines of one turn into as few WebSocket messages as the hub's frame limit allows.
 *
 * Lines given to a link that is not open, or lost with a socket, are gone: whoever sent them derives from the
 * next welcome what to say again.
 */
import { decodeServerMessage, type ServerFrame, SUBPROTOCOL_JSON, type Welcome } from '@ringhub/protocol';
import { byteLength } from './content.ts';
import type { Environment, WebSocketConstructor, WebSocketLike } from './environment.ts';
import { RinghubError } from './errors.ts';
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

/** Why a token is asked for; `unauthorized`: the last one was refused, a cached one will not do. */
export type TokenReason = 'connect' | 'reconnect' | 'unauthorized';

export type TokenSource = (request: {
  readonly reason: TokenReason;
  readonly signal: AbortSignal;
}) => string | undefined | Promise<string | undefined>;

/** What the link needs from the session above it. */
export interface LinkOwner {
  /** The line that says hello, resume included. */
  hello(token: string | undefined): string;
  welcomed(welcome: Welcome): void;
  received(frame: ServerFrame): void;
  /** The link is in another state; the error is why, where something failed. */
  changed(kind: LinkKind, error: unknown): void;
}

export interface LinkOptions extends LinkSettings {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly getToken: TokenSource | undefined;
}

/** How long a polite end waits for the hub's close. */
const BYE_MS = 1_000;

export interface Link {
  readonly isOpen: boolean;
  start(): void;
  /** Sends a line with the others of this turn. */
  send(line: string): void;
  /** Ends for good; resolves when the socket is closed. */
  stop(error: unknown): Promise<void>;
}

/** A link that waits for `start`. A function rather than a class: minified, its many small steps are half as long. */
export function createLink(env: Environment, options: LinkOptions, owner: LinkOwner): Link {
  let link: LinkState = IDLE;
  let socket: WebSocketLike | undefined;
  let timer: unknown;
  let timerMs = Infinity;
  let abort: AbortController | undefined;
  let lines: string[] = [];
  let failure: unknown;
  let maxFrameBytes = 0;
  let ended: (() => void) | undefined;
  const stopWaking = env.onWake(() => raise({ type: 'wake' }));

  function raise(event: LinkEvent): void {
    const before = link;
    const random = event.type === 'lost' || event.type === 'due' ? env.random() : 0;
    const next = step(before, event, { nowMs: env.now(), random, settings: options });
    const { kind } = next.state;
    link = next.state;
    next.effects.forEach(perform);
    if (link !== next.state) return;
    setTimer();
    if (kind === before.kind && link.socket === before.socket) return;
    if (kind === 'closed') {
      abort?.abort();
      stopWaking();
    }
    const error = failure;
    if (isOpen(kind)) failure = undefined;
    owner.changed(kind, error);
  }

  function perform(effect: LinkEffect): void {
    switch (effect) {
      case 'ping':
        send('["ping"]');
        break;
      case 'bye':
        lines.push('["bye"]');
        flush();
        socket?.close(1000);
        env.setTimer(drop, BYE_MS);
        break;
      default:
        drop();
        if (effect === 'open') void open(link.socket);
    }
  }

  /** Closes the socket without waiting: whatever it still says is of the past. */
  function drop(): void {
    const dropped = socket;
    socket = undefined;
    lines = [];
    abort?.abort();
    dropped?.close();
    ended?.();
  }

  function setTimer(): void {
    const { dueMs } = link;
    // A deadline that only moves away is looked at when the timer of the old one comes.
    if (timerMs <= dueMs && dueMs !== Infinity) return;
    env.clearTimer(timer);
    timerMs = dueMs;
    if (dueMs === Infinity) return;
    const waitMs = Math.max(0, Math.ceil(dueMs - env.now()));
    timer = env.setTimer(() => {
      timerMs = Infinity;
      if (env.now() < link.dueMs) setTimer();
      else raise({ type: 'due' });
    }, waitMs);
  }

  async function open(number: number): Promise<void> {
    const { url, WebSocket, getToken } = options;
    const isCurrent = () => link.socket === number && link.kind === 'connecting';
    failure = undefined;
    let token: string | undefined;
    if (getToken) {
      abort = new AbortController();
      const reason = link.refreshing ? 'unauthorized' : number === 1 ? 'connect' : 'reconnect';
      try {
        token = await getToken({ reason, signal: abort.signal });
      } catch (error) {
        if (isCurrent()) lose(number, error);
      }
      if (!isCurrent()) return;
    }
    try {
      listen(new WebSocket(url, [SUBPROTOCOL_JSON]), number, token);
    } catch (error) {
      // The platform does not allow this URL here, and never will.
      void stop(error);
    }
  }

  function listen(ws: WebSocketLike, number: number, token: string | undefined): void {
    socket = ws;
    ws.onopen = () => {
      if (socket !== ws) return;
      raise({ type: 'opened', socket: number });
      ws.send(owner.hello(token));
    };
    ws.onmessage = ({ data }: { data: string }) => {
      if (socket !== ws) return;
      const frames = decodeServerMessage(data);
      if (!frames) return lose(number, new Error('not a frame'));
      raise({ type: 'heard', socket: number });
      for (const frame of frames) if (socket === ws) receive(frame, number);
    };
    ws.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (socket !== ws) return;
      // A browser tells nothing about a connection that failed; codes of the table come from the hub.
      lose(
        number,
        code < 4000 ? new Error(`connection lost (${code})`) : new RinghubError(code, reason),
        code,
      );
    };
    // Always followed by close, which tells more; but `ws` wants a listener.
    ws.onerror = () => {};
  }

  /** The current socket is gone, or its successor could not be made. */
  function lose(number: number, error: unknown, code = 0): void {
    failure ??= error;
    drop();
    raise({ type: 'lost', socket: number, code });
  }

  function receive(frame: ServerFrame, number: number): void {
    switch (frame.type) {
      case 'ping':
        send('["pong"]');
        break;
      case 'pong':
        break;
      case 'welcome':
        if (link.kind !== 'greeting') break;
        maxFrameBytes = frame.limits.maxFrameBytes;
        raise({ type: 'welcomed', socket: number, deadMs: frame.deadMs });
        // Any frame proves that the new resume token has arrived (PROTOCOL §12).
        send('["ping"]');
        owner.welcomed(frame);
        break;
      case 'drain':
        raise({ type: 'drained', socket: number, reconnectInMs: frame.reconnectInMs });
        break;
      default:
        owner.received(frame);
    }
  }

  function send(line: string): void {
    if (!isOpen(link.kind)) return;
    if (lines.push(line) === 1) void Promise.resolve().then(flush);
  }

  /** Sends what waits, in as few messages as the hub's limit allows. */
  function flush(): void {
    const waiting = lines;
    lines = [];
    let message = '';
    let bytes = 0;
    for (const line of waiting) {
      const lineBytes = byteLength(line) + 1;
      if (message && bytes + lineBytes > maxFrameBytes) {
        socket?.send(message);
        message = '';
        bytes = 0;
      }
      message += message ? `\n${line}` : line;
      bytes += lineBytes;
    }
    if (message) socket?.send(message);
  }

  function stop(error: unknown): Promise<void> {
    return new Promise((resolve) => {
      ended = resolve;
      failure = error;
      raise({ type: 'stop' });
      if (!socket) resolve();
    });
  }

  return {
    get isOpen() {
      return isOpen(link.kind);
    },
    start: () => raise({ type: 'start' }),
    send,
    stop,
  };
}
