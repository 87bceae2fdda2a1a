/**
 * What a proxy does to one connection, drawn when it is accepted: the same for the same seed and the same number of the
 * connection, whatever flows and whenever. Pure.
 */
import { seededRandom } from './seeded-random.ts';

/**
 * How a connection ends: `reset` (RST to both ends), `end` (FIN to both), `half-open` (one direction falls silent, its end included,
 * and nobody is told), `silent` (both do).
 */
export type Ending = 'reset' | 'end' | 'half-open' | 'silent';
export type Direction = 'to-hub' | 'to-client';

/** What a line does to bytes that pass; what is left out, it does not do. */
export interface Line {
  /** Everything comes so much later. */
  readonly latencyMs?: number;
  /** And up to so much later still, in order all the same. */
  readonly jitterMs?: number;
  /** What comes together is passed on in pieces of at most so many bytes, each in a turn of its own. */
  readonly sliceBytes?: number;
  /** But of each direction the first so many bytes only: the hub takes no message that comes in more than 1,024 pieces. */
  readonly slicedBytes?: number;
  /** Bytes pass at this rate, each way; above, the sender is held up. */
  readonly bytesPerSec?: number;
}

/** What may become of connections; what is left out, does not. */
export interface FaultPlan {
  readonly seed: number;
  /** A connection that is cut lives a random number of bytes below this, in each direction. */
  readonly maxBytes?: number;
  /** Or until a random time below this is over and something comes, of which a random part still passes. */
  readonly maxMs?: number;
  /** How often each ending comes, as weights. */
  readonly endings?: Readonly<Partial<Record<Ending, number>>>;
  /** How often each kind of line comes, as weights. */
  readonly lines?: readonly (readonly [weight: number, line: Line])[];
  /** Share of connections that are accepted and lead nowhere. */
  readonly blackHoles?: number;
}

/** Cuts only when told. */
export const NO_FAULTS: FaultPlan = { seed: 0 };

export interface Fate {
  readonly isBlackHole: boolean;
  readonly line: Line;
  /** Without one it is not cut. */
  readonly ending: Ending | undefined;
  /** Which direction a half-open connection loses. */
  readonly losing: Direction;
  readonly livesBytes: Readonly<Record<Direction, number>>;
  readonly livesMs: number;
  /** How much passes of what comes after that, from 0 to 1. */
  readonly lastShare: number;
}

/** @param connection its number: the first has 1 */
export function fateOf(plan: FaultPlan, connection: number): Fate {
  const random = seededRandom(plan.seed * 1_000_003 + connection);
  const { maxBytes = Infinity, maxMs = Infinity, endings = {}, lines = [], blackHoles = 0 } = plan;
  const isBlackHole = random() < blackHoles;
  const line = weighted(lines, random()) ?? {};
  const ending = weighted(
    Object.entries(endings).map(([name, weight]) => [weight, name as Ending] as const),
    random(),
  );
  const losing = random() < 0.5 ? 'to-hub' : 'to-client';
  const below = (max: number) => (ending && max < Infinity ? Math.floor(random() * max) : Infinity);
  const livesBytes = { 'to-hub': below(maxBytes), 'to-client': below(maxBytes) };
  return { isBlackHole, line, ending, losing, livesBytes, livesMs: below(maxMs), lastShare: random() };
}

/** Draws for the jitter of one direction of a connection. */
export const jitterOf = ({ seed }: FaultPlan, connection: number, direction: Direction): (() => number) =>
  seededRandom((seed * 1_000_003 + connection) * 2 + (direction === 'to-hub' ? 1 : 0));

function weighted<T>(choices: readonly (readonly [weight: number, T])[], draw: number): T | undefined {
  let left = draw * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    if (left < weight) return choice;
    left -= weight;
  }
  return undefined;
}
