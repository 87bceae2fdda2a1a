/** Random things for applications to want: keys, patterns, subscriptions, publishes. Small alphabets, so that they meet. */
import {
  ACK_MODES,
  type BindingSpec,
  type ExchangeOptions,
  type Headers,
  OVERFLOW_POLICIES,
  type Since,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Manner, PublishWish } from './application.ts';
import type { Random } from './random.ts';

const EXCHANGES = ['amq.topic', 'x.a', 'x.b'] as const;
/** Exchanges that come and go, of one type or another. */
export const PASSING = ['y.1', 'y.2', 'y.3'] as const;
/** Exchanges on the disk, where there is one. */
export const DURABLE = ['d.a', 'd.b'] as const;
const LASTING = ['amq.topic', 'amq.direct', 'amq.fanout', 'amq.headers', 'x.a', 'x.b'] as const;
/** Every exchange that applications have to do with. */
export const LASTING_AND_PASSING: readonly string[] = [...LASTING, ...DURABLE, ...PASSING];
const WORDS = ['a', 'b', 'c'] as const;
export const PATTERNS = ['#', '#', 'a.#', '*.b', 'a.*', '#.c', 'a', 'b.#.a', '*', '#.b.#', ''] as const;

export function drawKey(random: Random): string {
  const words: string[] = [];
  for (let i = random.int(random.chance(0.05) ? 0 : 1, 3); i > 0; i--) words.push(random.pick(WORDS));
  return words.join('.');
}

export const drawPassing = (random: Random): string => random.pick(PASSING);

/** Any exchange of a run in which routing changes. */
export const drawExchange = (random: Random, isDurable: boolean): string =>
  random.chance(0.5) ? random.pick(PASSING) : drawLasting(random, isDurable);

const drawLasting = (random: Random, isDurable: boolean): string =>
  isDurable && random.chance(0.3) ? random.pick(DURABLE) : random.pick(LASTING);

/** Of an application that knows only some. */
const drawOwn = (random: Random, isDurable: boolean): string =>
  isDurable && random.chance(0.4) ? random.pick(DURABLE) : random.pick(EXCHANGES);

export function drawDeclaration(random: Random, isDurable: boolean): ExchangeOptions {
  return {
    type: random.pick(['direct', 'fanout', 'topic', 'topic', 'headers']),
    ...(random.chance(0.3) ? { autoDelete: true } : {}),
    ...(random.chance(0.5) ? { alternate: drawExchange(random, isDurable) } : {}),
    ...(isDurable && random.chance(0.4) ? { durable: true } : {}),
  };
}

/** A pattern, a key or headers: what it comes to is up to the exchange's type. */
export function drawBinding(random: Random, exchange: string): BindingSpec {
  if (exchange === 'amq.headers' || (PASSING.includes(exchange as 'y.1') && random.chance(0.2))) {
    const group: Headers = { group: random.pick(['g', 'h', 1, null]) };
    const size: Headers = { size: random.pick([1, 2]) };
    const match: Headers = random.chance(0.5) ? { 'x-match': random.pick(['any', 'all']) } : {};
    // The same two in either order are one binding.
    const both = random.chance(0.5) ? { ...group, ...size } : { ...size, ...group };
    return [exchange, '', { ...match, ...random.pick([group, size, both, both]) }];
  }
  return [exchange, random.chance(0.3) ? drawKey(random) : random.pick(PATTERNS)];
}

/** What there is in a run. */
export interface Kinds {
  readonly isRerouted: boolean;
  readonly isDurable: boolean;
}

const withoutRepeats = (bindings: readonly BindingSpec[]): BindingSpec[] => [
  ...new Map(bindings.map((spec) => [JSON.stringify(spec), spec])).values(),
];

/** What an event stream is asked for; it names only exchanges that are always there. */
export function drawListening(random: Random, slowHandlerMs: number, isDurable: boolean) {
  const bindings = Array.from({ length: random.int(1, 3) }, () =>
    drawBinding(random, drawLasting(random, isDurable)),
  );
  const options: SubscribeOptions = {
    bindings: withoutRepeats(bindings),
    overflow: random.pick(OVERFLOW_POLICIES),
    capacity: random.pick([3, 10, 50]),
    since: random.pick(['live', 'earliest', 'last-per-key'] as const),
  };
  return { options, slowMs: random.pick([0, 0, slowHandlerMs]) };
}

export function drawOptions(
  random: Random,
  nowWallMs: number,
  { isRerouted, isDurable }: Kinds,
): SubscribeOptions {
  const bindings: BindingSpec[] = [];
  for (
    let i = random.weighted([
      [6, 1],
      [2, 2],
      [1, 3],
    ] as const);
    i > 0;
    i--
  ) {
    const isOther = isRerouted && random.chance(0.5);
    bindings.push(
      isOther
        ? drawBinding(random, drawExchange(random, isDurable))
        : [drawOwn(random, isDurable), random.pick(PATTERNS)],
    );
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
    bindings: withoutRepeats(bindings),
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
export function drawPublish(
  random: Random,
  name: string,
  { payloadBytes, isRerouted, isDurable }: Kinds & { readonly payloadBytes: number },
): PublishWish {
  return {
    exchange: isRerouted && random.chance(0.6) ? drawExchange(random, isDurable) : drawOwn(random, isDurable),
    key: drawKey(random),
    payload: `${name} ${'.'.repeat(random.int(0, payloadBytes))}`,
    id: random.chance(0.4) ? name : undefined,
    mandatory: random.chance(0.15),
    ttlMs: random.chance(0.15) ? random.pick([20, 500, 5_000]) : undefined,
    headers: random.chance(0.5)
      ? { group: random.pick(['g', 'h', 1]), ...(isRerouted ? { size: random.int(1, 2) } : {}) }
      : undefined,
  };
}
