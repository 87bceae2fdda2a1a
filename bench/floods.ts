/**
 * What a client that asks for more than it may have does to others (X6): a million attempts of each kind, at the limits that a `server` has by
 * default, and how long another client's publishes take to be confirmed before, meanwhile and after.
 *
 *   node scripts/run-ts.mjs bench/floods.ts [--transport ws|uws] [--attempts 1000000] [--kinds exchanges,consumers] [--rate 5000] [--pin]
 *
 * `--rate` attempts a second rather than as many as the hub answers; `--pin` gives the hub one core, and the others another (taskset).
 * Hub, flooder and publisher are three processes. Ends with 1 where the hub took more than its caps, or its ledger is off.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { decodeServerMessage, ERRORS, type ErrorName } from '@ringhub/protocol';
import { FarHub } from './support/far-hub.ts';
import { WireClient } from './support/wire-client.ts';

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'ws' },
    attempts: { type: 'string', default: '1000000' },
    kinds: { type: 'string' },
    publishes: { type: 'string', default: '2000' },
    rate: { type: 'string' },
    pin: { type: 'boolean', default: false },
    flood: { type: 'string' },
    token: { type: 'string' },
  },
});
const ATTEMPTS = Number(values.attempts);
const RATE = values.rate === undefined ? undefined : Number(values.rate);
/** With a rate, as a client that asks for one thing at a time. */
const BATCH = RATE === undefined ? 100 : 1;
/** How often a flooder with a rate looks what is due. */
const PACE_MS = 1;
/** Answers that the flooder waits for at a time. */
const WINDOW = 1_000;
const EVERY_MS = 2;
const WARM_UPS = 3;

type Frame = (i: number, queue: number) => readonly unknown[];
interface Kind {
  readonly frame: Frame;
  readonly error: ErrorName;
  /** As many are taken of all attempts. */
  readonly cap: number;
}

const TOPIC = 'amq.topic';
const KINDS: Readonly<Record<string, Kind>> = {
  subscriptions: {
    frame: (i) => ['subscribe', i, { bindings: [[TOPIC, `k${i}.#`]] }],
    error: 'too-many-subscriptions',
    cap: 999,
  },
  bindings: {
    frame: (i, queue) => ['bind', i, queue, TOPIC, `k${i}`],
    error: 'too-many-bindings',
    cap: 1_999,
  },
  exchanges: {
    frame: (i) => ['declare', i, `x${i}`, { type: 'topic' }],
    error: 'too-many-exchanges',
    cap: 994,
  },
  'bindings-between-exchanges': {
    frame: (i) => ['bind', i, 'amq.fanout', TOPIC, `k${i}`],
    error: 'too-many-bindings',
    cap: 10_000,
  },
  queues: { frame: (i) => ['declareQueue', i, `q${i}`, {}], error: 'too-many-queues', cap: 9_999 },
  'bindings-of-a-queue': {
    frame: (i) => ['bind', i, { queue: 'q' }, TOPIC, `k${i}`],
    error: 'too-many-bindings',
    // The binding of the subscription is one, the publisher's another.
    cap: 99_998,
  },
  consumers: { frame: (i) => ['consume', i, { consume: 'q' }], error: 'too-many-subscriptions', cap: 999 },
};

/** The flooder's process: tells what was taken, and what was refused as what. */
async function flood(port: number, token: string, { frame }: Kind): Promise<void> {
  const client = await WireClient.open(`ws://127.0.0.1:${port}/v1/ws`, token);
  const queue = await client.command({ type: 'subscribe', ref: 0, options: { bindings: [[TOPIC, 'own']] } });
  await client.command({ type: 'declareQueue', ref: 0, name: 'q', options: {} });
  client.socket.removeAllListeners('message');
  let taken = 0;
  let answered = 0;
  const refused: Record<number, number> = {};
  let wake = (): void => {};
  client.socket.on('message', (data) => {
    for (const answer of decodeServerMessage(String(data)) ?? []) {
      if (answer.type === 'ping') client.socket.send('["pong"]');
      if (answer.type !== 'ok' && answer.type !== 'error') continue;
      answered++;
      if (answer.type === 'ok') taken++;
      else refused[answer.code] = (refused[answer.code] ?? 0) + 1;
    }
    wake();
  });
  client.socket.on('close', () => process.exit(1));
  // To start takes a core for a while, which is not the flood's doing.
  process.send?.('ready');
  await once(process, 'message');
  const startedMs = performance.now();
  for (let sent = 0; sent < ATTEMPTS; sent += BATCH) {
    while (RATE !== undefined && sent > ((performance.now() - startedMs) * RATE) / 1_000)
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    const lines = Array.from({ length: BATCH }, (_, j) => JSON.stringify(frame(sent + j + 1, queue)));
    client.socket.send(lines.join('\n'));
    while (sent + BATCH - answered > WINDOW) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  while (answered < ATTEMPTS) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  process.send?.({ taken, refused });
}

/** From a publish to its confirm, one after the other, until it is enough and `isOver`. */
async function publishes(client: WireClient, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (times.length < Number(values.publishes) || !isOver()) {
    const startedMs = performance.now();
    void client.publish(TOPIC, 'neighbour', 'x', 1);
    while (!client.isConfirmed) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  return times;
}

/** All threads of a process, and what it starts from now on. */
const pin = (core: number, pid: number): void => {
  execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
};

const p99 = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(0.99 * (times.length - 1))] ?? 0;

async function measure(name: string, { error, cap }: Kind): Promise<boolean> {
  const hub = await FarHub.start({ transport: values.transport as 'ws' | 'uws' });
  if (values.pin) for (const [core, pid] of [hub.pid, process.pid].entries()) pin(core, pid);
  const client = await WireClient.open(`ws://127.0.0.1:${hub.port}/v1/ws`, hub.token);
  await client.subscribe({ bindings: [[TOPIC, 'neighbour']] });
  // A hub that has just started is slower than it will be.
  for (let i = 0; i < WARM_UPS; i++) await publishes(client, () => true);
  const before = p99(await publishes(client, () => true));
  const flooder = fork('scripts/run-ts.mjs', [
    'bench/floods.ts',
    ...['--flood', String(hub.port), `--token=${hub.token}`, '--kinds', name, '--attempts', String(ATTEMPTS)],
    ...(values.rate === undefined ? [] : ['--rate', values.rate]),
  ]);
  let outcome: { taken: number; refused: Record<number, number> } | undefined;
  let isOver = false;
  await once(flooder, 'message');
  flooder.once('message', (message) => {
    outcome = message as typeof outcome;
  });
  const startedMs = performance.now();
  flooder.send('go');
  const ended = once(flooder, 'exit').then(() => {
    isOver = true;
  });
  const during = p99(await publishes(client, () => isOver));
  await ended;
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = p99(await publishes(client, () => true));
  const { rss } = await hub.memory();
  client.socket.terminate();
  await hub.stop();
  const refused = outcome?.refused[ERRORS[error].code] ?? 0;
  const most = Math.min(cap, ATTEMPTS);
  const isRight = outcome?.taken === most && refused === ATTEMPTS - most;
  console.log(
    `${name}: ${outcome?.taken} taken (cap ${cap}), ${refused} refused as ${error}, ${(ATTEMPTS / seconds).toFixed(0)}/s; publish p99 ` +
      `${before.toFixed(2)} ms before, ${during.toFixed(2)} meanwhile, ${after.toFixed(2)} after: ${(during / before).toFixed(2)} of before meanwhile, ${(after / before).toFixed(2)} after; ` +
      `${(rss / 2 ** 20).toFixed(0)} MiB resident${isRight ? '' : ': NOT AS IT SHOULD BE'}`,
  );
  return isRight;
}

if (values.flood !== undefined) {
  await flood(Number(values.flood), values.token ?? '', KINDS[values.kinds ?? ''] as Kind);
  process.exit(0);
}
const names = values.kinds?.split(',') ?? Object.keys(KINDS);
let isRight = true;
for (const name of names) isRight = (await measure(name, KINDS[name] as Kind)) && isRight;
process.exitCode = isRight ? 0 : 1;
