/**
 * Medians of runs, and how each system stands to one of them.
 *
 * A ratio is taken within a repetition, where both ran in the same minute, and the median of those is told: rates of a
 * shared machine move together.
 */
import type { Scenario } from '../scenarios/scenario.ts';
import type { RunLine } from './run-line.ts';

export interface Comparison {
  readonly system: string;
  readonly runs: number;
  /** Median of each figure. */
  readonly figures: Readonly<Record<string, number>>;
  /** Of the scenario's figure, to that of the reference; `undefined` where that did not run. */
  readonly ratio: number | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Best first. */
export function compare(scenario: Scenario, lines: readonly RunLine[], reference: string): Comparison[] {
  const { name, better } = scenario.figure;
  const figureOf = (system: string, run: number): number | undefined =>
    lines.find((line) => line.system === system && line.run === run)?.figures[name];
  const systems = [...new Set(lines.map(({ system }) => system))];
  const compared = systems.map((system): Comparison => {
    const own = lines.filter((line) => line.system === system);
    const ratios = own.flatMap(({ run, figures }) => {
      const limit = figureOf(reference, run);
      return limit ? [figures[name]! / limit] : [];
    });
    const names = Object.keys(own[0]!.figures);
    const medians = names.map((key) => [key, median(own.map(({ figures }) => figures[key]!))] as const);
    return {
      system,
      runs: own.length,
      figures: Object.fromEntries(medians),
      ratio: ratios.length > 0 ? median(ratios) : undefined,
    };
  });
  const sign = better === 'more' ? -1 : 1;
  return compared.sort((a, b) => sign * (a.figures[name]! - b.figures[name]!));
}

export function printComparison(scenario: Scenario, compared: readonly Comparison[]): void {
  console.error(`\n${scenario.name}: ${scenario.title}`);
  const columns = Object.keys(compared[0]?.figures ?? {});
  const head = ['system', 'ratio', ...columns];
  const rows = compared.map(({ system, ratio, figures }) => [
    system,
    ratio === undefined ? '-' : ratio.toFixed(2),
    ...columns.map((name) => String(figures[name])),
  ]);
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]!.length)));
  for (const row of [head, ...rows]) {
    console.error(
      row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  '),
    );
  }
}
