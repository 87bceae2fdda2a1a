/** S4: what ten thousand connected sessions take that have one subscription each and hear nothing. */
import { round } from '../load/measurement.ts';
import { Tally } from '../load/tally.ts';
import { rssMib } from '../support/process-usage.ts';
import type { System } from '../systems/system.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const SESSIONS = 10_000;
const CONNECTING = 100;
/** So that what a server takes for its first connections, whatever their number, is not counted as theirs. They are some of all: one
 * subject may have ten thousand connections to a hub, and no more. */
const FIRST = 200;
/** Idle for so long: what connecting them took besides, V8 gives back 100 s after its last collection, where little happens. */
const SETTLE_MS = 120_000;

export const IDLE_SESSIONS: Scenario = {
  name: 'S4',
  title: '10,000 idle sessions with one subscription each: memory of one',
  needs: 'fan-out',
  figure: { name: 'kibPerSession', better: 'less' },
  run,
};

async function run(system: System, { subscribers = SESSIONS }: RunOptions): Promise<Figures> {
  const tally = new Tally();
  const running = await system.start('fan-out');
  const connect = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += CONNECTING) {
      const some = Array.from({ length: Math.min(CONNECTING, to - at) }, async (_, i) => {
        const peer = await running.connect(tally, false);
        await peer.subscribe([`idle.${at + i}`]);
      });
      await Promise.all(some);
    }
  };
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  try {
    await connect(0, FIRST);
    await settle();
    const before = rssMib(running.pid);
    const startedMs = performance.now();
    await connect(FIRST, subscribers);
    const setupSeconds = (performance.now() - startedMs) / 1000;
    await settle();
    const after = rssMib(running.pid);
    return {
      subscribers,
      kibPerSession: round(((after - before) * 1024) / (subscribers - FIRST), 2),
      serverRssMib: round(after, 1),
      setupSeconds: round(setupSeconds, 2),
    };
  } finally {
    await running.stop();
  }
}
