/**
 * S7: every subscriber is told the latest of each key as fast as it can take it, a tenth of what is published. Each keeps an account:
 * what came and what notes say was replaced make up what was published, and the last value of every key is there.
 */
import type { Deliver } from '@ringhub/protocol';
import { atMost } from '../load/at-most.ts';
import { round } from '../load/measurement.ts';
import { numberedMessage, Tally } from '../load/tally.ts';
import { cpuSeconds, rssMib } from '../support/process-usage.ts';
import { Ringhub, type RinghubPeer } from '../systems/ringhub.ts';
import type { System } from '../systems/system.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const SUBSCRIBERS = 1_000;
const KEYS = 1_000;
const MESSAGE_BYTES = 128;
/** A reader acknowledges its window this often, and gets no more in between: 25 messages a second. */
const READ_EVERY_MS = 200;
const PREFETCH = 5;
const TIMES_TOO_MUCH = 10;
const QUIET_MS = 10_000;
const SLICES = 10;

export const CONFLATION: Scenario = {
  name: 'S7',
  title: '1,000 conflating subscribers of 1,000 keys, published at 10 × what they take: CPU of one for one',
  needs: 'acks',
  systems: (system) => system instanceof Ringhub,
  figure: { name: 'serverUsPerPublishedTo', better: 'less' },
  run,
};

async function run(
  system: System,
  { seconds, warmUpSeconds, subscribers = SUBSCRIBERS, bytes = MESSAGE_BYTES }: RunOptions,
): Promise<Figures> {
  const running = await (system as Ringhub).start();
  let slice = 0;
  const readers: Reader[] = [];
  const reading = setInterval(() => {
    for (let i = slice; i < readers.length; i += SLICES) readers[i]!.peer?.ack();
    slice = (slice + 1) % SLICES;
  }, READ_EVERY_MS / SLICES);
  let publishing: ReturnType<typeof setInterval> | undefined;
  try {
    await atMost(50, subscribers, async () => {
      const reader = new Reader();
      reader.peer = await running.open(new Tally(), { settles: 'never', onFrame: reader.take });
      await reader.peer.subscribe(['value.*'], {
        overflow: 'conflate',
        capacity: 2 * KEYS,
        prefetch: PREFETCH,
      });
      readers.push(reader);
    });
    const publisher = await running.open(new Tally());
    const perSec = TIMES_TOO_MUCH * PREFETCH * (1000 / READ_EVERY_MS);
    const publishedFromMs = performance.now();
    publishing = setInterval(() => {
      const due = ((performance.now() - publishedFromMs) / 1000) * perSec;
      while (publisher.published < due && publisher.room >= 1) {
        const number = publisher.published;
        publisher.publish(`value.${number % KEYS}`, numberedMessage(number, bytes));
      }
    }, 1);
    const received = (): number => readers.reduce((sum, reader) => sum + reader.received, 0);
    await pause(warmUpSeconds * 1000);
    const before = {
      received: received(),
      published: publisher.published,
      cpu: cpuSeconds(running.pid),
      own: process.cpuUsage(),
    };
    const startedMs = performance.now();
    await pause(seconds * 1000);
    const lasted = (performance.now() - startedMs) / 1000;
    const published = publisher.published - before.published;
    const server = cpuSeconds(running.pid) - before.cpu;
    const own = process.cpuUsage(before.own);
    const figures = {
      subscribers,
      seconds: round(lasted, 2),
      publishedPerSec: Math.round(published / lasted),
      deliveredPerSec: Math.round((received() - before.received) / lasted),
      serverUsPerPublishedTo: round((server / (published * subscribers)) * 1e6, 3),
      serverCpuPct: Math.round((server / lasted) * 100),
      clientCpuPct: Math.round((own.user + own.system) / 1e4 / lasted),
      serverRssMib: round(rssMib(running.pid), 1),
    };
    clearInterval(publishing);
    await drained(readers, publisher.published);
    return figures;
  } finally {
    clearInterval(publishing);
    clearInterval(reading);
    await running.stop();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads as fast as can be until nothing waits any more, then holds each reader to its account. */
async function drained(readers: readonly Reader[], published: number): Promise<void> {
  let seen = -1;
  for (let quiet = 0; quiet < QUIET_MS; quiet += 5) {
    const accounted = readers.reduce((sum, reader) => sum + reader.received + reader.replaced, 0);
    if (accounted === published * readers.length) break;
    if (accounted !== seen) quiet = 0;
    seen = accounted;
    for (const { peer } of readers) peer?.ack();
    await pause(5);
  }
  for (const reader of readers) reader.check(published);
}

class Reader {
  peer: RinghubPeer | undefined;
  received = 0;
  replaced = 0;
  /** The number of the latest message of each key. */
  private readonly latest = new Int32Array(KEYS).fill(-1);

  readonly take = ({ items, notes }: Deliver): void => {
    for (const item of items) {
      if (item.kind !== 'message')
        throw new Error(`conflation with room for every key brought a ${item.kind}`);
      const number = Number(String(item.payload).slice(1, 14));
      const key = number % KEYS;
      if (item.key !== `value.${key}`) throw new Error(`message ${number} came as ${item.key}`);
      if (number <= this.latest[key]!) throw new Error(`${number} came after ${this.latest[key]}`);
      this.latest[key] = number;
      this.received++;
    }
    for (const [, { replaced = 0 }] of notes) this.replaced += replaced;
  };

  check(published: number): void {
    if (this.received + this.replaced !== published) {
      throw new Error(`${published} published: ${this.received} came, ${this.replaced} were replaced`);
    }
    for (let number = Math.max(0, published - KEYS); number < published; number++) {
      if (this.latest[number % KEYS] !== number)
        throw new Error(`the last of key ${number % KEYS} is missing`);
    }
  }
}
