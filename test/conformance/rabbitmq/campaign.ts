/** Many topologies, a few at a time, until all are played, enough of them differ, or time is up. */
import { type OtherBroker, play, type Verdict } from './comparison.ts';
import { topologyOf } from './generate.ts';
import { shrink } from './shrink.ts';
import type { Topology } from './topology.ts';

export interface CampaignOptions {
  readonly firstSeed: number;
  readonly topologies: number;
  /** One topology at a time is played on each. */
  readonly brokers: readonly OtherBroker[];
  /** The topology of a seed. */
  readonly generate?: (seed: number) => Topology;
  /** Ends after so many that differ. */
  readonly mostFound?: number;
  /** Ends then, in ms as `performance.now` has them. */
  readonly untilMs?: number;
  readonly onPlayed?: (report: Report) => void;
  readonly onFound?: (found: Found) => void;
}

export interface Found {
  readonly seed: number;
  /** The smallest topology that still differs; the whole one where it did so only once. */
  readonly verdict: Verdict;
  /** Whether it differs each time. */
  readonly isRepeated: boolean;
}

export interface Report {
  played: number;
  operations: number;
  deliveries: number;
  /** Of the deliveries. */
  redeliveries: number;
  deadLetters: number;
  /** How often each difference was met, and in how many topologies it was the end of the comparison. */
  readonly met: Map<string, number>;
  readonly ended: Map<string, number>;
  readonly found: Found[];
}

let plays = 0;

/** Plays it under names that no other has. */
const playOn = (topology: Topology, broker: OtherBroker): Promise<Verdict> =>
  play(topology, broker, `t${++plays}-`);

export async function campaign(options: CampaignOptions): Promise<Report> {
  const {
    firstSeed,
    topologies,
    brokers,
    generate = topologyOf,
    mostFound = 5,
    untilMs = Number.POSITIVE_INFINITY,
    onPlayed,
    onFound,
  } = options;
  const report: Report = {
    played: 0,
    operations: 0,
    deliveries: 0,
    redeliveries: 0,
    deadLetters: 0,
    met: new Map(),
    ended: new Map(),
    found: [],
  };
  let next = firstSeed;
  const isOver = (): boolean =>
    next >= firstSeed + topologies || report.found.length >= mostFound || performance.now() > untilMs;
  const work = async (broker: OtherBroker): Promise<void> => {
    while (!isOver()) {
      const topology = generate(next++);
      const verdict = await playOn(topology, broker);
      account(report, verdict);
      if (verdict.differs) {
        const found = await lookInto(verdict, broker);
        report.found.push(found);
        onFound?.(found);
      }
      onPlayed?.(report);
    }
  };
  await Promise.all(brokers.map(work));
  return report;
}

function account(report: Report, { steps, met, topology, differs }: Verdict): void {
  report.played++;
  report.operations += steps.length;
  for (const { redelivered, deaths } of steps.flatMap(({ hub }) => [...hub.deliveries.values()].flat())) {
    report.deliveries++;
    if (redelivered) report.redeliveries++;
    if (deaths.length > 0) report.deadLetters++;
  }
  const count = (of: Map<string, number>, name: string) => of.set(name, (of.get(name) ?? 0) + 1);
  for (const name of met) count(report.met, name);
  const last = met.at(-1);
  if (last !== undefined && !differs && steps.length < topology.operations.length) count(report.ended, last);
}

async function lookInto(verdict: Verdict, broker: OtherBroker): Promise<Found> {
  const { topology } = verdict;
  const small = await shrink(topology, async (smaller) => (await playOn(smaller, broker)).differs);
  const again = await playOn(small, broker);
  const isRepeated = again.differs;
  return { seed: topology.seed, verdict: isRepeated ? again : verdict, isRepeated };
}
