/**
 * The hub's own figures: rates over the last second, the ledger, and the busiest named queues.
 *
 * They come from `GET /v1/stats`, or straight from a hub in the same process. For HTTP it takes node:http with one
 * kept connection; `fetch` would cost several times the CPU at ten requests a second. One question at a time: a hub
 * that answers slowly is asked less often.
 */
import { Agent as HttpAgent, get as httpGet } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import type { HubLedger, HubQueues, HubRates, QueueFigures } from '../../shared/metrics.ts';
import { perSecond, round } from './rates.ts';

/** Says what the hub's statistics are now. */
export type StatsSource = () => Stats | Promise<Stats>;

/** The part of the hub's statistics that is used here. */
export interface Stats {
  readonly connections: number;
  readonly sessions: { readonly attached: number; readonly parked: number };
  readonly queues: number;
  readonly publishes: { readonly taken: number };
  readonly routed: number;
  readonly deliveries: number;
  readonly gaps: number;
  readonly resumes: { readonly resumed: number };
  readonly ledger: HubLedger;
  readonly figures: QueueFigures;
  readonly namedQueues: { readonly count: number; readonly list: readonly QueueStats[] };
  readonly memory: { readonly heldBytes: number; readonly budgetBytes: number };
}

interface QueueStats {
  readonly name: string;
  readonly messages: { readonly ready: number; readonly inflight: number; readonly delayed: number };
  readonly consumers: number;
  readonly figures: QueueFigures;
}

const MAX_ANSWER_CHARS = 256 * 1024;
const TIMEOUT_MS = 2000;
const WINDOW_READINGS = 10;
const MAX_QUEUES = 8;
/** Readings for each one of the queues: their numbers move slowly. */
const QUEUES_EVERY = 5;

export class HubSampler {
  readonly #ask: StatsSource;
  readonly #readings: { readonly atMs: number; readonly stats: Stats }[] = [];
  #busy = false;
  #count = 0;

  constructor(ask: StatsSource) {
    this.#ask = ask;
  }

  /** Asks, unless a question is open; hands over the metrics when the answer comes. */
  sample(
    nowMs: number,
    done: (rates: HubRates, ledger: HubLedger, queues: HubQueues | undefined) => void,
    failed: (why: Error) => void,
  ): void {
    if (this.#busy) return;
    this.#busy = true;
    Promise.resolve()
      .then(this.#ask)
      .then((stats) => {
        const queues = this.#count++ % QUEUES_EVERY === 0 ? queuesOf(stats) : undefined;
        done(this.#rates(nowMs, stats), stats.ledger, queues);
      })
      .catch(failed)
      .finally(() => {
        this.#busy = false;
      });
  }

  #rates(nowMs: number, stats: Stats): HubRates {
    const first = this.#readings[0] ?? { atMs: nowMs, stats };
    this.#readings.push({ atMs: nowMs, stats });
    if (this.#readings.length > WINDOW_READINGS) this.#readings.shift();
    const rate = (of: (stats: Stats) => number) =>
      round(perSecond(of(first.stats), of(stats), nowMs - first.atMs));
    return {
      published: rate((s) => s.publishes.taken),
      routed: rate((s) => s.routed),
      delivered: rate((s) => s.deliveries),
      gaps: rate((s) => s.gaps),
      connections: stats.connections,
      sessionsAttached: stats.sessions.attached,
      sessionsParked: stats.sessions.parked,
      queues: stats.queues,
      heldBytes: stats.memory.heldBytes,
      budgetBytes: stats.memory.budgetBytes,
      resumed: stats.resumes.resumed,
    };
  }
}

/** Those where the most happens or waits, so that the list has a bound. */
export function queuesOf({ namedQueues: { count, list }, figures }: Stats): HubQueues {
  const weight = ({ figures: { throughputPerSec }, messages: { ready, inflight, delayed } }: QueueStats) =>
    throughputPerSec + ready + inflight + delayed;
  return {
    count,
    figures,
    list: list
      .toSorted((a, b) => weight(b) - weight(a))
      .slice(0, MAX_QUEUES)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, messages, consumers, figures: own }) => ({ name, ...messages, consumers, figures: own })),
  };
}

/** `GET /v1/stats` of the hub that SDKs reach at `hubUrl`, over one kept connection. */
export function statsOverHttp(
  hubUrl: string,
  getToken: () => string | Promise<string>,
): StatsSource & { close(): void } {
  const url = statsUrl(hubUrl);
  const isSecure = url.protocol === 'https:';
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
  const get = isSecure ? httpsGet : httpGet;
  const ask = async (): Promise<Stats> => {
    const authorization = `Bearer ${await getToken()}`;
    return new Promise((resolve, reject) => {
      const request = get(url, { agent, headers: { authorization }, timeout: TIMEOUT_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER_CHARS) response.destroy(new Error('the statistics are too long'));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200)
            return reject(new Error(`statistics: HTTP ${response.statusCode}`));
          try {
            resolve(JSON.parse(text) as Stats);
          } catch (error) {
            reject(error);
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error('statistics: no answer')));
      request.on('error', reject);
    });
  };
  return Object.assign(ask, { close: () => agent.destroy() });
}

/** Beside the WebSocket: `ws://host/v1/ws` becomes `http://host/v1/stats`, also below a path prefix. */
export function statsUrl(hubUrl: string): URL {
  const url = new URL(hubUrl);
  url.protocol = url.protocol === 'wss:' || url.protocol === 'https:' ? 'https:' : 'http:';
  url.pathname = `${url.pathname.replace(/\/(v1\/ws)?\/?$/, '')}/v1/stats`;
  url.search = '';
  return url;
}
