/**
 * A world for the client: a clock that stands until it is advanced, timers that run on it, sockets whose other
 * end is the test, and a random number that is chosen. No real time passes.
 */
import { type ConnectOptions, connect, type Environment, type Hub } from '@ringhub/client/core';
import { ScriptedSocket } from './scripted-socket.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class Scene {
  nowMs = 0;
  random = 0.5;
  readonly sockets: ScriptedSocket[] = [];
  readonly #timers = new Map<number, Timer>();
  #lastTimer = 0;
  readonly #wakeListeners = new Set<() => void>();

  get environment(): Environment {
    const { sockets } = this;
    return {
      now: () => this.nowMs,
      random: () => this.random,
      setTimer: (callback, ms) => {
        this.#timers.set(++this.#lastTimer, { dueMs: this.nowMs + ms, callback });
        return this.#lastTimer;
      },
      clearTimer: (timer) => this.#timers.delete(timer as number),
      onWake: (callback) => {
        this.#wakeListeners.add(callback);
        return () => this.#wakeListeners.delete(callback);
      },
      baseUrl: undefined,
      WebSocket: class extends ScriptedSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          sockets.push(this);
        }
      },
    };
  }

  get timers(): number {
    return this.#timers.size;
  }

  get wakeListeners(): number {
    return this.#wakeListeners.size;
  }

  /** The latest socket. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  /** Lets all promises settle. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass; timers run in their order, each with all its consequences. */
  async advance(ms: number): Promise<void> {
    await this.settle();
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.dueMs <= endMs);
      due.sort(([a, { dueMs: x }], [b, { dueMs: y }]) => x - y || a - b);
      const next = due[0];
      if (!next) break;
      this.#timers.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].dueMs);
      next[1].callback();
      await this.settle();
    }
    this.nowMs = endMs;
  }

  async wake(): Promise<void> {
    for (const listener of this.#wakeListeners) listener();
    await this.settle();
  }

  /** Begins to connect; the test plays the hub. */
  connect<M extends object = Record<string, unknown>>(options: ConnectOptions = {}): Promise<Hub<M>> {
    return connect<M>('ws://hub.test', { ...options, environment: this.environment });
  }

  /** A connected client. */
  async online<M extends object = Record<string, unknown>>(options: ConnectOptions = {}): Promise<Hub<M>> {
    const connecting = this.connect<M>(options);
    await this.settle();
    this.socket.welcome();
    return connecting;
  }

  /** Loses the connection, waits for the next one, and opens it: its hello is in `socket.sent`. */
  async reconnect(code = 1006): Promise<ScriptedSocket> {
    this.socket.hubCloses(code);
    return this.nextSocket();
  }

  /** Waits for the client to connect again, and opens the socket. */
  async nextSocket(): Promise<ScriptedSocket> {
    const { length } = this.sockets;
    while (this.sockets.length === length) await this.advance(10);
    this.socket.opens();
    return this.socket;
  }
}
