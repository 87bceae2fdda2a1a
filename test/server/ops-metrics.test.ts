/** Metrics: every number of the hub, none lost between two scrapes. */
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../server/src/ops/metrics.ts';
import type { Health, HubApi, HubStats } from '../../server/src/ports/hub-api.ts';

const STATS: HubStats = {
  connections: 3,
  sessions: { attached: 3, parked: 2 },
  queues: 5,
  namedQueues: { count: 0, list: [] },
  figures: { responseTimeMs: null, throughputPerSec: 0, lossRate: null, delayMs: null },
  bindings: 8,
  exchanges: 4,
  publishes: { taken: 100, duplicate: 7, refused: { 'bad-key': 6, unroutable: 1 } },
  routed: 90,
  unroutable: 10,
  deliveries: 85,
  redeliveries: 2,
  gaps: 9,
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
  } satisfies HubApi;
  return { hub: hub as HubApi, metrics: new Metrics({ hub, version: '1.2.3', ofProcess }) };
}

const samples = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('metrics', () => {
  it('show every term of the statistics and the ledger', async () => {
    const { metrics } = setup();
    expect(samples(await metrics.text()).sort()).toEqual(
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
      ].sort(),
    );
  });

  it('show totals as they are, however often they are asked for', async () => {
    const { metrics } = setup();
    const first = await metrics.text();
    expect(await metrics.text()).toBe(first);
    expect(first).toContain('# TYPE ringhub_publishes_total counter');
    expect(first).toContain('# TYPE ringhub_queues gauge');
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
