/**
 * The numbers of named queues for Prometheus: of all together, and of each that the hub's statistics list.
 *
 * Queue names are user text, but few: a label `queue` has at most MAX_LISTED_QUEUES values at a time, the first by name.
 * What is in no such queue is in the totals. Times are in seconds, as Prometheus wants them; the mean response time of
 * some minutes is `rate(…_seconds_sum) / rate(…_seconds_count)`, that since the beginning has a gauge of its own.
 */

import type { Distribution, HubStats, QueueFigures, QueueInfo, QueueMeasures } from '@ringhub/protocol';
import { Counter, Gauge, type Metric, type Registry } from 'prom-client';

/** A queue, or all of them: labels and what there is to tell. */
interface Told {
  readonly labels: Readonly<Record<string, string>>;
  readonly messages: QueueInfo['messages'];
  readonly bytes: number;
  readonly consumers: number;
  readonly figures: QueueFigures;
  readonly measures: QueueMeasures;
}

type Update = (told: readonly Told[]) => void;

const MS = 1_000;

export class QueueMetrics {
  readonly #overall: Update;
  readonly #each: Update;
  readonly #ledgers: (queues: readonly QueueInfo[]) => void;
  readonly #count: Gauge;

  constructor(registry: Registry) {
    this.#overall = familiesOf('ringhub_named_queues', 'In all named queues', [], registry);
    this.#each = familiesOf('ringhub_named_queue', 'In a named queue', ['queue'], registry);
    this.#ledgers = ledgersOf(registry);
    this.#count = new Gauge({
      name: 'ringhub_named_queues',
      help: 'Named queues that exist; the first by name are told of one by one.',
      registers: [registry],
    });
  }

  /** @param measures of the queues that the statistics list, in their order */
  update({ namedQueues, figures, measures: all }: HubStats, measures: readonly QueueMeasures[]): void {
    const { count, list, ...holds } = namedQueues;
    this.#count.set(count);
    this.#overall([{ labels: {}, ...holds, figures, measures: all }]);
    this.#each(list.map((info, i) => ({ labels: { queue: info.name }, ...info, measures: measures[i]! })));
    this.#ledgers(list);
  }
}

function familiesOf(prefix: string, where: string, labelNames: string[], registry: Registry): Update {
  const registers = [registry];
  const settings = (name: string, help: string, more: string[] = []) => ({
    name: `${prefix}_${name}`,
    help: `${where}: ${help}`,
    labelNames: [...labelNames, ...more],
    registers,
  });
  const messages = new Gauge(
    settings('messages', 'messages ready, sent and not settled, or delayed.', ['state']),
  );
  const bytes = new Gauge(settings('bytes', 'bytes of these messages.'));
  const consumers = new Gauge(settings('consumers', 'consumers.'));
  const lost = new Counter(
    settings(
      'lost_total',
      'messages that were neither processed nor wait nor were taken away on purpose, by why.',
      ['reason'],
    ),
  );
  const lossRatio = new Gauge(settings('loss_ratio', 'lost messages of all there were, 0 to 1.'));
  const throughput = new Gauge(
    settings('throughput_per_second', 'messages processed a second, over the last ten seconds.'),
  );
  const responseMean = new Gauge(
    settings('response_time_mean_seconds', 'mean time that processed messages had waited.'),
  );
  const delayMean = new Gauge(
    settings('delay_mean_seconds', 'mean time from arrival to ack, less the waiting, of processed messages.'),
  );
  const responseTimes = new Distributions(
    `${prefix}_response_time_seconds`,
    `${where}: time that processed messages had waited.`,
    registry,
  );
  const delays = new Distributions(
    `${prefix}_delay_seconds`,
    `${where}: time from arrival to ack, less the waiting, of processed messages.`,
    registry,
  );
  const all = [messages, bytes, consumers, lost, lossRatio, throughput, responseMean, delayMean];
  return (told) => {
    for (const metric of all) clear(metric);
    responseTimes.reset();
    delays.reset();
    for (const { labels, figures, measures, ...holds } of told) {
      for (const [state, count] of Object.entries(holds.messages)) messages.set({ ...labels, state }, count);
      bytes.set(labels, holds.bytes);
      consumers.set(labels, holds.consumers);
      for (const [reason, count] of Object.entries(measures.lost)) lost.inc({ ...labels, reason }, count);
      throughput.set(labels, figures.throughputPerSec);
      // Before there was anything, there is no mean and no ratio: no sample rather than a wrong one.
      if (figures.lossRate !== null) lossRatio.set(labels, figures.lossRate);
      if (figures.responseTimeMs !== null) responseMean.set(labels, figures.responseTimeMs / MS);
      if (figures.delayMs !== null) delayMean.set(labels, figures.delayMs / MS);
      responseTimes.add(labels, measures.responseTime);
      delays.add(labels, measures.delay);
    }
  };
}

/** The ledger of each queue; that of all is part of the hub's. */
function ledgersOf(registry: Registry): (queues: readonly QueueInfo[]) => void {
  const settings = (name: string, help: string, more: string[] = []) => ({
    name: `ringhub_named_queue_ledger_${name}`,
    help: `In a named queue: ${help}`,
    labelNames: ['queue', ...more],
    registers: [registry],
  });
  const routed = new Counter(settings('routed_total', 'messages it took or refused.'));
  const settled = new Counter(
    settings('settled_total', 'messages that ended, by outcome; drops are counted by reason apart.', [
      'outcome',
    ]),
  );
  const dropped = new Counter(settings('dropped_total', 'messages dropped, by reason.', ['reason']));
  const residual = new Gauge(
    settings('residual', 'messages not accounted for; anything but 0 is a fault of the hub.'),
  );
  return (queues) => {
    for (const metric of [routed, settled, dropped, residual]) clear(metric);
    for (const { name: queue, ledger } of queues) {
      const { acked, written, rejected, expired, deadLettered } = ledger;
      routed.inc({ queue }, ledger.routed);
      const outcomes = { acked, written, rejected, expired, dead_lettered: deadLettered };
      for (const [outcome, count] of Object.entries(outcomes)) settled.inc({ queue, outcome }, count);
      for (const [reason, count] of Object.entries(ledger.dropped)) dropped.inc({ queue, reason }, count);
      residual.set({ queue }, ledger.residual);
    }
  };
}

/** Takes all samples away: a reset leaves a metric without labels at 0, as if there were something to tell. */
export function clear(metric: Counter | Gauge): void {
  metric.reset();
  metric.remove({});
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Histograms whose counts the hub keeps: prom-client's own count for themselves. */
class Distributions {
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  private values: Sample[] = [];

  constructor(
    readonly name: string,
    readonly help: string,
    registry: Registry,
  ) {
    // Its interface asks for more than a registry uses: a name, and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  reset(): void {
    this.values = [];
  }

  add(labels: Readonly<Record<string, string>>, { boundsMs, buckets, count, sumMs }: Distribution): void {
    let upTo = 0;
    boundsMs.forEach((bound, i) => {
      upTo += buckets[i] ?? 0;
      this.sample('_bucket', { ...labels, le: String(bound / MS) }, upTo);
    });
    this.sample('_bucket', { ...labels, le: '+Inf' }, count);
    this.sample('_sum', labels, sumMs / MS);
    this.sample('_count', labels, count);
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator, values } = this;
    return { name, help, type, aggregator, values };
  }

  private sample(suffix: string, labels: Readonly<Record<string, string>>, value: number): void {
    this.values.push({ metricName: this.name + suffix, labels, value });
  }
}
