/**
 * What the hub's statistics come to as metrics: name, help, kind and labels of each, and how it is read off.
 *
 * Labels have few values that are known beforehand (reasons, error names, logs): never names of exchanges, keys, sessions
 * or users. Every term of the ledger is here, so that its law can be watched from outside.
 */
import type { HubStats } from '../ports/hub-api.ts';

type Samples = readonly (readonly [value: number, labels?: Readonly<Record<string, string>>])[];

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly labels?: readonly string[];
  readonly samples: (stats: HubStats) => Samples;
}

type Kind = Family['kind'];

const single = (kind: Kind, name: string, help: string, value: (stats: HubStats) => number): Family => ({
  name,
  help,
  kind,
  samples: (stats) => [[value(stats)]],
});

const byLabel = (label: string, values: Readonly<Record<string, number>>): Samples =>
  Object.entries(values).map(([name, value]) => [value, { [label]: name }] as const);

/** A gauge of each log. */
const ofLogs = (name: string, help: string, value: (log: HubStats['logs'][number]) => number): Family => ({
  name,
  help,
  kind: 'gauge',
  labels: ['log'],
  samples: ({ logs }) => logs.map((log) => [value(log), { log: log.log }] as const),
});

/** Absent without a store. */
const ofStore = (
  kind: Kind,
  name: string,
  help: string,
  value: (store: NonNullable<HubStats['store']>) => number,
): Family => ({ name, help, kind, samples: ({ store }) => (store ? [[value(store)]] : []) });

export const FAMILIES: readonly Family[] = [
  single('gauge', 'connections', 'Open WebSocket connections.', (s) => s.connections),
  {
    name: 'sessions',
    help: 'Sessions by state.',
    kind: 'gauge',
    labels: ['state'],
    samples: (s) => byLabel('state', s.sessions),
  },
  single('gauge', 'queues', 'Queues that exist.', (s) => s.queues),
  single('gauge', 'bindings', 'Bindings that exist.', (s) => s.bindings),
  single('gauge', 'exchanges', 'Exchanges that exist.', (s) => s.exchanges),
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
  single(
    'counter',
    'routed_total',
    'Messages put into queues or refused by them, counted for each queue.',
    (s) => s.routed,
  ),
  single('counter', 'unroutable_total', 'Messages that no queue wanted.', (s) => s.unroutable),
  single(
    'counter',
    'deliveries_total',
    'Items handed to sockets, gaps and items sent again included.',
    (s) => s.deliveries,
  ),
  single('counter', 'redeliveries_total', 'Items handed to sockets again.', (s) => s.redeliveries),
  single('counter', 'gaps_total', 'Gaps told to subscribers.', (s) => s.gaps),
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
  single('counter', 'ledger_routed_total', 'Obligations begun.', (s) => s.ledger.routed),
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
  single(
    'gauge',
    'ledger_residual',
    'Obligations the ledger cannot account for; anything but 0 is a fault of the hub.',
    (s) => s.ledger.residual,
  ),
  single(
    'gauge',
    'memory_held_bytes',
    'Payloads held by rings, each counted once.',
    (s) => s.memory.heldBytes,
  ),
  single(
    'gauge',
    'memory_budget_bytes',
    'What the payloads held by rings may come to.',
    (s) => s.memory.budgetBytes,
  ),
  ofLogs('log_first_offset', 'Offset of the oldest message kept in a log.', (log) => log.first),
  ofLogs('log_last_offset', 'Offset of the newest message of a log.', (log) => log.last),
  ofLogs('log_messages', 'Messages kept in a log.', (log) => log.messages),
  ofLogs('log_bytes', 'Bytes kept in a log.', (log) => log.bytes),
  ofStore('gauge', 'store_bytes', 'What the store takes of the disk.', (store) => store.bytes),
  ofStore('gauge', 'store_entries', 'Entries of the store.', (store) => store.entries),
  ofStore(
    'counter',
    'store_corrupt_total',
    'Records found damaged when they were read.',
    (store) => store.corrupt,
  ),
  ofStore('gauge', 'store_failed', 'Whether nothing durable can be stored any more: 1 or 0.', (store) =>
    Number(store.failed),
  ),
];
