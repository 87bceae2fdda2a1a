/**
 * What a disk that stands still for two seconds at a time does to everything that needs no disk: volatile delivery and the
 * event loop, against the same run before it. Needs strace, which delays the syncs of the hub's threads.
 *
 *   npm run build && node scripts/run-ts.mjs bench/disk-stall.ts [--seconds 8]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HubProcess } from './support/hub-process.ts';
import { ThreadFault } from './support/thread-fault.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '8' }, perSecond: { type: 'string', default: '500' } },
});
const EVERY_MS = 10;
const count = Math.round((Number(values.perSecond) * EVERY_MS) / 1000);

const folder = mkdtempSync(join(tmpdir(), 'ringhub-stall-'));
const hub = await HubProcess.start(['--log-level', 'error'], { data: folder });
const open = () => WireClient.open(hub.wsUrl, hub.token);
const [durable, volatile, subscriber] = [await open(), await open(), await open()];
const options = { type: 'topic', durable: true } as const;
await durable.command({ type: 'declare', ref: 1, exchange: 'durable', options });
await subscriber.subscribe({ bindings: [['amq.topic', 'a']] });

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
const highest = (numbers: readonly number[]) => numbers.reduce((a, b) => Math.max(a, b), 0);

/** The hub's figure of its event loop since it was asked last. */
async function loopLagMs(): Promise<{ p99: number; max: number }> {
  const text = await (await fetch(`${hub.httpUrl}/metrics`)).text();
  const read = (name: string) =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (.+)$`, 'm').exec(text)?.[1]);
  return { p99: read('p99') * 1000, max: read('max') * 1000 };
}

async function phase() {
  await loopLagMs();
  const deliveredMs: number[] = [];
  const confirmedMs: number[] = [];
  const until = performance.now() + Number(values.seconds) * 1000;
  const got = subscriber.messages;
  let offered = 0;
  let waits: Promise<unknown> = Promise.resolve();
  while (performance.now() < until) {
    const startedMs = performance.now();
    const goal = subscriber.messages + count;
    offered += count;
    void volatile.publish('amq.topic', 'a', 'x', count);
    // One durable publish is always on its way.
    if (durable.isConfirmed) {
      waits = durable.publish('durable', 'a', 'x', 1, 1).then(() => {
        confirmedMs.push(performance.now() - startedMs);
      });
    }
    while (subscriber.messages < goal && performance.now() - startedMs < 10_000)
      await new Promise((resolve) => setImmediate(resolve));
    deliveredMs.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  const lag = await loopLagMs();
  await waits;
  return {
    'volatile delivered of offered': (subscriber.messages - got) / offered,
    'volatile delivery, median ms': median(deliveredMs),
    'volatile delivery, highest ms': highest(deliveredMs),
    'event-loop lag, p99 ms': lag.p99,
    'event-loop lag, highest ms': lag.max,
    'durable confirm, median ms': median(confirmedMs),
    'durable confirm, highest ms': highest(confirmedMs),
    refused: durable.refused,
  };
}

await phase();
const calm = await phase();
const fault = await ThreadFault.put(hub.pid, 'fdatasync:delay_enter=2s');
const stalled = await phase();
await fault.remove();
const rows = Object.keys(calm) as (keyof typeof calm)[];
console.table(
  Object.fromEntries(
    rows.map((name) => [
      name,
      {
        calm: Number(calm[name].toFixed(2)),
        stalled: Number(stalled[name].toFixed(2)),
        ratio: calm[name] > 0 ? Number((stalled[name] / calm[name]).toFixed(2)) : '',
      },
    ]),
  ),
);
for (const client of [durable, volatile, subscriber]) client.socket.terminate();
await hub.kill();
rmSync(folder, { recursive: true, force: true });
process.exitCode = stalled.refused === 0 && stalled['volatile delivered of offered'] === 1 ? 0 : 1;
