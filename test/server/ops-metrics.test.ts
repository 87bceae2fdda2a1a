/** Metrics: every number of the hub, none lost between two scrapes. */

import type { QueueFigures, QueueInfo, QueueMeasures } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../server/src/ops/metrics.ts';
import type { Health, HubApi, HubStats } from '../../server/src/ports/hub-api.ts';

/** As somebody may call a queue. */
const NAME = 'jobs "a\\b"';

const MEASURES: QueueMeasures = {
  lost: { expired: 3, overflow: 4 },
  responseTime: { boundsMs: [1, 500], buckets: [2, 5, 1], count: 8, sumMs: 4_000 },
  delay: { boundsMs: [1, 500], buckets: [0, 8, 0], count: 8, sumMs: 800 },
};

const FIGURES: QueueFigures = { responseTimeMs: 500, throughputPerSec: 2.5, lossRate: 0.35, delayMs: 100 };
const NO_FIGURES: QueueFigures = { responseTimeMs: null, throughputPerSec: 0, lossRate: null, delayMs: null };

const QUEUE: QueueInfo = {
  name: NAME,
  options: {
    durable: true,
    exclusive: false,
    autoDelete: false,
    maxMessages: 100,
    maxBytes: 1_000,
    overflow: 'drop-head',
    deliveryLimit: 20,
  },
  messages: { ready: 2, inflight: 1, delayed: 3 },
  bytes: 66,
  consumers: 4,
  figures: FIGURES,
  ledger: {
    routed: 20,
    acked: 7,
    written: 1,
    rejected: 0,
    expired: 3,
    dropped: { overflow: 4, purged: 5 },
    deadLettered: 0,
    ready: 5,
    inflight: 1,
    residual: 0,
  },
};

const STATS: HubStats = {
  connections: 3,
  sessions: { attached: 3, parked: 2 },
  queues: 5,
  namedQueues: {
    count: 1,
    messages: { ready: 2, inflight: 1, delayed: 3 },
    bytes: 66,
    consumers: 4,
    list: [QUEUE],
  },
  figures: FIGURES,
  measures: MEASURES,
  bindings: 8,
  exchanges: 4,
  publishes: { taken: 100, duplicate: 7, refused: { 'bad-key': 6, unroutable: 1 } },
  routed: 90,
  unroutable: 10,
  deliveries: 85,
  redeliveries: 2,
  gaps: 9,
  deadLetters: { published: 27, lost: 28 },
  resumes: { resumed: 11, lost: 12 },
  ledger: {
    routed: 90,
    acked: 41,
    written: 13,
    rejected: 14,
    expired: 15,
    dropped: { overflow: 16, memory: 17 },
    deadLettered: 18,
    ready: 19,
    inflight: 20,
    residual: 0,
  },
  memory: { heldBytes: 1_000, budgetBytes: 2_000 },
  logs: [{ log: 'v', epoch: 'e', first: 21, last: 22, messages: 2, bytes: 23 }],
  store: { bytes: 24, entries: 25, corrupt: 26, failed: true },
};

function setup(ofProcess = false) {
  const hub = {
    stats: () => STATS,
    health: (): Health => ({ ready: true, reasons: [] }),
    publish: () => {},
    history: () => {},
    listen: () => ({ error: 'unavailable' }) as const,
    topology: () => ({ exchanges: [], bindings: [], queues: [], complete: true }),
    changeTopology: () => undefined,
    queueCommand: () => undefined,
    queueMeasures: () => [MEASURES],
    sizes: () => ({ sessions: 3, last_values: 0 }),
    control: { list: () => ({ sessions: [], more: false }), close: () => undefined },
  } satisfies HubApi;
  return { hub: hub as HubApi, metrics: new Metrics({ hub, version: '1.2.3', ofProcess }) };
}

const samples = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('metrics', () => {
  it('show every term of the statistics and the ledger', async () => {
    const { metrics } = setup();
    const ofTheHub = samples(await metrics.text()).filter((line) => !line.includes('named_queue'));
    expect(ofTheHub.sort()).toEqual(
      [
        'ringhub_info{version="1.2.3"} 1',
        'ringhub_ready 1',
        'ringhub_connections 3',
        'ringhub_sessions{state="attached"} 3',
        'ringhub_sessions{state="parked"} 2',
        'ringhub_queues 5',
        'ringhub_bindings 8',
        'ringhub_exchanges 4',
        'ringhub_publishes_total{result="taken"} 100',
        'ringhub_publishes_total{result="duplicate"} 7',
        'ringhub_publishes_refused_total{error="bad-key"} 6',
        'ringhub_publishes_refused_total{error="unroutable"} 1',
        'ringhub_routed_total 90',
        'ringhub_unroutable_total 10',
        'ringhub_deliveries_total 85',
        'ringhub_redeliveries_total 2',
        'ringhub_gaps_total 9',
        'ringhub_dead_letters_total{result="published"} 27',
        'ringhub_dead_letters_total{result="lost"} 28',
        'ringhub_session_resumes_total{result="resumed"} 11',
        'ringhub_session_resumes_total{result="lost"} 12',
        'ringhub_ledger_routed_total 90',
        'ringhub_ledger_settled_total{outcome="acked"} 41',
        'ringhub_ledger_settled_total{outcome="written"} 13',
        'ringhub_ledger_settled_total{outcome="rejected"} 14',
        'ringhub_ledger_settled_total{outcome="expired"} 15',
        'ringhub_ledger_settled_total{outcome="dead_lettered"} 18',
        'ringhub_ledger_dropped_total{reason="overflow"} 16',
        'ringhub_ledger_dropped_total{reason="memory"} 17',
        'ringhub_ledger_open{state="ready"} 19',
        'ringhub_ledger_open{state="inflight"} 20',
        'ringhub_ledger_residual 0',
        'ringhub_memory_held_bytes 1000',
        'ringhub_memory_budget_bytes 2000',
        'ringhub_log_first_offset{log="v"} 21',
        'ringhub_log_last_offset{log="v"} 22',
        'ringhub_log_messages{log="v"} 2',
        'ringhub_log_bytes{log="v"} 23',
        'ringhub_store_bytes 24',
        'ringhub_store_entries 25',
        'ringhub_store_corrupt_total 26',
        'ringhub_store_failed 1',
        'ringhub_entries{register="sessions"} 3',
        'ringhub_entries{register="last_values"} 0',
      ].sort(),
    );
  });

  it('show the four numbers of named queues, of each and of all', async () => {
    const { metrics } = setup();
    const figures = (prefix: string, queue: string) => {
      const labels = (more = '') => {
        const all = [queue, more].filter(Boolean).join(',');
        return all && `{${all}}`;
      };
      return [
        `${prefix}_messages${labels('state="ready"')} 2`,
        `${prefix}_messages${labels('state="inflight"')} 1`,
        `${prefix}_messages${labels('state="delayed"')} 3`,
        `${prefix}_bytes${labels()} 66`,
        `${prefix}_consumers${labels()} 4`,
        `${prefix}_lost_total${labels('reason="expired"')} 3`,
        `${prefix}_lost_total${labels('reason="overflow"')} 4`,
        `${prefix}_loss_ratio${labels()} 0.35`,
        `${prefix}_throughput_per_second${labels()} 2.5`,
        `${prefix}_response_time_mean_seconds${labels()} 0.5`,
        `${prefix}_delay_mean_seconds${labels()} 0.1`,
        `${prefix}_response_time_seconds_bucket${labels('le="0.001"')} 2`,
        `${prefix}_response_time_seconds_bucket${labels('le="0.5"')} 7`,
        `${prefix}_response_time_seconds_bucket${labels('le="+Inf"')} 8`,
        `${prefix}_response_time_seconds_sum${labels()} 4`,
        `${prefix}_response_time_seconds_count${labels()} 8`,
        `${prefix}_delay_seconds_bucket${labels('le="0.001"')} 0`,
        `${prefix}_delay_seconds_bucket${labels('le="0.5"')} 8`,
        `${prefix}_delay_seconds_bucket${labels('le="+Inf"')} 8`,
        `${prefix}_delay_seconds_sum${labels()} 0.8`,
        `${prefix}_delay_seconds_count${labels()} 8`,
      ];
    };
    const queue = 'queue="jobs \\"a\\\\b\\""';
    const ledger = (name: string, more: string, value: number) =>
      `ringhub_named_queue_ledger_${name}{${[queue, more].filter(Boolean).join(',')}} ${value}`;
    expect(
      samples(await metrics.text())
        .filter((line) => line.includes('named_queue'))
        .sort(),
    ).toEqual(
      [
        'ringhub_named_queues 1',
        ...figures('ringhub_named_queues', ''),
        ...figures('ringhub_named_queue', queue),
        ledger('routed_total', '', 20),
        ledger('settled_total', 'outcome="acked"', 7),
        ledger('settled_total', 'outcome="written"', 1),
        ledger('settled_total', 'outcome="rejected"', 0),
        ledger('settled_total', 'outcome="expired"', 3),
        ledger('settled_total', 'outcome="dead_lettered"', 0),
        ledger('dropped_total', 'reason="overflow"', 4),
        ledger('dropped_total', 'reason="purged"', 5),
        ledger('residual', '', 0),
      ].sort(),
    );
  });

  it('forget a queue that is gone, and show no figure where there is none', async () => {
    const { hub, metrics } = setup();
    await metrics.text();
    hub.stats = () => ({ ...STATS, figures: NO_FIGURES, namedQueues: { ...STATS.namedQueues, list: [] } });
    hub.queueMeasures = () => [];
    const text = await metrics.text();
    expect(text).not.toContain('jobs');
    expect(text).not.toMatch(/^\w+_queues_(loss_ratio|response_time_mean_seconds|delay_mean_seconds) /m);
    expect(text).toContain('ringhub_named_queues_throughput_per_second 0');
    const { store: _, ...withoutStore } = hub.stats();
    hub.stats = () => withoutStore;
    expect(samples(await metrics.text()).filter((line) => line.includes('store'))).toEqual([]);
  });

  it('show totals as they are, however often they are asked for', async () => {
    const { metrics } = setup();
    const first = await metrics.text();
    expect(await metrics.text()).toBe(first);
    expect(first).toContain('# TYPE ringhub_publishes_total counter');
    expect(first).toContain('# TYPE ringhub_queues gauge');
    expect(first).toContain('# TYPE ringhub_named_queue_delay_seconds histogram');
  });

  it('show a hub that is not ready', async () => {
    const { hub, metrics } = setup();
    hub.health = () => ({ ready: false, reasons: ['why'] });
    expect(samples(await metrics.text())).toContain('ringhub_ready 0');
  });

  it('may include those of the process and its event loop', async () => {
    const text = await setup(true).metrics.text();
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
  });
});
