/**
 * What the runs of a scenario come to: medians of those in which the machine was quiet, and ratios to the raw limits. Pure.
 *
 * A run is noisy if other processes took more than 40 % of a core. A system that has no quiet run is told by its noisy ones, and
 * that is said.
 */
import { type Comparison, compare } from '../load/comparison.ts';
import type { RunLine } from '../load/run-line.ts';
import type { Scenario } from '../scenarios/scenario.ts';

export const NOISY_PCT = 40;
export const LIMIT = 'limit-uws';
export const LIMIT_WS = 'limit-ws';

export interface Summary extends Comparison {
  /** Of which `runs` count. */
  readonly allRuns: number;
  /** Only noisy runs there were. */
  readonly isNoisy: boolean;
  /** The same to the raw loop over `ws`, of what runs on it. */
  readonly ratioToWs: number | undefined;
  /** A run of one side, in every repetition of a ratio, was noisy. */
  readonly areRatiosNoisy: boolean;
}

export const isNoisy = ({ figures }: RunLine): boolean => (figures.othersCpuPct ?? 0) > NOISY_PCT;

/** The scenario as it stands, not a point of a curve. */
export const isPlain = ({ subscribers, bytes, patterns }: RunLine): boolean =>
  subscribers === undefined && bytes === undefined && patterns === undefined;

/** @param lines of one scenario, all with the same options. Best first. */
export function summarize(scenario: Scenario, lines: readonly RunLine[]): Summary[] {
  const used = countedOf(lines);
  const ratiosTo = (limit: string): ((system: string) => number | undefined) => {
    const [quiet, any] = [used, lines].map(
      (some) => new Map(compare(scenario, some, limit).map(({ system, ratio }) => [system, ratio])),
    );
    return (system) => quiet!.get(system) ?? any!.get(system);
  };
  const [toLimit, toWs] = [ratiosTo(LIMIT), ratiosTo(LIMIT_WS)];
  const quietRuns = new Set(
    lines.filter((line) => !isNoisy(line)).map(({ system, run }) => `${system} ${run}`),
  );
  const wereBothQuiet = (system: string): boolean =>
    lines.some(({ run }) => quietRuns.has(`${system} ${run}`) && quietRuns.has(`${LIMIT} ${run}`));
  return compare(scenario, used, LIMIT).map((compared) => {
    const own = lines.filter(({ system }) => system === compared.system);
    return {
      ...compared,
      ratio: toLimit(compared.system),
      areRatiosNoisy: !wereBothQuiet(compared.system),
      allRuns: own.length,
      isNoisy: own.every(isNoisy),
      ratioToWs: runsOnWs(compared.system) ? toWs(compared.system) : undefined,
    };
  });
}

/** Quiet runs, or all of a system that has none. */
function countedOf(lines: readonly RunLine[]): RunLine[] {
  const withQuiet = new Set(lines.filter((line) => !isNoisy(line)).map(({ system }) => system));
  return lines.filter((line) => !isNoisy(line) || !withQuiet.has(line.system));
}

const runsOnWs = (system: string): boolean => system === 'socketio' || system.split('-').includes('ws');
