/**
 * What a client that asks for more than it may have does to others (X6): attempts of each kind at the limits that a `server` has by default, and
 * how long another client's publishes take to be confirmed while it floods, and while it rests.
 *
 *   node scripts/run-ts.mjs bench/floods.ts [--transport ws|uws] [--kinds exchanges,consumers] [--phases 20] [--phase-ms 1000]
 *   node scripts/run-ts.mjs bench/floods.ts --unslowed [--attempts 1000000] …
 *
 * Flood and rest take turns, so that both meet the same machine; the first two phases of each, in which the caps are reached and the hub's code
 * is compiled, are not counted. `--unslowed` takes away the bound on refusals (`maxRefusalsPerSec`): a million attempts in one go, as fast as the hub answers.
 * Hub, flooder and publisher are three processes; the flooder's gives way to both. Ends with 1 where the hub took more than its caps, or refused otherwise.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
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
    phases: { type: 'string', default: '20' },
    'phase-ms': { type: 'string', default: '1000' },
    unslowed: { type: 'boolean', default: false },
    flood: { type: 'string' },
    token: { type: 'string' },
  },
});
const ATTEMPTS = Number(values.attempts);
const PHASES = Number(values.phases);
const PHASE_MS = Number(values['phase-ms']);
/** Of each kind, flood and rest, not counted. */
const WARM_UP_PHASES = 2;
const BATCH = 100;
/** Answers that the flooder waits for at a time. */
const WINDOW = 1_000;
const EVERY_MS = 2;

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

/**
 * The flooder's process: floods until it is told to rest, and to go on; after ATTEMPTS, or when it is told so, it tells what was taken, and what was
 * refused as what.
 */
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
  let order: unknown = 'rest';
  process.on('message', (message) => {
    order = message;
    wake();
  });
  const somethingNew = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  // To start takes a core for a while, which is not the flood's doing.
  process.send?.('ready');
  let sent = 0;
  while (sent < ATTEMPTS && order !== 'end') {
    if (order === 'rest' || sent + BATCH - answered > WINDOW) {
      await somethingNew();
      continue;
    }
    const lines = Array.from({ length: BATCH }, (_, j) => JSON.stringify(frame(sent + j + 1, queue)));
    client.socket.send(lines.join('\n'));
    sent += BATCH;
  }
  while (answered < sent) await somethingNew();
  process.send?.({ taken, refused, sent });
}

/** From a publish to its confirm, one after the other, until `isOver`. */
async function publishes(client: WireClient, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!isOver()) {
    const startedMs = performance.now();
    void client.publish(TOPIC, 'neighbour', 'x', 1);
    while (!client.isConfirmed) await once(client.socket, 'message');
    times.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  return times;
}

const publishesFor = (client: WireClient, ms: number): Promise<number[]> => {
  const untilMs = performance.now() + ms;
  return publishes(client, () => performance.now() >= untilMs);
};

/** Whoever else wants a core has it: else publisher and hub would wait for the flooder's process, which is not the hub's doing. */
const giveWay = (pid: number): void => {
  execFileSync('chrt', ['-a', '-i', '-p', '0', String(pid)], { stdio: 'ignore' });
};

const quantile = (times: readonly number[], q: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(q * (times.length - 1))] ?? 0;

interface Outcome {
  readonly taken: number;
  readonly sent: number;
  readonly refused: Record<number, number>;
}

/** Publishes while the flooder rests, and while it floods, in turn. */
async function inPhases(
  client: WireClient,
  flooder: ChildProcess,
): Promise<[calm: number[], flooded: number[]]> {
  const calm: number[] = [];
  const flooded: number[] = [];
  for (let phase = 0; phase < PHASES + WARM_UP_PHASES; phase++) {
    flooder.send('rest');
    const rested = await publishesFor(client, PHASE_MS);
    flooder.send('go');
    const met = await publishesFor(client, PHASE_MS);
    if (phase < WARM_UP_PHASES) continue;
    calm.push(...rested);
    flooded.push(...met);
  }
  flooder.send('end');
  return [calm, flooded];
}

/** Publishes before the flood, and until it is over. */
async function inOneGo(
  client: WireClient,
  flooder: ChildProcess,
): Promise<[calm: number[], flooded: number[]]> {
  const calm = await publishesFor(client, WARM_UP_PHASES * PHASE_MS);
  let isOver = false;
  flooder.once('message', () => {
    isOver = true;
  });
  flooder.send('go');
  return [calm, await publishes(client, () => isOver)];
}

async function measure(name: string, { error, cap }: Kind): Promise<boolean> {
  const unslowed = [['dev', { maxRefusalsPerSec: 1e6, maxRefusalsBurst: 1e6 }]] as const;
  const hub = await FarHub.start({
    transport: values.transport as 'ws' | 'uws',
    ...(values.unslowed && { roleLimits: unslowed }),
  });
  const client = await WireClient.open(`ws://127.0.0.1:${hub.port}/v1/ws`, hub.token);
  await client.subscribe({ bindings: [[TOPIC, 'neighbour']] });
  // A hub that has just started is slower than it will be.
  await publishesFor(client, WARM_UP_PHASES * PHASE_MS);
  const flooder = fork('scripts/run-ts.mjs', [
    'bench/floods.ts',
    ...['--flood', String(hub.port), `--token=${hub.token}`, '--kinds', name, '--attempts', String(ATTEMPTS)],
  ]);
  await once(flooder, 'message');
  giveWay(flooder.pid as number);
  const told = once(flooder, 'message') as Promise<[Outcome]>;
  const ended = once(flooder, 'exit');
  const startedMs = performance.now();
  const [calm, flooded] = await (values.unslowed ? inOneGo : inPhases)(client, flooder);
  const [{ taken, sent, refused }] = await told;
  const seconds = (performance.now() - startedMs) / 1_000;
  await ended;
  const { rss } = await hub.memory();
  client.socket.terminate();
  await hub.stop();
  const asError = refused[ERRORS[error].code] ?? 0;
  const most = Math.min(cap, sent);
  const isRight = taken === most && asError === sent - most;
  const figures = ([0.5, 0.99] as const).map((q) => {
    const [without, meanwhile] = [quantile(calm, q), quantile(flooded, q)];
    return `p${q * 100} ${without.toFixed(2)} ms without, ${meanwhile.toFixed(2)} meanwhile (${(meanwhile / without).toFixed(2)})`;
  });
  console.log(
    `${name}: ${taken} taken (cap ${cap}), ${asError} refused as ${error} in ${seconds.toFixed(1)} s; publishes ${calm.length} and ${flooded.length}, ${figures.join('; ')}; ` +
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
