/**
 * One publisher at full speed to many subscribers, one of which stops reading: is everything accounted for,
 * and does memory stay bounded?
 *
 *   npm run build && node scripts/run-ts.mjs bench/fanout.ts --subscribers 1000 --seconds 60
 *
 * Exits with 1 where a message is unaccounted for. The account is the clients' own: each counts what it got
 * and what it was told it lost; both together must be what the publisher had confirmed.
 */
import { parseArgs } from 'node:util';
import { HubProcess } from './support/hub-process.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    bytes: { type: 'string', default: '128' },
    batch: { type: 'string', default: '32' },
  },
});
const subscriberCount = Number(values.subscribers);
const seconds = Number(values.seconds);
const payload = 'x'.repeat(Number(values.bytes));
const batch = Number(values.batch);

const hub = await HubProcess.start();
const subscribers: WireClient[] = [];
for (let i = 0; i < subscriberCount; i++) {
  const client = await WireClient.open(hub.wsUrl, hub.token);
  await client.subscribe({ bindings: [['amq.topic', 'load.#']], overflow: 'drop-oldest' });
  subscribers.push(client);
}
const stalled = subscribers[0]!;
stalled.socket.pause();
// A client that is silent for deadMs (45 s) is parked: this one reads again before that.
const stallMs = Math.min(30_000, seconds * 500);
const publisher = await WireClient.open(hub.wsUrl, hub.token);
console.log(
  `${subscriberCount} subscribers, one of them not reading for ${stallMs / 1000} s; publishing ${seconds} s`,
);

const started = performance.now();
const cpuBefore = hub.cpuSeconds();
const rss: number[] = [hub.rssMib()];
let nextReport = started + 5_000;
while (performance.now() - started < seconds * 1000) {
  await publisher.publish('amq.topic', 'load.a', payload, batch);
  // The load generator shares its loop with all subscribers: let them read.
  await new Promise((resolve) => setImmediate(resolve));
  if (performance.now() - started > stallMs) stalled.socket.resume();
  if (performance.now() < nextReport) continue;
  nextReport += 5_000;
  rss.push(hub.rssMib());
  const { ledger } = await hub.stats();
  console.log(
    `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  published ${publisher.published}  rss ${rss.at(-1)!.toFixed(0)} MiB  residual ${ledger.residual}`,
  );
}
const elapsed = (performance.now() - started) / 1000;
const cpu = hub.cpuSeconds() - cpuBefore;
stalled.socket.resume();

const isSettled = async (): Promise<boolean> => {
  const { ledger } = await hub.stats();
  return publisher.isConfirmed && ledger.ready === 0 && ledger.inflight === 0;
};
for (let i = 0; i < 300 && !(await isSettled()); i++)
  await new Promise((resolve) => setTimeout(resolve, 100));

const stats = await hub.stats();
const wrong = subscribers.filter((s) => s.messages + s.lost !== publisher.confirmed || s.disorder > 0);
const delivered = subscribers.reduce((sum, s) => sum + s.messages, 0);
const others = subscribers.slice(1);
console.table({
  published: publisher.confirmed,
  'published per second': Math.round(publisher.confirmed / elapsed),
  delivered,
  'delivered per second': Math.round(delivered / elapsed),
  'hub CPU µs per delivery': Number(((cpu / delivered) * 1e6).toFixed(2)),
  'told as lost: the stalled one': stalled.lost,
  'told as lost: all others': others.reduce((sum, s) => sum + s.lost, 0),
  'unaccounted or out of order (subscribers)': wrong.length,
  'ledger residual': stats.ledger.residual,
  'rss MiB at start, highest': `${rss[0]!.toFixed(0)}, ${Math.max(...rss).toFixed(0)}`,
  'held by rings at the end (bytes)': stats.memory.heldBytes,
});
for (const s of [...subscribers, publisher]) s.socket.terminate();
await hub.stop();
process.exitCode = wrong.length === 0 && stats.ledger.residual === 0 ? 0 : 1;
