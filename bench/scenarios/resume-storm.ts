/**
 * S6: all sessions lose their connections at once, with unacknowledged messages, and come back at once. Each has to have every
 * message again, once and under the tag it had; the hub's own ledger is asked at the end, too.
 *
 * At most as many connections are being opened at a time as uWebSockets.js lets the system hold for it: beyond that the kernel
 * drops the first packet, and what is measured is its timer of a second.
 */
import { atMost } from '../load/at-most.ts';
import { round } from '../load/measurement.ts';
import { NumberedTally } from '../load/numbered-tally.ts';
import { numberedMessage, Tally } from '../load/tally.ts';
import { cpuSeconds, rssMib } from '../support/process-usage.ts';
import { Ringhub, type RinghubPeer, type RunningRinghub } from '../systems/ringhub.ts';
import type { System } from '../systems/system.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const SESSIONS = 5_000;
const UNACKED = 100;
const MESSAGE_BYTES = 128;
const CONNECTING = 400;
/** What leaves in one turn is one WebSocket message, which has a bound. */
const MAX_A_TURN = 256;
const DEADLINE_MS = 120_000;

interface Shape {
  readonly name: string;
  readonly title: string;
  readonly isShared: boolean;
}

const SHAPES: readonly Shape[] = [
  {
    name: 'S6',
    title: '5,000 sessions with the same 100 unacknowledged messages come back at once: seconds for all',
    isShared: true,
  },
  {
    name: 'S6own',
    title: 'the same, with 100 messages for each session alone',
    isShared: false,
  },
];

export const RESUME_STORMS: readonly Scenario[] = SHAPES.map(({ name, title, isShared }) => ({
  name,
  title,
  needs: 'acks',
  systems: (system) => system instanceof Ringhub,
  figure: { name: 'seconds', better: 'less' },
  run: (system, options) => run(isShared, system, options),
}));

async function run(
  isShared: boolean,
  system: System,
  { subscribers = SESSIONS, bytes = MESSAGE_BYTES }: RunOptions,
): Promise<Figures> {
  const running = await (system as Ringhub).start();
  const keyOf = (i: number): string => (isShared ? 'storm.all' : `storm.${i}`);
  const talliesOf = (): NumberedTally[] =>
    Array.from({ length: subscribers }, (_, i) => new NumberedTally(`session ${i}`, UNACKED));
  try {
    const before = talliesOf();
    const peers = await atMost(CONNECTING, subscribers, async (i) => {
      const peer = await running.open(before[i]!, { settles: 'never' });
      await peer.subscribe([keyOf(i)], { prefetch: 2 * UNACKED, capacity: 4 * UNACKED });
      return peer;
    });
    const keys = isShared ? [keyOf(0)] : peers.map((_, i) => keyOf(i));
    await publishToAll(running, keys, bytes);
    await within(before);

    const after = talliesOf();
    const cpuBefore = cpuSeconds(running.pid);
    const ownBefore = process.cpuUsage();
    const startedMs = performance.now();
    running.cut();
    const resumed = await atMost(CONNECTING, subscribers, async (i) => {
      const peer = await running.open(after[i]!, { settles: 'never', resume: peers[i]!.resumption() });
      if (!peer.welcome?.resumed) throw new Error(`session ${i} was not there any more`);
      return peer;
    });
    const connectedSeconds = (performance.now() - startedMs) / 1000;
    await within(after);
    const seconds = (performance.now() - startedMs) / 1000;
    const own = process.cpuUsage(ownBefore);
    const figures = {
      subscribers,
      seconds: round(seconds, 2),
      connectedSeconds: round(connectedSeconds, 2),
      messages: subscribers * UNACKED,
      serverUsPerSession: round(((cpuSeconds(running.pid) - cpuBefore) / subscribers) * 1e6, 1),
      clientCpuPct: Math.round((own.user + own.system) / 1e4 / seconds),
      serverRssMib: round(rssMib(running.pid), 1),
    };
    await settleAll(running, resumed);
    return figures;
  } finally {
    await running.stop();
  }
}

/** The messages of one key after those of another, as the window has room for them. */
async function publishToAll(running: RunningRinghub, keys: readonly string[], bytes: number): Promise<void> {
  const tally = new Tally();
  const publisher = await running.open(tally);
  const total = keys.length * UNACKED;
  await new Promise<void>((resolve) => {
    let isScheduled = false;
    const schedule = (): void => {
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(pump);
    };
    const pump = (): void => {
      isScheduled = false;
      for (let left = MAX_A_TURN; left > 0 && publisher.published < total && publisher.room >= 1; left--) {
        const key = keys[Math.floor(publisher.published / UNACKED)]!;
        publisher.publish(key, numberedMessage(publisher.published % UNACKED, bytes));
      }
      if (publisher.confirmed === total) resolve();
      else if (publisher.published < total && publisher.room >= 1) schedule();
    };
    tally.onProgress = schedule;
    pump();
  });
}

async function within(tallies: readonly NumberedTally[]): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const missing = tallies.filter(({ deliveries }) => deliveries < UNACKED);
      reject(new Error(`${missing.length} sessions miss messages, ${missing[0]?.who} among them`));
    }, DEADLINE_MS);
  });
  await Promise.race([late, Promise.all(tallies.map(({ complete }) => complete))]);
  clearTimeout(timer);
}

/** Acknowledges all of it and holds the hub's ledger to it. */
async function settleAll(running: RunningRinghub, peers: readonly RinghubPeer[]): Promise<void> {
  for (const peer of peers) peer.ack();
  const expected = peers.length * UNACKED;
  for (let tries = 0; ; tries++) {
    const { ledger, resumes } = await running.hub.stats();
    if (ledger.acked === expected && ledger.routed === expected && ledger.residual === 0) {
      if (resumes.resumed !== peers.length) throw new Error(`${resumes.resumed} resumes`);
      return;
    }
    if (tries === 100) throw new Error(`the ledger does not add up: ${JSON.stringify(ledger)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
