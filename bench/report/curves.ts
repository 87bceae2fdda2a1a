/** Scaling curves: what a delivery costs the server, by subscribers, by bytes, and by patterns. Pure. */
import { median } from '../load/comparison.ts';
import type { RunLine } from '../load/run-line.ts';
import type { CurveSeries } from './curve-chart.ts';
import { isNoisy } from './summary.ts';

/** Of a curve over bytes, so that what is under way fits into memory. */
const SUBSCRIBERS_OF_BYTES = 100;

export interface CurvePoint {
  readonly subscribers?: number;
  readonly bytes?: number;
  readonly patterns?: number;
}

export interface Curve {
  readonly name: string;
  /** Deliveries at full speed, so that the curve is of what one costs. */
  readonly scenario: string;
  readonly title: string;
  readonly xTitle: string;
  readonly points: readonly CurvePoint[];
  /** Where a run stands on it; `undefined` if it is of another. */
  readonly at: (line: RunLine) => number | undefined;
}

export const CURVES: readonly Curve[] = [
  {
    name: 'subscribers',
    scenario: 'S1max',
    title: 'Server CPU per delivery, by subscribers of one key',
    xTitle: 'subscribers',
    points: [10, 100, 1_000, 5_000, 10_000, 20_000].map((subscribers) => ({ subscribers })),
    at: ({ subscribers, bytes }) => (bytes === undefined ? subscribers : undefined),
  },
  {
    name: 'bytes',
    scenario: 'S1max',
    title: `Server CPU per delivery, by size of a message, ${SUBSCRIBERS_OF_BYTES} subscribers`,
    xTitle: 'bytes of a message',
    points: [16, 128, 1_024, 4_096, 16_384, 65_536].map((bytes) => ({
      subscribers: SUBSCRIBERS_OF_BYTES,
      bytes,
    })),
    at: ({ subscribers, bytes }) => (subscribers === SUBSCRIBERS_OF_BYTES ? bytes : undefined),
  },
  {
    name: 'patterns',
    scenario: 'S2idle',
    title: 'Server CPU per delivery, by bound patterns, every key a new one',
    xTitle: 'patterns',
    points: [100, 1_000, 10_000, 100_000].map((patterns) => ({ patterns })),
    at: ({ patterns }) => patterns,
  },
];

/** Medians at each point, of quiet runs where there are any. */
export function seriesOf({ scenario, at }: Curve, lines: readonly RunLine[]): CurveSeries[] {
  const onCurve = lines.filter((line) => line.scenario === scenario && at(line) !== undefined);
  const systems = [...new Set(onCurve.map(({ system }) => system))];
  return systems.map((system) => {
    const own = onCurve.filter((line) => line.system === system);
    const xs = [...new Set(own.map((line) => at(line)!))].sort((a, b) => a - b);
    const points = xs.map((x) => {
      const here = own.filter((line) => at(line) === x);
      const quiet = here.filter((line) => !isNoisy(line));
      const costs = (quiet.length > 0 ? quiet : here).map(({ figures }) => figures.serverUsPerDelivery!);
      return [x, median(costs)] as const;
    });
    return { name: system, points };
  });
}
