/**
 * The hub's numbers for Prometheus, taken from its statistics when they are asked for.
 *
 * Labels have few values that are known beforehand (reasons, error names, logs): never names of exchanges,
 * keys, sessions or users; named queues are the one exception, in `queue-metrics.ts`. Every term of the ledger is here, so that its law can be watched from outside:
 * `ringhub_ledger_residual` other than 0 is a fault of the hub.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { HubApi, HubStats } from '../ports/hub-api.ts';
import { clear, QueueMetrics } from './queue-metrics.ts';

export interface MetricsOptions {
  readonly hub: HubApi;
  readonly version: string;
  /** Metrics of the process and its event loop, too; once a process is enough. */
  readonly ofProcess: boolean;
}

type Samples = readonly (readonly [value: number, labels?: Readonly<Record<string, string>>])[];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly labels?: readonly string[];
  readonly samples: (stats: HubStats) => Samples;
}

const one =
  (value: (stats: HubStats) => number) =>
  (stats: HubStats): Samples => [[value(stats)]];

const byLabel = (label: string, values: Readonly<Record<string, number>>): Samples =>
  Object.entries(values).map(([name, value]) => [value, { [label]: name }] as const);

const ofLogs =
  (value: (log: HubStats['logs'][number]) => number) =>
  (stats: HubStats): Samples =>
    stats.logs.map((log) => [value(log), { log: log.log }] as const);

/** Absent without a store. */
const ofStore =
  (value: (store: NonNullable<HubStats['store']>) => number) =>
  ({ store }: HubStats): Samples =>
    store ? [[value(store)]] : [];

const FAMILIES: readonly Family[] = [
  {
    name: 'connections',
    help: 'Open WebSocket connections.',
    kind: 'gauge',
    samples: one((s) => s.connections),
  },
  {
    name: 'sessions',
    help: 'Sessions by state.',
    kind: 'gauge',
    labels: ['state'],
    samples: (s) => byLabel('state', s.sessions),
  },
  { name: 'queues', help: 'Queues that exist.', kind: 'gauge', samples: one((s) => s.queues) },
  { name: 'bindings', help: 'Bindings that exist.', kind: 'gauge', samples: one((s) => s.bindings) },
  { name: 'exchanges', help: 'Exchanges that exist.', kind: 'gauge', samples: one((s) => s.exchanges) },
  {
    name: 'publishes_total',
    help: 'Publishes taken, by whether the same one was known already.',
    kind: 'counter',
    labels: ['result'],
    samples: (s) => byLabel('result', { taken: s.publishes.taken, duplicate: s.publishes.duplicate }),
  },
  {
    name: 'publishes_refused_total',
    help: 'Publishes refused, by error.',
    kind: 'counter',
    labels: ['error'],
    samples: (s) => byLabel('error', s.publishes.refused),
  },
  {
    name: 'routed_total',
    help: 'Messages put into queues or refused by them, counted for each queue.',
    kind: 'counter',
    samples: one((s) => s.routed),
  },
  {
    name: 'unroutable_total',
    help: 'Messages that no queue wanted.',
    kind: 'counter',
    samples: one((s) => s.unroutable),
  },
  {
    name: 'deliveries_total',
    help: 'Items handed to sockets, gaps and items sent again included.',
    kind: 'counter',
    samples: one((s) => s.deliveries),
  },
  {
    name: 'redeliveries_total',
    help: 'Items handed to sockets again.',
    kind: 'counter',
    samples: one((s) => s.redeliveries),
  },
  { name: 'gaps_total', help: 'Gaps told to subscribers.', kind: 'counter', samples: one((s) => s.gaps) },
  {
    name: 'dead_letters_total',
    help: 'Dead letters of named queues, by whether they were published: lost without an exchange, or after too many deaths.',
    kind: 'counter',
    labels: ['result'],
    samples: (s) => byLabel('result', s.deadLetters),
  },
  {
    name: 'session_resumes_total',
    help: 'Resumes by whether the session was still there.',
    kind: 'counter',
    labels: ['result'],
    samples: (s) => byLabel('result', s.resumes),
  },
  {
    name: 'ledger_routed_total',
    help: 'Obligations begun.',
    kind: 'counter',
    samples: one((s) => s.ledger.routed),
  },
  {
    name: 'ledger_settled_total',
    help: 'Obligations ended, by outcome; drops are counted by reason apart.',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ ledger: { acked, written, rejected, expired, deadLettered } }) =>
      byLabel('outcome', { acked, written, rejected, expired, dead_lettered: deadLettered }),
  },
  {
    name: 'ledger_dropped_total',
    help: 'Obligations that ended in a drop, by reason.',
    kind: 'counter',
    labels: ['reason'],
    samples: (s) => byLabel('reason', s.ledger.dropped),
  },
  {
    name: 'ledger_open',
    help: 'Obligations not ended yet: ready in a ring, or sent and not settled.',
    kind: 'gauge',
    labels: ['state'],
    samples: ({ ledger: { ready, inflight } }) => byLabel('state', { ready, inflight }),
  },
  {
    name: 'ledger_residual',
    help: 'Obligations the ledger cannot account for; anything but 0 is a fault of the hub.',
    kind: 'gauge',
    samples: one((s) => s.ledger.residual),
  },
  {
    name: 'memory_held_bytes',
    help: 'Payloads held by rings, each counted once.',
    kind: 'gauge',
    samples: one((s) => s.memory.heldBytes),
  },
  {
    name: 'memory_budget_bytes',
    help: 'What the payloads held by rings may come to.',
    kind: 'gauge',
    samples: one((s) => s.memory.budgetBytes),
  },
  {
    name: 'log_first_offset',
    help: 'Offset of the oldest message kept in a log.',
    kind: 'gauge',
    labels: ['log'],
    samples: ofLogs((log) => log.first),
  },
  {
    name: 'log_last_offset',
    help: 'Offset of the newest message of a log.',
    kind: 'gauge',
    labels: ['log'],
    samples: ofLogs((log) => log.last),
  },
  {
    name: 'log_messages',
    help: 'Messages kept in a log.',
    kind: 'gauge',
    labels: ['log'],
    samples: ofLogs((log) => log.messages),
  },
  {
    name: 'log_bytes',
    help: 'Bytes kept in a log.',
    kind: 'gauge',
    labels: ['log'],
    samples: ofLogs((log) => log.bytes),
  },
  {
    name: 'store_bytes',
    help: 'What the store takes of the disk.',
    kind: 'gauge',
    samples: ofStore((store) => store.bytes),
  },
  {
    name: 'store_entries',
    help: 'Entries of the store.',
    kind: 'gauge',
    samples: ofStore((store) => store.entries),
  },
  {
    name: 'store_corrupt_total',
    help: 'Records found damaged when they were read.',
    kind: 'counter',
    samples: ofStore((store) => store.corrupt),
  },
  {
    name: 'store_failed',
    help: 'Whether nothing durable can be stored any more: 1 or 0.',
    kind: 'gauge',
    samples: ofStore((store) => Number(store.failed)),
  },
];

export class Metrics {
  readonly #registry = new Registry();
  readonly #hub: HubApi;
  readonly #update: readonly ((stats: HubStats) => void)[];
  readonly #ready: Gauge;
  readonly #queues: QueueMetrics;

  constructor({ hub, version, ofProcess }: MetricsOptions) {
    this.#hub = hub;
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    new Gauge({ name: 'ringhub_info', help: 'Version of the hub.', labelNames: ['version'], registers })
      .labels(version)
      .set(1);
    this.#ready = new Gauge({ name: 'ringhub_ready', help: 'Whether the hub is ready: 1 or 0.', registers });
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
    this.#ready.set(this.#hub.health().ready ? 1 : 0);
    return this.#registry.metrics();
  }
}
