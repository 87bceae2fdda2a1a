/**
 * Feeds the demo pages: this host's figures and the hub's own, ten times a second, published through the SDK like
 * anybody's messages.
 *
 * Every message is numbered (`run`, `n`) so that pages can check the hub's account by themselves; so a message that
 * is not going to be published must not get a number. While the hub cannot be reached, ticks are skipped once
 * `MAX_PENDING` publishes wait: the figures of then are of no use later.
 */
import { randomUUID } from 'node:crypto';
import { connect, type Hub } from '@ringhub/client';
import { METRICS_EXCHANGE } from '../../shared/metrics.ts';
import { type HostSampler, openHostSampler } from './host-sampler.ts';
import { HubSampler, type StatsSource, statsOverHttp } from './hub-sampler.ts';

export interface FeederLog {
  info(text: string): void;
  warn(text: string): void;
}

export interface FeederOptions {
  /** Where SDKs connect: `ws://host:port/v1/ws`. */
  readonly url: string;
  readonly token: string | (() => string | Promise<string>);
  /** Ends the feeder. */
  readonly signal: AbortSignal;
  readonly log?: FeederLog;
  /** Time between two readings, in ms; 100 by default. */
  readonly tickMs?: number;
  /** The hub's statistics, where it runs in this process; by default they are asked for over HTTP. */
  readonly stats?: StatsSource;
  /** What this process is called among the busiest ones; `this hub` by default. */
  readonly label?: string;
}

const DEFAULT_TICK_MS = 100;
const MAX_PENDING = 200;
const WARN_EVERY_MS = 10_000;

/** Resolves when the first connection stands; rejects where it is refused for good. Goes on until `signal` aborts. */
export async function startFeeder(options: FeederOptions): Promise<void> {
  const { url, token, signal, log, tickMs = DEFAULT_TICK_MS, label = 'this hub' } = options;
  const getToken = typeof token === 'function' ? token : () => token;
  const hub = await connect(url, { getToken, signal });
  await hub.declareExchange(METRICS_EXCHANGE, { type: 'topic' });
  const http = statsOverHttp(url, getToken);
  const stats = new HubSampler(options.stats ?? http);
  const feeder = new Feeder(hub, openHostSampler(label), stats, tickMs, log);
  // A session that was lost leaves publishes of unknown outcome: numbers of the next run tell nothing about them.
  hub.addEventListener('state', (event) => {
    if (event.state === 'online' && !event.resumed) feeder.beginRun();
  });
  const timer = setInterval(() => feeder.tick(), tickMs);
  const end = () => {
    clearInterval(timer);
    feeder.close();
    http.close();
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  log?.info(`feeding ${METRICS_EXCHANGE} every ${tickMs} ms`);
}

class Feeder {
  readonly #hub: Hub;
  readonly #host: HostSampler;
  readonly #hubSampler: HubSampler;
  readonly #tickMs: number;
  readonly #log: FeederLog | undefined;
  #run = newRun();
  #count = 0;
  #pending = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(
    hub: Hub,
    host: HostSampler,
    hubSampler: HubSampler,
    tickMs: number,
    log: FeederLog | undefined,
  ) {
    this.#hub = hub;
    this.#host = host;
    this.#hubSampler = hubSampler;
    this.#tickMs = tickMs;
    this.#log = log;
  }

  beginRun(): void {
    this.#run = newRun();
    this.#count = 0;
  }

  tick(): void {
    if (this.#pending > MAX_PENDING) return;
    const nowMs = performance.now();
    this.#host.sample(nowMs, this.#tickMs, this.#publish);
    this.#hubSampler.sample(
      nowMs,
      (rates, ledger, queues) => {
        this.#publish('hub.rates', rates);
        this.#publish('hub.ledger', ledger);
        if (queues) this.#publish('hub.queues', queues);
      },
      this.#warn,
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#host.close();
  }

  readonly #publish = (key: string, value: object): void => {
    if (this.#isClosed) return;
    this.#count += 1;
    this.#pending += 1;
    this.#hub
      .publish(METRICS_EXCHANGE, key, { run: this.#run, n: this.#count, ...value })
      .catch(this.#warn)
      .finally(() => {
        this.#pending -= 1;
      });
  };

  readonly #warn = (error: Error): void => {
    const nowMs = performance.now();
    if (this.#isClosed || nowMs - this.#warnedAtMs < WARN_EVERY_MS) return;
    this.#warnedAtMs = nowMs;
    this.#log?.warn(`the demo feeder: ${error.message}`);
  };
}

const newRun = (): string => randomUUID().slice(0, 8);
