/**
 * What confirming after the flush costs: the hub against the bare store doing the same group commits, in one run.
 *
 *   npm run build && node scripts/run-ts.mjs bench/durable.ts [--rounds 5] [--seconds 3]
 *
 * Rounds alternate between hub and store, so that both meet the same disk and the same other work; ratios are of the
 * medians. How large a group the hub made is read from its store (LMDB numbers its transactions); the bare store then
 * commits as many records of the same size in one transaction, the next when that is on disk.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeRecord } from '../server/src/engines/record-codec.ts';
import { logKey } from '../server/src/engines/store-keys.ts';
import { nodeClock } from '../server/src/node-clock.ts';
import type { StoreWrite } from '../server/src/ports/store.ts';
import { LmdbStore } from '../server/src/stores/lmdb-store.ts';
import { HubProcess } from './support/hub-process.ts';
import { SinglePublisher } from './support/single-publisher.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    bytes: { type: 'string', default: '128' },
    batch: { type: 'string', default: '64' },
    publishers: { type: 'string', default: '100' },
    parts: { type: 'string', default: 'batches,singles,lone' },
    cpuProfile: { type: 'string' },
    /** Flags for the hub's node, apart by commas. */
    node: { type: 'string', default: '' },
    transport: { type: 'string', default: 'auto' },
    /** Of the publishers of single messages: `binary`, as the SDK's default, or `json`. */
    codec: { type: 'string', default: 'binary' },
    /** To see what all else costs: nothing goes to the disk. */
    volatile: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const phaseMs = Number(values.seconds) * 1000;
const batch = Number(values.batch);
const publisherCount = Number(values.publishers);
const payload = 'x'.repeat(Number(values.bytes));
const parts = values.parts.split(',');
const codec = values.codec === 'json' ? 'json' : 'binary';
const EXCHANGE = 'bench';

const folder = mkdtempSync(join(tmpdir(), 'ringhub-durable-'));
const nodeArgs = [
  ...values.node.split(',').filter(Boolean),
  ...(values.cpuProfile ? ['--cpu-prof', `--cpu-prof-dir=${values.cpuProfile}`] : []),
];
const hub = await HubProcess.start(['--log-level', 'error', '--transport', values.transport], {
  data: join(folder, 'hub'),
  nodeArgs,
});
const raw = LmdbStore.open(join(folder, 'raw.mdb'), { clock: nodeClock });

const lone = await WireClient.open(hub.wsUrl, hub.token);
await lone.command({
  type: 'declare',
  ref: 1,
  exchange: EXCHANGE,
  options: { type: 'topic', durable: !values.volatile },
});

const publishers: SinglePublisher[] = [];
for (let i = 0; i < publisherCount; i++)
  publishers.push(await SinglePublisher.open(hub.httpUrl, hub.token, EXCHANGE, payload, codec));

/** How many transactions the hub's store has seen. */
function transactions(): number {
  const file = openSync(join(folder, 'hub/store.mdb'), 'r');
  const page = Buffer.alloc(2 * 4096);
  readSync(file, page, 0, page.length, 0);
  closeSync(file);
  return Number([0, 4096].map((at) => page.readBigUInt64LE(at + 152)).reduce((a, b) => (a > b ? a : b)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const confirmed = () => lone.confirmed + sum(publishers.map((publisher) => publisher.confirmed));

interface Rate {
  readonly perSecond: number;
  /** CPU of the process, LMDB's thread included, by message. */
  readonly cpuUs: number;
}
interface Phase extends Rate {
  readonly groupSize: number;
  /** Of those who publish, by message: they share the machine with the hub. */
  readonly loadUs: number;
}

/** Has publishers publish for a while. */
async function hubPhase(publishing: (untilMs: number) => Promise<unknown>): Promise<Phase> {
  const [messages, commits, startedMs, cpu, load] = [
    confirmed(),
    transactions(),
    performance.now(),
    hub.cpuSeconds(),
    process.cpuUsage(),
  ];
  await publishing(startedMs + phaseMs);
  const taken = confirmed() - messages;
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(load);
  return {
    perSecond: taken / seconds,
    cpuUs: ((hub.cpuSeconds() - cpu) / taken) * 1e6,
    loadUs: (user + system) / taken,
    groupSize: taken / Math.max(1, transactions() - commits),
  };
}

async function inBatches(untilMs: number): Promise<void> {
  while (performance.now() < untilMs) await lone.publish(EXCHANGE, 'a.b', payload, batch);
  while (!lone.isConfirmed) await new Promise((resolve) => setImmediate(resolve));
}

async function singly(untilMs: number): Promise<void> {
  for (const publisher of publishers) publisher.start();
  await new Promise((resolve) => setTimeout(resolve, untilMs - performance.now()));
  await Promise.all(publishers.map((publisher) => publisher.stop()));
}

let offset = 0;
function record(): StoreWrite {
  const value = encodeRecord({
    sequence: ++offset,
    timeMs: Date.now(),
    exchange: EXCHANGE,
    key: 'a.b',
    payload,
    contentType: 'text/plain',
    subject: 'dev',
    reached: [1],
    headers: undefined,
    id: undefined,
    ttlMs: undefined,
  });
  return { key: logKey(offset), value };
}

const commit = (writes: readonly StoreWrite[]) =>
  new Promise<void>((resolve, reject) =>
    raw.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
  );

/** Records of one group after the other; what they are made of is there before. */
async function rawPhase(groupSize: number): Promise<Rate> {
  const size = Math.max(1, Math.round(groupSize));
  let [records, ms, cpuUs] = [0, 0, 0];
  while (ms < phaseMs) {
    const writes = Array.from({ length: size }, record);
    const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
    await commit(writes);
    ms += performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    cpuUs += user + system;
    records += size;
  }
  return { perSecond: records / (ms / 1000), cpuUs: cpuUs / records };
}

/** Median ms of one after the other. */
async function latencyMs(act: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (const untilMs = performance.now() + phaseMs; performance.now() < untilMs; ) {
    const startedMs = performance.now();
    await act();
    all.push(performance.now() - startedMs);
    // A lone publish is one that nothing else is under way with.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return median(all);
}

const found = {
  batches: [] as (Phase & { raw: Rate })[],
  singles: [] as (Phase & { raw: Rate })[],
  lone: [] as { hub: number; raw: number }[],
};
if (parts.includes('batches')) await hubPhase(inBatches);
for (let round = 0; round < rounds; round++) {
  if (parts.includes('batches')) {
    const batches = await hubPhase(inBatches);
    found.batches.push({ ...batches, raw: await rawPhase(batches.groupSize) });
  }
  if (parts.includes('singles')) {
    const singles = await hubPhase(singly);
    found.singles.push({ ...singles, raw: await rawPhase(singles.groupSize) });
  }
  if (parts.includes('lone')) {
    const loneMs = await latencyMs(() => lone.publish(EXCHANGE, 'a.b', payload, 1, 1));
    found.lone.push({ hub: loneMs, raw: await latencyMs(() => commit([record()])) });
  }
  console.log(`round ${round + 1} of ${rounds}`);
}

const range = (numbers: readonly number[], digits = 0) =>
  `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)})`;
const rateRow = (phases: readonly (Phase & { raw: Rate })[], least: number) => ({
  hub: range(phases.map(({ perSecond }) => perSecond)),
  store: range(phases.map(({ raw: { perSecond } }) => perSecond)),
  'messages a commit': range(phases.map(({ groupSize }) => groupSize)),
  ratio: (
    median(phases.map(({ perSecond }) => perSecond)) / median(phases.map((one) => one.raw.perSecond))
  ).toFixed(2),
  wanted: `at least ${least}`,
  'CPU µs, hub, load, store': [
    phases.map(({ cpuUs }) => cpuUs),
    phases.map(({ loadUs }) => loadUs),
    phases.map(({ raw: { cpuUs } }) => cpuUs),
  ]
    .map((all) => median(all).toFixed(1))
    .join(', '),
});
const loneRow = ({ lone: all }: typeof found) => ({
  hub: range(
    all.map((one) => one.hub),
    2,
  ),
  store: range(
    all.map((one) => one.raw),
    2,
  ),
  'messages a commit': '1',
  ratio: (median(all.map((one) => one.hub)) / median(all.map((one) => one.raw))).toFixed(2),
  wanted: 'at most 3',
});
console.table({
  ...(parts.includes('batches') && {
    [`one publisher, batches of ${batch}: messages/s`]: rateRow(found.batches, 0.25),
  }),
  ...(parts.includes('singles') && {
    [`${publisherCount} publishers, one each: messages/s`]: rateRow(found.singles, 0.5),
  }),
  ...(parts.includes('lone') && { 'a lone publish: ms': loneRow(found) }),
});
const refused = lone.refused + sum(publishers.map((publisher) => publisher.refused));
console.log(`refused: ${refused}; median (lowest to highest) of ${rounds} rounds of ${values.seconds} s`);
for (const publisher of publishers) publisher.close();
lone.socket.terminate();
await hub.stop();
await raw.close();
rmSync(folder, { recursive: true, force: true });
process.exitCode = refused === 0 ? 0 : 1;
