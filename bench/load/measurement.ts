/** Measures a server while load runs: warm-up, then a stretch of time whose figures count. */
import { cpuSeconds, machineSeconds, rssMib } from '../support/process-usage.ts';
import type { Tally } from './tally.ts';

export interface Measured {
  readonly seconds: number;
  readonly deliveries: number;
  readonly deliveredPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly serverUsPerDelivery: number;
  readonly serverCpuPct: number;
  readonly clientCpuPct: number;
  /** Of one core: what neither server nor load used. Above 40, the run is noisy. */
  readonly othersCpuPct: number;
  readonly serverRssMib: number;
}

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** How long deliveries are waited for that do not come, as where a server hangs. */
const WARM_UP_AT_MOST_SECONDS = 30;

export interface Stretch {
  readonly warmUpSeconds: number;
  /** Default 0: the seconds alone. */
  readonly warmUpDeliveries?: number;
  readonly seconds: number;
}

type WarmUp = Omit<Stretch, 'seconds'>;

/** Resolves after warm-up, while the caller's load goes on by itself. */
export async function warmUp(tally: Tally, { warmUpSeconds, warmUpDeliveries = 0 }: WarmUp): Promise<void> {
  const warmAt = tally.deliveries + warmUpDeliveries;
  await pause(warmUpSeconds);
  for (let waited = 0; tally.deliveries < warmAt && waited < WARM_UP_AT_MOST_SECONDS; waited += 0.05) {
    await pause(0.05);
  }
}

/** Resolves after warm-up and measured time, while the caller's load goes on by itself. */
export async function measure(pid: number, tally: Tally, stretch: Stretch): Promise<Measured> {
  await warmUp(tally, stretch);
  const before = { server: cpuSeconds(pid), load: ownSeconds(), machine: machineSeconds().busy };
  const { deliveries } = tally;
  const startedMs = performance.now();
  tally.latency.reset();
  await pause(stretch.seconds);
  const lasted = (performance.now() - startedMs) / 1000;
  const taken = tally.deliveries - deliveries;
  const server = cpuSeconds(pid) - before.server;
  const load = ownSeconds() - before.load;
  const others = machineSeconds().busy - before.machine - server - load;
  return {
    seconds: round(lasted, 2),
    deliveries: taken,
    deliveredPerSec: Math.round(taken / lasted),
    p50Ms: round(tally.latency.percentileMs(50), 2),
    p99Ms: round(tally.latency.percentileMs(99), 2),
    maxMs: round(tally.latency.maxUs / 1000, 2),
    serverUsPerDelivery: round((server / taken) * 1e6, 3),
    serverCpuPct: Math.round((server / lasted) * 100),
    clientCpuPct: Math.round((load / lasted) * 100),
    othersCpuPct: Math.round((others / lasted) * 100),
    serverRssMib: round(rssMib(pid), 1),
  };
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));
