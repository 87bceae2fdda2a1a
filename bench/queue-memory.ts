/**
 * A million messages in one durable named queue: what they cost the hub's process, whether their order holds from first to
 * last, and what becomes of another queue meanwhile.
 *
 *   npm run build && node scripts/run-ts.mjs bench/queue-memory.ts [--messages 1000000]
 *
 * Memory is the process's own: anonymous pages, without those of the mapped store, which the system takes back when it
 * wants. The other queue is offered messages at a fixed rate, before, while the large one is filled, and while it is
 * drained; its rate is what its consumer got.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HubProcess } from './support/hub-process.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '128' },
    otherRate: { type: 'string', default: '500' },
    calmSeconds: { type: 'string', default: '10' },
    cpuProfile: { type: 'string' },
  },
});
const messages = Number(values.messages);
const payload = 'x'.repeat(Number(values.bytes));
const otherRate = Number(values.otherRate);
const BATCH = 100;
const OTHER_EVERY_MS = 20;
const PREFETCH = 4_096;
const PROGRESS_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'ringhub-queue-memory-'));
const nodeArgs = values.cpuProfile ? ['--cpu-prof', `--cpu-prof-dir=${values.cpuProfile}`] : [];
const hub = await HubProcess.start(['--log-level', 'error'], { data: folder, nodeArgs });
const open = () => WireClient.open(hub.wsUrl, hub.token);
const [publisher, consumer, otherPublisher, otherConsumer] = [
  await open(),
  await open(),
  await open(),
  await open(),
];
for (const name of ['million', 'other'])
  await publisher.command({
    type: 'declareQueue',
    ref: 1,
    name,
    options: { durable: true, maxMessages: 2 * messages, overflow: 'reject-publish' },
  });
await otherConsumer.consume('other', 1_000);

/** The other queue's flow never stops: what it is offered by the clock. */
let [offered, offeredSinceMs] = [0, performance.now()];
const offering = setInterval(() => {
  const due = Math.floor(((performance.now() - offeredSinceMs) / 1000) * otherRate) - offered;
  offered += due;
  if (due > 0) void otherPublisher.publish('', 'other', payload, due);
}, OTHER_EVERY_MS);

let highestMib = 0;
const watching = setInterval(() => {
  highestMib = Math.max(highestMib, hub.ownMib());
}, 100);

interface Phase {
  readonly seconds: number;
  readonly otherPerSecond: number;
  readonly offeredPerSecond: number;
  readonly highestMib: number;
  readonly cpuSeconds: number;
}

async function phase(name: string, run: () => Promise<unknown>): Promise<Phase> {
  const [got, before, startedMs, cpu] = [
    otherConsumer.messages,
    offered,
    performance.now(),
    hub.cpuSeconds(),
  ];
  highestMib = hub.ownMib();
  await run();
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${seconds.toFixed(1)} s`);
  return {
    seconds,
    otherPerSecond: (otherConsumer.messages - got) / seconds,
    offeredPerSecond: (offered - before) / seconds,
    highestMib,
    cpuSeconds: hub.cpuSeconds() - cpu,
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function fill(): Promise<void> {
  for (let left = messages; left > 0; left -= BATCH) {
    await publisher.publish('', 'million', payload, Math.min(BATCH, left));
    // The load generator shares its loop with the other queue's clients.
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (!publisher.isConfirmed) await pause(5);
}

async function drain(): Promise<void> {
  await consumer.consume('million', PREFETCH);
  let [told, toldMs] = [0, performance.now()];
  while (consumer.messages < messages) {
    await pause(5);
    if (performance.now() - toldMs < PROGRESS_MS) continue;
    const rate = Math.round(((consumer.messages - told) / (performance.now() - toldMs)) * 1000);
    [told, toldMs] = [consumer.messages, performance.now()];
    console.log(`  ${told} drained, ${rate}/s`);
  }
}

const calm = await phase('calm', () => pause(Number(values.calmSeconds) * 1000));
const filling = await phase('filled', fill);
const { ledger } = await hub.stats();
const draining = await phase('drained', drain);
clearInterval(offering);
clearInterval(watching);
for (let i = 0; i < 200 && otherConsumer.messages < offered; i++) await pause(50);
const end = await hub.stats();

const row = (one: Phase, moved: number) => ({
  seconds: Number(one.seconds.toFixed(1)),
  'messages/s': Math.round(moved / one.seconds),
  'hub CPU µs a message': moved > 0 ? Number(((one.cpuSeconds / moved) * 1e6).toFixed(1)) : '',
  'own memory MiB, highest': Math.round(one.highestMib),
  'grown MiB': Math.round(one.highestMib - calm.highestMib),
  'other queue/s': Math.round(one.otherPerSecond),
  'of calm': Number((one.otherPerSecond / calm.otherPerSecond).toFixed(2)),
});
console.table({ calm: row(calm, 0), filled: row(filling, messages), drained: row(draining, messages) });
const faults = [
  [consumer.disorder, 'messages out of order'],
  [otherConsumer.disorder, 'messages of the other queue out of order'],
  [publisher.refused + otherPublisher.refused, 'publishes refused'],
  [consumer.messages - messages, 'messages more than there were'],
  [offered - otherConsumer.messages, 'messages of the other queue missing'],
  [ledger.residual + end.ledger.residual, 'left over by the ledger'],
] as const;
for (const [count, what] of faults) if (count !== 0) console.log(`${count} ${what}`);
for (const client of [publisher, consumer, otherPublisher, otherConsumer]) client.socket.terminate();
await hub.stop();
rmSync(folder, { recursive: true, force: true });
const isGood =
  faults.every(([count]) => count === 0) &&
  Math.max(filling.highestMib, draining.highestMib) - calm.highestMib <= 200 &&
  Math.min(filling.otherPerSecond, draining.otherPerSecond) >= 0.8 * calm.otherPerSecond;
console.log(isGood ? 'as wanted' : 'NOT as wanted');
process.exitCode = isGood ? 0 : 1;
