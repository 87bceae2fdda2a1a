/** One run, as it is printed: one line of JSON. */
import type { Figures } from '../scenarios/scenario.ts';

export interface RunLine {
  readonly scenario: string;
  readonly system: string;
  readonly run: number;
  readonly at: string;
  /** What it was called by, and of which version on which machine. */
  readonly command?: string;
  readonly version?: string;
  readonly machine?: string;
  readonly node: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly subscribers?: number;
  readonly bytes?: number;
  readonly patterns?: number;
  readonly figures: Figures;
}
