/** Plays one seed from beginning to end. */
import type { Fault } from './faults.ts';
import { Scenario } from './scenario.ts';
import { Simulation } from './simulation.ts';
import { Violation } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** Of the whole trace: equal for equal runs. */
  readonly hash: string;
  readonly steps: number;
  readonly published: number;
  readonly violation: Violation | undefined;
  /** How often something worth reaching was reached. */
  readonly reached: ReadonlyMap<string, number>;
  /** The last lines. */
  readonly trace: readonly string[];
}

/** @param share of the time of trouble that the seed draws, from 0 to 1 */
export async function playSeed(seed: number, fault?: Fault, share = 1): Promise<Outcome> {
  const simulation = new Simulation(seed, fault);
  const { world } = simulation;
  let violation: Violation | undefined;
  try {
    await new Scenario(simulation).play(share);
  } catch (error) {
    violation =
      world.violation ??
      (error instanceof Violation
        ? error
        : new Violation('no-exceptions', String((error as Error)?.stack ?? error)));
  }
  const { hash, steps, trace } = world;
  return {
    seed,
    hash,
    steps,
    published: simulation.publications.all.length,
    violation,
    trace,
    reached: simulation.reached,
  };
}
