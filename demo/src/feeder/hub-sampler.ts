/**
 * The hub's own figures, turned into rates over the last second and the ledger.
 *
 * They come from `GET /v1/stats`, or straight from a hub in the same process. For HTTP it takes node:http with one
 * kept connection; `fetch` would cost several times the CPU at ten requests a second. One question at a time: a hub
 * that answers slowly is asked less often.
 */
import { Agent as HttpAgent, get as httpGet } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import type { HubLedger, HubRates } from '../../shared/metrics.ts';
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
  readonly memory: { readonly heldBytes: number; readonly budgetBytes: number };
}

const MAX_ANSWER_CHARS = 256 * 1024;
const TIMEOUT_MS = 2000;
const WINDOW_READINGS = 10;

export class HubSampler {
  readonly #ask: StatsSource;
  readonly #readings: { readonly atMs: number; readonly stats: Stats }[] = [];
  #busy = false;

  constructor(ask: StatsSource) {
    this.#ask = ask;
  }

  /** Asks, unless a question is open; hands over both metrics when the answer comes. */
  sample(
    nowMs: number,
    done: (rates: HubRates, ledger: HubLedger) => void,
    failed: (why: Error) => void,
  ): void {
    if (this.#busy) return;
    this.#busy = true;
    Promise.resolve()
      .then(this.#ask)
      .then((stats) => done(this.#rates(nowMs, stats), stats.ledger))
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
