/**
 * What a delivery costs the hub and a browser in either codec, as ratios within one run:
 *
 *   npm run build && node scripts/run-ts.mjs bench/codec-delivery.ts
 *
 * Hub: CPU of its process while sockets that read and discard get every message. Browser: CPU of the main thread of a
 * headless Chromium (CDP `TaskDuration` in thread ticks) while an SDK client gets every message and its handler reads
 * it. The codecs take turns; each figure is the median of the rounds. A minute or two.
 */
import { parseArgs } from 'node:util';
import { connect, type Hub } from '@ringhub/client';
import { build } from 'esbuild';
import { type CDPSession, chromium, type Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { findChromium } from '../scripts/chromium.mjs';
import { CODECS, type CodecName } from './support/codecs.ts';
import { HubProcess } from './support/hub-process.ts';

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '1,32' },
  },
});
const sockets = Number(values.sockets);
const rounds = Number(values.rounds);
/** No round takes this long. */
const MAX_ROUND_MS = 60_000;
const NAMES: readonly CodecName[] = ['json', 'binary'];

interface Kind {
  readonly name: string;
  readonly data: (i: number) => unknown;
  /** How many messages a round has, sent one by one. */
  readonly messages: number;
}

const KINDS: readonly Kind[] = [
  {
    name: '128 B JSON',
    data: (i) => ({
      sensor: `s${i % 100}`,
      value: i / 7,
      unit: 'mbar',
      at: 1.7e12 + i,
      note: 'n'.repeat(40),
    }),
    messages: 1_000,
  },
  { name: '4 KiB text', data: (i) => `${i} ${'lorem ipsum '.repeat(341)}`, messages: 1_000 },
  { name: '1 KiB bytes', data: (i) => new Uint8Array(1024).fill(i), messages: 1_000 },
];

const hub = await HubProcess.start();
const publisher = await connect(hub.httpUrl, { token: hub.token, WebSocket: WebSocket as never });
const browser = await chromium.launch({
  executablePath: findChromium() ?? '',
  args: ['--disable-gpu', '--disable-quic', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
});
const page = await browser.newPage();
const cdp = await page.context().newCDPSession(page);
await preparePage(page, cdp);

for (const batch of values.batches.split(',').map(Number)) {
  for (const kind of KINDS) {
    const messages = batch === 1 ? kind.messages : kind.messages * 3;
    const hubUs: Record<CodecName, number[]> = { json: [], binary: [] };
    const pageUs: Record<CodecName, number[]> = { json: [], binary: [] };
    // The first round warms up both.
    for (let round = 0; round <= rounds; round++) {
      for (const codec of NAMES) {
        const inHub = await measureHub(codec, kind, messages, batch);
        const inPage = await measurePage(codec, kind, messages, batch);
        if (round === 0) continue;
        hubUs[codec].push(inHub);
        pageUs[codec].push(inPage);
      }
    }
    report(`${kind.name}, ${batch} at once`, 'hub', hubUs);
    report(`${kind.name}, ${batch} at once`, 'browser', pageUs);
  }
}
await browser.close();
await publisher.close();
await hub.stop();

/** CPU of the hub per delivery, in µs, with as many sockets that only read. */
async function measureHub(codec: CodecName, kind: Kind, messages: number, batch: number): Promise<number> {
  const key = `hub.${codec}`;
  const open = await Promise.all(Array.from({ length: sockets }, () => openSocket(codec, key)));
  const before = { cpu: hub.cpuSeconds(), deliveries: (await hub.stats()).deliveries };
  await publish(publisher, key, kind, messages, batch);
  const deadline = performance.now() + MAX_ROUND_MS;
  while ((await hub.stats()).deliveries - before.deliveries < messages * sockets) {
    if (performance.now() > deadline) throw new Error(`${kind.name}: deliveries are missing`);
    await pause();
  }
  const cpu = hub.cpuSeconds() - before.cpu;
  for (const socket of open) socket.terminate();
  return (cpu / (messages * sockets)) * 1e6;
}

/** Time of the page's main thread per delivery, in µs. */
async function measurePage(codec: CodecName, kind: Kind, messages: number, batch: number): Promise<number> {
  const key = `page.${codec}`;
  await page.evaluate(([token, name, k]) => (globalThis as never as Bench).open(token, name, k), [
    hub.token,
    codec,
    key,
  ] as const);
  const before = await taskSeconds(cdp);
  const all = page.evaluate((count) => (globalThis as never as Bench).receive(count), messages);
  await publish(publisher, key, kind, messages, batch);
  await all;
  const busy = (await taskSeconds(cdp)) - before;
  await page.evaluate(() => (globalThis as never as Bench).shut());
  return (busy / messages) * 1e6;
}

interface Bench {
  open(token: string, codec: CodecName, key: string): Promise<void>;
  receive(count: number): Promise<void>;
  shut(): Promise<void>;
}

async function preparePage(page: Page, cdp: CDPSession): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ['bench/support/delivery-page.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    conditions: ['source'],
  });
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  // Any page of the hub's own origin.
  await page.goto(`${hub.httpUrl}/livez`);
  await page.evaluate(outputFiles[0]!.text);
}

async function taskSeconds(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')!.value;
}

/** A subscription that reads and discards: its own cost is no part of the hub's. */
async function openSocket(codec: CodecName, key: string): Promise<WebSocket> {
  const wire = CODECS[codec]();
  const socket = wire.open(WebSocket as never, hub.wsUrl) as unknown as WebSocket;
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(wire.encode(['hello', { version: 1, token: hub.token }]));
  await new Promise((resolve) => socket.once('message', resolve));
  const options = {
    bindings: [['amq.topic', key]],
    ack: 'none',
    overflow: 'catch-up',
    capacity: 10_000,
    capacityBytes: 67_108_864,
  } as const;
  socket.send(wire.encode(['subscribe', 1, options]));
  await new Promise((resolve) => socket.once('message', resolve));
  socket.on('message', () => {});
  return socket;
}

async function publish(
  hub: Hub,
  key: string,
  { data }: Kind,
  messages: number,
  batch: number,
): Promise<void> {
  for (let i = 0; i < messages; i += batch) {
    const some = Array.from({ length: Math.min(batch, messages - i) }, (_, j) =>
      hub.publish('amq.topic', key, data(i + j)),
    );
    await Promise.all(some);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function report(what: string, where: string, us: Record<CodecName, number[]>): void {
  const [json, binary] = [median(us.json), median(us.binary)];
  const ratio = (json / binary).toFixed(2);
  console.log(
    `${what.padEnd(24)} ${where.padEnd(8)} json ${json.toFixed(2)} µs  binary ${binary.toFixed(2)} µs  json/binary ${ratio}`,
  );
}
