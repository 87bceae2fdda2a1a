/**
 * S1, S1max, S2, S2max, S2wide, S2idle, S3, S5: one publisher, many subscribers, messages of 128 bytes.
 *
 * "max" is a closed loop: a bounded number of deliveries is under way, so nobody is driven into loss, and latency there is what waits
 * in line, not what the server takes. The others publish at a fixed rate, after a warm-up at full speed: at the rate alone it would be
 * a minute until a server is what it is for the rest of the day.
 */
import { measure, warmUp } from '../load/measurement.ts';
import { closedLoop, type Load, type NextKey, openLoop, settled } from '../load/publishing.ts';
import { Tally } from '../load/tally.ts';
import type { Ability, Peer, RunningSystem, System } from '../systems/system.ts';
import { CONNECTIONS as IDLE_CONNECTIONS, idlePatterns } from './idle-patterns.ts';
import { CONNECTIONS, type ManyPatterns, manyPatterns } from './many-patterns.ts';
import type { Figures, RunOptions, Scenario } from './scenario.ts';

const MESSAGE_BYTES = 128;
/** Deliveries to each subscriber. */
const WARM_UP_UNDER_WAY = 4;
/** At the rate that is measured, after the warm-up at full speed. */
const SETTLING = { warmUpSeconds: 0.5, warmUpDeliveries: 0 };
/** How many clients connect at the same time. */
const CONNECTING = 50;

type Rate = { readonly perSecond: number } | { readonly outstanding: (subscribers: number) => number };

interface Shape {
  readonly name: string;
  readonly title: string;
  readonly needs: Ability;
  readonly subscribers: number;
  readonly rate: Rate;
  /** Of all subscribers, where they have more than one key. */
  readonly patterns?: (count: number | undefined) => ManyPatterns;
}

const SHAPES: readonly Shape[] = [
  {
    name: 'S1',
    title: '1,000 subscribers of one key, 10 messages a second',
    needs: 'fan-out',
    subscribers: 1_000,
    rate: { perSecond: 10 },
  },
  {
    name: 'S1max',
    title: '1,000 subscribers of one key, 32 messages under way',
    needs: 'fan-out',
    subscribers: 1_000,
    rate: { outstanding: (subscribers) => 32 * subscribers },
  },
  {
    name: 'S2',
    title: '10,000 patterns of 1,000 connections, 2,000 messages a second with keys that are new',
    needs: 'patterns',
    subscribers: CONNECTIONS,
    patterns: () => manyPatterns(1),
    rate: { perSecond: 2_000 },
  },
  {
    name: 'S2max',
    title: '10,000 patterns of 1,000 connections, 4,000 deliveries under way',
    needs: 'patterns',
    subscribers: CONNECTIONS,
    patterns: () => manyPatterns(1),
    rate: { outstanding: () => 4_000 },
  },
  {
    name: 'S2wide',
    title: '10,000 patterns of 1,000 connections, 32,000 deliveries under way',
    needs: 'patterns',
    subscribers: CONNECTIONS,
    patterns: () => manyPatterns(1),
    rate: { outstanding: () => 32_000 },
  },
  {
    name: 'S2idle',
    title:
      '100 connections, each message to four of them, its key new, the other patterns of 10,000 matching nothing, 4,000 deliveries under way',
    needs: 'patterns',
    subscribers: IDLE_CONNECTIONS,
    patterns: (count = 10_000) => idlePatterns(count),
    rate: { outstanding: () => 4_000 },
  },
  {
    name: 'S3',
    title: '100 subscribers of one key, 200 messages a second: 20,000 deliveries a second',
    needs: 'fan-out',
    subscribers: 100,
    rate: { perSecond: 200 },
  },
  {
    name: 'S5',
    title: '100 subscribers that acknowledge, 64 messages under way',
    needs: 'acks',
    subscribers: 100,
    rate: { outstanding: (subscribers) => 64 * subscribers },
  },
];

export const DELIVERY_SCENARIOS: readonly Scenario[] = SHAPES.map((shape) => ({
  name: shape.name,
  title: shape.title,
  needs: shape.needs,
  figure:
    'perSecond' in shape.rate
      ? { name: 'serverUsPerDelivery', better: 'less' }
      : { name: 'deliveredPerSec', better: 'more' },
  run: (system, options) => run(shape, system, options),
}));

async function run(shape: Shape, system: System, options: RunOptions): Promise<Figures> {
  const tally = new Tally();
  const running = await system.start(shape.needs);
  try {
    const { next, count } = await subscribeAll(shape, running, tally, options);
    const publisher = await running.connect(tally, false);
    const bytes = options.bytes ?? MESSAGE_BYTES;
    const isOpen = 'perSecond' in shape.rate;
    const before = isOpen ? await atFullSpeed(publisher, tally, next, count, bytes, options) : 0;
    const load = begin(shape.rate, publisher, tally, next, count, bytes);
    const measured = await measure(running.pid, tally, isOpen ? { ...options, ...SETTLING } : options);
    load.stop();
    const missing = await settled(tally, before + load.published.expected);
    return { subscribers: count, ...measured, published: load.published.messages, missing };
  } finally {
    await running.stop();
  }
}

/** Warms a server up with as much as it takes; resolves with the deliveries that came. */
async function atFullSpeed(
  publisher: Peer,
  tally: Tally,
  next: NextKey,
  subscribers: number,
  bytes: number,
  options: RunOptions,
): Promise<number> {
  const { published, stop } = closedLoop(publisher, tally, next, WARM_UP_UNDER_WAY * subscribers, bytes);
  await warmUp(tally, options);
  stop();
  await settled(tally, published.expected);
  return tally.deliveries;
}

async function subscribeAll(
  { needs, subscribers, patterns }: Shape,
  running: RunningSystem,
  tally: Tally,
  options: RunOptions,
): Promise<{ next: NextKey; count: number }> {
  const many = patterns?.(options.patterns);
  const patternsOf = (i: number): readonly string[] => many?.patterns[i] ?? ['load.all'];
  const wanted = many ? subscribers : (options.subscribers ?? subscribers);
  for (let from = 0; from < wanted; from += CONNECTING) {
    const some = Array.from({ length: Math.min(CONNECTING, wanted - from) }, async (_, i) => {
      const peer = await running.connect(tally, needs === 'acks');
      await peer.subscribe(patternsOf(from + i));
    });
    await Promise.all(some);
  }
  return { next: many ? many.next : () => ['load.all', wanted], count: wanted };
}

function begin(
  rate: Rate,
  publisher: Peer,
  tally: Tally,
  next: NextKey,
  subscribers: number,
  bytes: number,
): Load {
  return 'perSecond' in rate
    ? openLoop(publisher, next, rate.perSecond, bytes)
    : closedLoop(publisher, tally, next, rate.outstanding(subscribers), bytes);
}
