/**
 * What one SDK instance runs in: its share of the world's clock, randomness and network. It can fall asleep, as a page
 * in the background does (nothing runs, what arrives waits), and die, as a closed tab does.
 */
import type { Environment, WebSocketConstructor } from '@ringhub/client';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Timer, World } from './world.ts';

export class Surroundings {
  readonly environment: Environment;
  isAsleep = false;
  isDead = false;
  readonly #random: Random;
  readonly #wakers = new Set<() => void>();
  /** Timers that came due during sleep. */
  #overdue: { run: (() => void) | undefined }[] = [];

  constructor(
    readonly name: string,
    private readonly world: World,
    private readonly network: Network,
  ) {
    this.#random = world.random.fork(name);
    const WebSocket = function connect(_url: string, [subprotocol]: [string]) {
      return network.connect(name, subprotocol);
    };
    this.environment = {
      now: () => world.nowMs,
      random: () => this.#random.next(),
      setTimer: (callback, ms) => this.#setTimer(callback, ms),
      clearTimer: (timer) => this.#clearTimer(timer),
      onWake: (callback) => this.#onWake(callback),
      baseUrl: undefined,
      WebSocket: WebSocket as unknown as WebSocketConstructor,
    };
  }

  #setTimer(callback: () => void, ms: number): unknown {
    const entry: { run: (() => void) | undefined; timer?: Timer } = { run: callback };
    entry.timer = this.world.after(ms, `timer of ${this.name}`, () => {
      if (this.isDead) return;
      if (this.isAsleep) this.#overdue.push(entry);
      else this.#fire(entry);
    });
    return entry;
  }

  #clearTimer(timer: unknown): void {
    const entry = timer as { run: (() => void) | undefined; timer: Timer } | undefined;
    if (!entry) return;
    entry.run = undefined;
    entry.timer.cancel();
  }

  #onWake(callback: () => void): () => void {
    this.#wakers.add(callback);
    return () => this.#wakers.delete(callback);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#setTimer(resolve, ms));
  }

  /** The page goes to the background. */
  freeze(): void {
    this.isAsleep = true;
    for (const wire of this.network.of(this.name)) wire.end.link.stall('client');
  }

  /** The page is seen again; browsers do not always tell. */
  thaw(tellsIt: boolean): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    for (const wire of this.network.of(this.name)) wire.end.link.unstall('client');
    const overdue = this.#overdue;
    this.#overdue = [];
    for (const entry of overdue) this.world.after(0, `late timer of ${this.name}`, () => this.#fire(entry));
    if (tellsIt) this.wake();
  }

  wake(): void {
    if (this.isDead || this.isAsleep) return;
    for (const waker of [...this.#wakers]) waker();
  }

  /** The tab is closed: no code of it ever runs again. */
  die(): void {
    this.isDead = true;
    for (const wire of this.network.of(this.name)) {
      wire.end.onmessage = null;
      wire.end.onopen = null;
      wire.end.onclose = null;
      wire.end.onerror = null;
      this.network.ended(wire);
    }
  }

  #fire(entry: { run: (() => void) | undefined }): void {
    const { run } = entry;
    entry.run = undefined;
    if (!this.isDead) run?.();
  }
}
