/**
 * What a hostile crowd does to a client that behaves: 5,000 connections that never say hello, 1,000 half-sent handshakes and 200
 * subscribers that never read stand there together, while one client connects again and again, and another gets messages. The same is
 * measured before and after, in one run. Also what a silent connection takes of the hub's memory.
 *
 *   node scripts/run-ts.mjs bench/hostile-crowd.ts [--transport ws|uws] [--silent 5000] [--half 1000] [--unread 200]
 *     [--worked 200000], messages before the memory of silent connections is measured
 *
 * Hub, crowd and client are three processes. The hub and the crowd need as many open files as there are sockets: raise
 * `ulimit -n` to 12,000 or more. Deadlines are put off, so that the crowd stays; with them it would be gone after some seconds.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { FarHub } from './support/far-hub.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'ws' },
    silent: { type: 'string', default: '5000' },
    half: { type: 'string', default: '1000' },
    unread: { type: 'string', default: '200' },
    connects: { type: 'string', default: '400' },
    messages: { type: 'string', default: '2000' },
    worked: { type: 'string', default: '200000' },
    crowd: { type: 'string' },
    token: { type: 'string' },
  },
});

/** Sockets opened at a time: a listening socket has room for so many that wait. */
const AT_ONCE = 100;
const WORKED_AT_ONCE = 1_000;
const DEADLINE_MS = 600_000;
const FLOOD_BYTES = 60 * 1024;
const FLOODS = 100;
const EVERY_MS = 4;
const CALM_MS = 10;
const IN_TIME = 20;

/** The process of the attackers: does as it is told, kind by kind. */
async function runCrowd(port: number, token: string): Promise<void> {
  const sockets: Socket[] = [];
  const open = async (say: string | undefined, then?: (socket: Socket) => void): Promise<void> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    if (say !== undefined) socket.write(say);
    if (!then) return;
    await once(socket, 'data');
    then(socket);
  };
  const many = async (count: number, one: () => Promise<void>): Promise<void> => {
    for (let i = 0; i < count; i += AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, one));
  };
  const silent = () => open(HANDSHAKE, () => {});
  const half = () => open(HANDSHAKE.slice(0, 60));
  const unread = () =>
    open(HANDSHAKE, (socket) => {
      socket.pause();
      socket.write(masked(`["hello",{"version":1,"token":"${token}"}]`));
      socket.write(masked('["subscribe",1,{"bindings":[["amq.topic","flood"]]}]'));
    });
  const kinds: Record<string, () => Promise<void>> = { silent, half, unread };
  process.on('message', async ([kind, count]: [string, number]) => {
    if (kind === 'leave') for (const socket of sockets.splice(0)) socket.destroy();
    else await many(count, kinds[kind] as () => Promise<void>);
    process.send?.('done');
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

const HANDSHAKE = [
  'GET /v1/ws HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: ringhub.v1.json',
  '\r\n',
].join('\r\n');

/** A text frame of at most 125 bytes with a mask of zeros. */
const masked = (text: string): Uint8Array =>
  Buffer.concat([Buffer.from([0x81, 0x80 | Buffer.byteLength(text), 0, 0, 0, 0]), Buffer.from(text)]);

async function measure(): Promise<void> {
  const transport = values.transport as 'ws' | 'uws';
  const hub = await FarHub.start({
    transport,
    limits: { helloTimeoutMs: DEADLINE_MS, handshakeTimeoutMs: DEADLINE_MS, requestTimeoutMs: DEADLINE_MS },
  });
  const url = `ws://127.0.0.1:${hub.port}/v1/ws`;
  const crowd = fork('scripts/run-ts.mjs', [
    'bench/hostile-crowd.ts',
    ...['--crowd', String(hub.port), `--token=${hub.token}`],
  ]);
  await once(crowd, 'message');
  const tell = async (kind: string, count = 0): Promise<void> => {
    crowd.send([kind, count]);
    await once(crowd, 'message');
  };
  const [publisher, subscriber] = [
    await WireClient.open(url, hub.token),
    await WireClient.open(url, hub.token),
  ];
  await subscriber.subscribe({ bindings: [['amq.topic', 'a']] });
  const phase = async (name: string, isFlooding: boolean) => {
    const connectMs = await connects(url, hub.token);
    const deliverMs = await deliveries(publisher, subscriber, isFlooding);
    const figures = { connectMs: percentiles(connectMs), deliverMs: percentiles(deliverMs) };
    console.log(`${name}: connect ${shown(figures.connectMs)}; deliver ${shown(figures.deliverMs)}`);
    return figures;
  };

  console.log(`transport ${transport}`);
  // Before anything else, a heap that has grown has room for what comes later; but what the first ones bring is code.
  await tell('silent', AT_ONCE);
  await tell('leave');
  // The young generation of a heap grows to its full size once, whoever brings that about: not those who are counted here. Messages, as
  // connections that came and went would leave the very room that others need.
  for (let i = 0; i < Number(values.worked); i += WORKED_AT_ONCE) {
    await publisher.publish('amq.topic', 'worked', 'x'.repeat(100), WORKED_AT_ONCE);
  }
  let memory = await hub.memory();
  for (const which of ['of the first', 'of as many more']) {
    await tell('silent', Number(values.silent));
    const { rss, used } = await hub.memory();
    const kib = (bytes: number): string => (bytes / Number(values.silent) / 1024).toFixed(1);
    console.log(
      `a silent connection ${which} ${values.silent}: ${kib(rss - memory.rss)} KiB resident, ${kib(used - memory.used)} KiB used by JavaScript`,
    );
    memory = { rss, used };
  }
  await tell('leave');
  await phase('warming up', false);
  const before = await phase('alone', false);
  await tell('silent', Number(values.silent));
  await tell('half', Number(values.half));
  await tell('unread', Number(values.unread));
  for (let i = 0; i < FLOODS; i++) await publisher.publish('amq.topic', 'flood', 'x'.repeat(FLOOD_BYTES), 1);
  // 1.2 GB for sockets that do not read: what the system takes of it keeps the hub busy for a while, whoever connects meanwhile.
  const filledMs = await calm(publisher, subscriber);
  console.log(
    `with the crowd: ${((await hub.memory()).rss / 2 ** 20).toFixed(0)} MiB resident, calm after ${filledMs.toFixed(0)} ms`,
  );
  const during = await phase('with the crowd', true);
  await tell('leave');
  const after = await phase('alone again', false);
  const ratio = (of: 'connectMs' | 'deliverMs') => during[of].p99 / Math.max(before[of].p99, after[of].p99);
  console.log(
    `p99 with the crowd, over the worse of without: connect ${ratio('connectMs').toFixed(2)}, deliver ${ratio('deliverMs').toFixed(2)}`,
  );
  crowd.disconnect();
  for (const client of [publisher, subscriber]) client.socket.terminate();
  await hub.stop();
}

/** From the begin of a connection to its welcome, one after the other. */
async function connects(url: string, token: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < Number(values.connects); i++) {
    const startedMs = performance.now();
    const client = await WireClient.open(url, token);
    times.push(performance.now() - startedMs);
    client.socket.terminate();
  }
  return times;
}

/** Resolves once messages are delivered at once again; tells how long that took. */
async function calm(publisher: WireClient, subscriber: WireClient): Promise<number> {
  const startedMs = performance.now();
  for (let inTime = 0; inTime < IN_TIME; ) {
    const [deliveredMs = 0] = await deliveries(publisher, subscriber, false, 1);
    inTime = deliveredMs < CALM_MS ? inTime + 1 : 0;
  }
  return performance.now() - startedMs;
}

/** From a publish to its delivery on another connection, one message every few milliseconds. */
async function deliveries(
  publisher: WireClient,
  subscriber: WireClient,
  isFlooding: boolean,
  count = Number(values.messages),
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const goal = subscriber.messages + 1;
    void publisher.publish('amq.topic', 'a', 'x'.repeat(128), 1);
    if (isFlooding && i % 10 === 0) void publisher.publish('amq.topic', 'flood', 'x'.repeat(1_024), 1);
    while (subscriber.messages < goal) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  return times;
}

function percentiles(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return { median: at(0.5), p99: at(0.99), highest: at(1), highestIndex: times.indexOf(at(1)) };
}

const shown = ({ median, p99, highest, highestIndex }: ReturnType<typeof percentiles>): string =>
  `${median.toFixed(2)} ms median, ${p99.toFixed(2)} p99, ${highest.toFixed(2)} highest (no. ${highestIndex})`;

if (values.crowd !== undefined) await runCrowd(Number(values.crowd), values.token ?? '');
else await measure();
