/**
 * S8: publishes that are confirmed, to a volatile exchange that leads to nobody: what taking a message costs, logged and
 * answered. Alone, each in a WebSocket message of its own as fast as the window allows, or many of them in one.
 */
import { round } from '../load/measurement.ts';
import { stampedMessage } from '../load/tally.ts';
import { cpuSeconds, rssMib } from '../support/process-usage.ts';
import { RunningRinghub } from '../systems/ringhub.ts';
import type { System } from '../systems/system.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const MESSAGE_BYTES = 128;
/** Messages that leave together; several such are under way in a window. */
const BATCH = 512;
const QUIET_MS = 10_000;

const PUBLISHERS = [
  ['one', 1],
  ['ten', 10],
  ['hundred', 100],
] as const;

const scenario = (suffix: string, publishers: number, batch: number): Scenario => ({
  name: `S8${suffix}`,
  title: `${publishers} publisher${publishers === 1 ? '' : 's'}, ${batch} message${batch === 1 ? '' : 's'} in a WebSocket message, confirmed`,
  needs: 'confirms',
  figure: { name: 'confirmedPerSec', better: 'more' },
  run: (system, options) => run(publishers, batch, system, options),
});

export const PUBLISH_INGRESS: readonly Scenario[] = [
  ...PUBLISHERS.map(([suffix, publishers]) => scenario(suffix, publishers, 1)),
  ...PUBLISHERS.map(([suffix, publishers]) => scenario(`batch-${suffix}`, publishers, BATCH)),
];

interface Account {
  sent: number;
  confirmed: number;
}

async function run(
  publishers: number,
  batch: number,
  system: System,
  { seconds, warmUpSeconds, bytes = MESSAGE_BYTES }: RunOptions,
): Promise<Figures> {
  const running = await system.start('confirms');
  let isStopped = false;
  try {
    const accounts = await Promise.all(
      Array.from({ length: publishers }, async (_, i) => {
        const account: Account = { sent: 0, confirmed: 0 };
        let isScheduled = false;
        const peer = await running.ingress!((count) => {
          account.confirmed += count;
          if (isScheduled) return;
          isScheduled = true;
          setImmediate(pump);
        });
        const pump = (): void => {
          isScheduled = false;
          while (!isStopped && account.sent + batch - account.confirmed <= peer.window) {
            peer.publish(`ingress.${i}`, stampedMessage(bytes), batch);
            account.sent += batch;
          }
        };
        setImmediate(pump);
        return account;
      }),
    );
    const confirmed = (): number => accounts.reduce((sum, account) => sum + account.confirmed, 0);
    await pause(warmUpSeconds * 1000);
    const before = { confirmed: confirmed(), cpu: cpuSeconds(running.pid), own: process.cpuUsage() };
    const startedMs = performance.now();
    await pause(seconds * 1000);
    const lasted = (performance.now() - startedMs) / 1000;
    const taken = confirmed() - before.confirmed;
    const server = cpuSeconds(running.pid) - before.cpu;
    const own = process.cpuUsage(before.own);
    isStopped = true;
    await allConfirmed(accounts);
    if (running instanceof RunningRinghub) await holdsTo(running, confirmed());
    return {
      publishers,
      batch,
      seconds: round(lasted, 2),
      confirmedPerSec: Math.round(taken / lasted),
      serverUsPerPublish: round((server / taken) * 1e6, 3),
      serverCpuPct: Math.round((server / lasted) * 100),
      clientCpuPct: Math.round((own.user + own.system) / 1e4 / lasted),
      serverRssMib: round(rssMib(running.pid), 1),
    };
  } finally {
    isStopped = true;
    await running.stop();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each publisher has every message confirmed, once. */
async function allConfirmed(accounts: readonly Account[]): Promise<void> {
  for (let waited = 0; waited < QUIET_MS; waited += 20) {
    if (accounts.every(({ sent, confirmed }) => sent === confirmed)) return;
    await pause(20);
  }
  const wrong = accounts.filter(({ sent, confirmed }) => sent !== confirmed);
  throw new Error(`sent and confirmed differ: ${JSON.stringify(wrong.slice(0, 3))}`);
}

/** What the hub says that it took is what it has confirmed. */
async function holdsTo({ hub }: RunningRinghub, confirmed: number): Promise<void> {
  const { publishes } = await hub.stats();
  if (publishes.taken !== confirmed || publishes.duplicate !== 0) {
    throw new Error(`${confirmed} confirmed, but ${JSON.stringify(publishes)}`);
  }
}
