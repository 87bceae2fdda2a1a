/**
 * S9: subscriptions that come and go beside a steady flow to others: how much later deliveries are for it. Both halves are
 * measured in one run, of one server, so that they share their minute.
 */
import { atMost } from '../load/at-most.ts';
import { measure, round } from '../load/measurement.ts';
import { openLoop, settled } from '../load/publishing.ts';
import { Tally } from '../load/tally.ts';
import { Ringhub, type RinghubPeer } from '../systems/ringhub.ts';
import type { System } from '../systems/system.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const SUBSCRIBERS = 100;
const MESSAGES_PER_SEC = 500;
const MESSAGE_BYTES = 128;
/** Subscribes and unsubscribes together. */
const COMMANDS_PER_SEC = 10_000;
const CHURNERS = 10;
/** Below, the run has not done what it says. */
const MIN_SHARE = 0.3;

export const BINDING_CHURN: Scenario = {
  name: 'S9',
  title: '10,000 subscribes and unsubscribes a second beside 50,000 deliveries: p99 with ÷ without',
  needs: 'patterns',
  systems: (system) => system instanceof Ringhub,
  figure: { name: 'p99Ratio', better: 'less' },
  run,
};

async function run(system: System, options: RunOptions): Promise<Figures> {
  const { subscribers = SUBSCRIBERS, bytes = MESSAGE_BYTES } = options;
  const running = await (system as Ringhub).start();
  const tally = new Tally();
  try {
    await atMost(50, subscribers, async () => {
      const peer = await running.connect(tally);
      await peer.subscribe(['load.all']);
    });
    const churners = await atMost(CHURNERS, CHURNERS, () => running.open(new Tally()));
    const publisher = await running.connect(tally);
    const load = openLoop(publisher, () => ['load.all', subscribers], MESSAGES_PER_SEC, bytes);
    const without = await measure(running.pid, tally, options);
    const churn = new Churn(churners);
    const startedMs = performance.now();
    const withChurn = await measure(running.pid, tally, options);
    load.stop();
    const done = await churn.stop();
    const churnPerSec = done / ((performance.now() - startedMs) / 1000);
    const missing = await settled(tally, load.published.expected);
    if (missing !== 0) throw new Error(`${missing} deliveries are missing`);
    const { queues, ledger } = await running.hub.stats();
    if (queues !== subscribers || ledger.residual !== 0) throw new Error(`${queues} queues are left`);
    if (churnPerSec < MIN_SHARE * COMMANDS_PER_SEC) {
      throw new Error(`only ${Math.round(churnPerSec)} commands a second`);
    }
    return {
      subscribers,
      p99Ratio: round(withChurn.p99Ms / without.p99Ms, 2),
      p99Ms: withChurn.p99Ms,
      p99MsWithout: without.p99Ms,
      p50Ms: withChurn.p50Ms,
      p50MsWithout: without.p50Ms,
      deliveredPerSec: withChurn.deliveredPerSec,
      commandsPerSec: Math.round(churnPerSec),
      serverCpuPct: withChurn.serverCpuPct,
      serverCpuPctWithout: without.serverCpuPct,
      clientCpuPct: withChurn.clientCpuPct,
      othersCpuPct: withChurn.othersCpuPct,
    };
  } finally {
    await running.stop();
  }
}

/** Each pair is a subscribe, then an unsubscribe of it; all are answered before it has stopped. */
class Churn {
  private begun = 0;
  private answered = 0;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly pairs = new Set<Promise<void>>();

  constructor(private readonly peers: readonly RinghubPeer[]) {
    const startedMs = performance.now();
    this.timer = setInterval(() => {
      const due = ((performance.now() - startedMs) / 1000) * (COMMANDS_PER_SEC / 2);
      while (this.begun < due) this.begin();
    }, 1);
  }

  /** Resolves with the commands that were answered. */
  async stop(): Promise<number> {
    clearInterval(this.timer);
    await Promise.all(this.pairs);
    return this.answered;
  }

  private begin(): void {
    const pair = this.pair(this.begun++);
    this.pairs.add(pair);
    void pair.then(() => this.pairs.delete(pair));
  }

  private async pair(number: number): Promise<void> {
    const peer = this.peers[number % this.peers.length]!;
    // New words each time, beside those of the flow; half of them with a wildcard. None matches what is published.
    const pattern = number % 2 === 0 ? `load.c${number}` : `load.*.c${number}`;
    const queue = await peer.command({ type: 'subscribe', options: { bindings: [['amq.topic', pattern]] } });
    await peer.command({ type: 'unsubscribe', queue });
    this.answered += 2;
  }
}
