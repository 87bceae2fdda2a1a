/** Random things for applications to want: keys, patterns, subscriptions, publishes. Small alphabets, so that they meet. */
import { ACK_MODES, OVERFLOW_POLICIES, type Since, type SubscribeOptions } from '@ringhub/protocol';
import type { Manner, PublishWish } from './application.ts';
import type { Random } from './random.ts';

const EXCHANGES = ['amq.topic', 'x.a', 'x.b'] as const;
const WORDS = ['a', 'b', 'c'] as const;
const PATTERNS = ['#', '#', 'a.#', '*.b', 'a.*', '#.c', 'a', 'b.#.a', '*', '#.b.#', ''] as const;

export function drawKey(random: Random): string {
  const words: string[] = [];
  for (let i = random.int(random.chance(0.05) ? 0 : 1, 3); i > 0; i--) words.push(random.pick(WORDS));
  return words.join('.');
}

export function drawOptions(random: Random, nowWallMs: number): SubscribeOptions {
  const bindings: [string, string][] = [];
  for (
    let i = random.weighted([
      [6, 1],
      [2, 2],
      [1, 3],
    ] as const);
    i > 0;
    i--
  ) {
    bindings.push([random.pick(EXCHANGES), random.pick(PATTERNS)]);
  }
  const capacity = random.pick([2, 3, 5, 10, 40]);
  const since = random.weighted<Since | undefined>([
    [4, undefined],
    [2, 'live'],
    [3, 'earliest'],
    [2, 'last-per-key'],
    [1, { timeMs: nowWallMs - random.int(-500, 5_000) }],
  ]);
  return {
    bindings,
    overflow: random.pick(OVERFLOW_POLICIES),
    ack: random.weighted([
      [3, ACK_MODES[0]],
      [4, ACK_MODES[1]],
      [4, ACK_MODES[2]],
    ]),
    capacity,
    ...(random.chance(0.7) ? { prefetch: random.int(1, Math.max(1, capacity - 1)) } : {}),
    ...(random.chance(0.25) ? { capacityBytes: random.int(300, 4_000) } : {}),
    ...(random.chance(0.25) ? { ttlMs: random.pick([30, 300, 3_000]) } : {}),
    ...(random.chance(0.3) ? { conflationHeader: 'group' } : {}),
    ...(since === undefined ? {} : { since }),
  };
}

export const drawManner = (random: Random, slowHandlerMs: number): Manner => ({
  form: random.pick(['handler', 'iterator'] as const),
  slowMs: random.chance(0.3) ? 0 : slowHandlerMs,
  badLuck: random.pick([0, 0, 0.05, 0.3]),
  restless: random.pick([0, 0, 0.1]),
});

/** @param name `publisher/number`, which makes the payload unlike any other */
export function drawPublish(random: Random, name: string, payloadBytes: number): PublishWish {
  return {
    exchange: random.pick(EXCHANGES),
    key: drawKey(random),
    payload: `${name} ${'.'.repeat(random.int(0, payloadBytes))}`,
    id: random.chance(0.4) ? name : undefined,
    mandatory: random.chance(0.15),
    ttlMs: random.chance(0.15) ? random.pick([20, 500, 5_000]) : undefined,
    headers: random.chance(0.5) ? { group: random.pick(['g', 'h', 1]) } : undefined,
  };
}
