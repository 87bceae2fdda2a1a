/**
 * The hub's numbers for Prometheus, taken from its statistics when they are asked for: the families of `metric-families.ts`,
 * and those of named queues, whose names are the one label of users' making (`queue-metrics.ts`).
 *
 * `ringhub_ledger_residual` other than 0 is a fault of the hub.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { HubApi, HubStats } from '../ports/hub-api.ts';
import { FAMILIES } from './metric-families.ts';
import { clear, QueueMetrics } from './queue-metrics.ts';

export interface MetricsOptions {
  readonly hub: HubApi;
  readonly version: string;
  /** Metrics of the process and its event loop, too; once a process is enough. */
  readonly ofProcess: boolean;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #hub: HubApi;
  readonly #update: readonly ((stats: HubStats) => void)[];
  readonly #ready: Gauge;
  readonly #sizes: Gauge;
  readonly #queues: QueueMetrics;

  constructor({ hub, version, ofProcess }: MetricsOptions) {
    this.#hub = hub;
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    new Gauge({ name: 'ringhub_info', help: 'Version of the hub.', labelNames: ['version'], registers })
      .labels(version)
      .set(1);
    this.#ready = new Gauge({ name: 'ringhub_ready', help: 'Whether the hub is ready: 1 or 0.', registers });
    this.#sizes = new Gauge({
      name: 'ringhub_entries',
      help: 'Entries of the registers of the hub; back where it was once all clients have gone.',
      labelNames: ['register'],
      registers,
    });
    this.#queues = new QueueMetrics(this.#registry);
    this.#update = FAMILIES.map(({ name, help, kind, labels = [], samples }) => {
      const settings = { name: `ringhub_${name}`, help, labelNames: labels, registers };
      const metric = kind === 'counter' ? new Counter(settings) : new Gauge(settings);
      return (stats) => {
        // The hub keeps the totals: a counter is written anew from them.
        clear(metric);
        for (const [value, labelled = {}] of samples(stats)) metric.inc(labelled, value);
      };
    });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** All metrics, as of now. */
  text(): Promise<string> {
    const stats = this.#hub.stats();
    for (const update of this.#update) update(stats);
    this.#queues.update(stats, this.#hub.queueMeasures());
    for (const [register, size] of Object.entries(this.#hub.sizes())) this.#sizes.set({ register }, size);
    this.#ready.set(this.#hub.health().ready ? 1 : 0);
    return this.#registry.metrics();
  }
}
