/** A scenario: what is done to a system, and what is measured. */
import type { Ability, System } from '../systems/system.ts';

/** By name with the unit; one line of JSON holds them. */
export type Figures = Readonly<Record<string, number>>;

export interface RunOptions {
  readonly warmUpSeconds: number;
  /** The warm-up lasts until there were so many deliveries, too: on a busy machine a time alone leaves a server uncompiled. */
  readonly warmUpDeliveries?: number;
  readonly seconds: number;
  /** Changes what the scenario fixes, for the curves: subscribers, bytes of a payload, patterns. */
  readonly subscribers?: number;
  readonly bytes?: number;
  readonly patterns?: number;
}

export interface Scenario {
  readonly name: string;
  /** What is done, in a line. */
  readonly title: string;
  readonly needs: Ability;
  /** Which systems take part, where an ability does not say it. */
  readonly systems?: (system: System) => boolean;
  /** The figure that systems are compared by, and whether more of it is better. */
  readonly figure: { readonly name: string; readonly better: 'more' | 'less' };
  run(system: System, options: RunOptions): Promise<Figures>;
}
