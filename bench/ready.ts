/**
 * How soon a hub is ready again, by what its store holds: from the start of its process to the first /readyz that says so.
 * It was killed before, so that nothing was put in order.
 *
 *   npm run build && node scripts/run-ts.mjs bench/ready.ts [--messages 1000000] [--rounds 5]
 *
 * Half of the messages are in a durable queue only, half in the durable log and the queue. Starts with the large store
 * and with an empty one alternate: what the large one adds is the difference of medians.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HubProcess } from './support/hub-process.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '5' },
    logLevel: { type: 'string', default: 'error' },
  },
});
const messages = Number(values.messages);
const payload = 'x'.repeat(Number(values.bytes));
const BATCH = 200;

const folder = mkdtempSync(join(tmpdir(), 'ringhub-ready-'));
const start = (name: string) =>
  HubProcess.start(['--log-level', values.logLevel], { data: join(folder, name) });

async function fill(): Promise<void> {
  const hub = await start('full');
  const client = await WireClient.open(hub.wsUrl, hub.token);
  const options = { durable: true, maxMessages: 2 * messages } as const;
  await client.command({ type: 'declareQueue', ref: 1, name: 'work', options });
  await client.command({
    type: 'declare',
    ref: 1,
    exchange: 'log',
    options: { type: 'topic', durable: true },
  });
  await client.command({ type: 'bind', ref: 1, to: { queue: 'work' }, binding: ['log', '#'] });
  for (let left = messages; left > 0; left -= BATCH)
    await client.publish(left > messages / 2 ? 'log' : '', 'work', payload, Math.min(BATCH, left));
  while (!client.isConfirmed) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.terminate();
  await hub.kill();
}

interface Start {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function measure(name: string): Promise<Start> {
  const hub = await start(name);
  const { namedQueues } = await hub.stats();
  const ready = namedQueues.list.reduce((sum, queue) => sum + queue.messages.ready, 0);
  if (name === 'full' && ready !== messages) throw new Error(`${ready} of ${messages} messages are there`);
  const started = { wallMs: hub.readyMs, cpuMs: hub.cpuSeconds() * 1000 };
  await hub.kill();
  return started;
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
await fill();
await measure('empty');
const found: Record<'empty' | 'full', Start[]> = { empty: [], full: [] };
for (let round = 0; round < Number(values.rounds); round++) {
  found.empty.push(await measure('empty'));
  found.full.push(await measure('full'));
}
const row = (starts: readonly Start[]) => ({
  'ready after ms': Math.round(median(starts.map(({ wallMs }) => wallMs))),
  lowest: Math.round(Math.min(...starts.map(({ wallMs }) => wallMs))),
  highest: Math.round(Math.max(...starts.map(({ wallMs }) => wallMs))),
  'CPU of the hub by then, ms': Math.round(median(starts.map(({ cpuMs }) => cpuMs))),
});
console.table({ empty: row(found.empty), [`${messages} messages`]: row(found.full) });
console.log(`the store: ${(statSync(join(folder, 'full/store.mdb')).size / 1024 ** 2).toFixed(0)} MiB`);
rmSync(folder, { recursive: true, force: true });
process.exitCode = median(found.full.map(({ wallMs }) => wallMs)) < 2_000 ? 0 : 1;
