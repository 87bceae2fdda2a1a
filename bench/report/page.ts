/** The page of the report: how it was measured, and a table with a plot for each scenario. Pure. */
import type { RunLine } from '../load/run-line.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { type Bar, barChart } from './bar-chart.ts';
import { curveChart } from './curve-chart.ts';
import { CURVES, seriesOf } from './curves.ts';
import { isPlain, LIMIT, LIMIT_WS, NOISY_PCT, type Summary, summarize } from './summary.ts';
import { shown } from './svg.ts';

export interface Failure {
  readonly scenario: string;
  readonly system: string;
  readonly why: string;
}

export interface Report {
  readonly page: string;
  /** Text of each plot, by its file's name in the folder beside the page. */
  readonly plots: ReadonlyMap<string, string>;
}

/** Told elsewhere, or of no interest beside the rate. */
const HIDDEN = new Set(['subscribers', 'seconds', 'deliveries', 'published']);

const COST = 'µs of server CPU per delivery';

/** @param folder of the plots, as the page names it */
export function reportOf(
  scenarios: readonly Scenario[],
  lines: readonly RunLine[],
  { command, folder, failures = [] }: { command: string; folder: string; failures?: readonly Failure[] },
): Report {
  const plots = new Map<string, string>();
  const image = (name: string, title: string): string => `![${title}](${folder}/${name}.svg)`;
  const parts = ['# Benchmarks', INTRO, howOf(lines, command), READ_FIRST];
  for (const scenario of scenarios) {
    const own = lines.filter((line) => line.scenario === scenario.name && isPlain(line));
    if (own.length === 0) continue;
    const summaries = summarize(scenario, own);
    plots.set(`${scenario.name}.svg`, plotOf(scenario, summaries));
    parts.push(`## ${scenario.name}`, `${scenario.title}.`, image(scenario.name, scenario.title));
    parts.push(tableOf(scenario, summaries));
  }
  for (const curve of CURVES) {
    const series = seriesOf(curve, lines);
    if (series.length === 0) continue;
    const name = `curve-${curve.name}`;
    plots.set(`${name}.svg`, curveChart(curve.title, curve.xTitle, COST, series));
    const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const rows = series.map((one) => [
      one.name,
      ...xs
        .map((x) => one.points.find(([at]) => at === x)?.[1])
        .map((y) => (y === undefined ? '-' : shown(y))),
    ]);
    parts.push(`## ${curve.title}`, image(name, curve.title), `${COST}, by ${curve.xTitle}:`);
    parts.push(markdownTable(['system', ...xs.map(shown)], rows));
  }
  if (failures.length > 0)
    parts.push(
      '## What did not run',
      failures.map(({ scenario, system, why }) => `- ${system}, ${scenario}: ${why}`).join('\n'),
    );
  return { page: `${parts.join('\n\n')}\n`, plots };
}

const INTRO = `Written by \`npm run bench:report\` from runs of \`bench/run.ts\`; not to be changed by hand. One load client drives servers that run in
processes of their own; what the scenarios are, and how each system takes part, is in \`bench/scenarios\` and \`bench/systems\`.`;

const READ_FIRST = `Figures are medians. A run is noisy if other processes took more than ${NOISY_PCT} % of a core; where a system has quiet runs, only those
count ("runs": counted/all), and where it has none, it is marked *noisy*. Rates of a shared machine move by a third from minute
to minute: **ratios** are taken between runs of the same repetition, to \`${LIMIT}\` (raw uWebSockets.js, which promises nothing), and of what runs on
\`ws\` also to \`${LIMIT_WS}\` (a raw loop over sockets), with \`~\` where no repetition had both quiet. Latencies of closed loops ("under way") are queueing, not service. \`missing\`: deliveries that never came.`;

function howOf(lines: readonly RunLine[], command: string): string {
  const distinct = (values: readonly (string | undefined)[]): string[] => [
    ...new Set(values.filter((value) => value !== undefined)),
  ];
  const days = distinct(lines.map(({ at }) => at.slice(0, 10))).sort();
  const commands = distinct(lines.map((line) => line.command));
  const versions = distinct(lines.map(({ version }) => version)).map((version) => {
    const systems = distinct(lines.map((line) => (line.version === version ? line.system : undefined)));
    return `${systems.join(', ')} ${version}`;
  });
  const settings = distinct(
    lines.map(({ seconds, warmUpSeconds }) => `${seconds} s measured after ${warmUpSeconds} s`),
  );
  const machines = distinct(lines.map((line) => line.machine ?? `${line.cores} cores`));
  const isPinned = lines.every(({ pinned }) => pinned);
  return [
    `- date: ${days.length > 1 ? `${days[0]} to ${days.at(-1)}` : (days[0] ?? '-')}`,
    `- machine: ${machines.join('; ')}; Node ${distinct(lines.map(({ node }) => node)).join(', ')}; ${
      isPinned
        ? 'server on one core, load on another'
        : 'not all runs had a core for the server and one for the load'
    }`,
    `- versions: ${versions.join('; ') || 'not told'}`,
    `- runs: ${settings.join('; ')}`,
    `- measured by: ${commands.map((one) => `\`${one}\``).join(', ') || 'not told'}`,
    `- this page: \`${command}\``,
  ].join('\n');
}

function tableOf({ figure }: Scenario, summaries: readonly Summary[]): string {
  const names = Object.keys(summaries[0]!.figures).filter(
    (name) => !HIDDEN.has(name) && name !== figure.name,
  );
  const head = ['system', 'runs', figure.name, `to ${LIMIT}`, `to ${LIMIT_WS}`, ...names];
  const rows = summaries.map((summary) => [
    summary.system,
    `${summary.runs}/${summary.allRuns}${summary.isNoisy ? ' *noisy*' : ''}`,
    cell(summary.figures[figure.name]),
    ratioOf(summary, summary.ratio),
    ratioOf(summary, summary.ratioToWs),
    ...names.map((name) => cell(summary.figures[name])),
  ]);
  return markdownTable(head, rows);
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows];
  return lines.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function plotOf({ name, title, figure }: Scenario, summaries: readonly Summary[]): string {
  const subtitle = `${figure.name}: ${figure.better} is better; in brackets the ratio to ${LIMIT}`;
  const bars = summaries.map(
    (summary): Bar => ({
      name: summary.system,
      value: summary.figures[figure.name] ?? 0,
      ...(summary.ratio === undefined ? {} : { note: `${ratioOf(summary, summary.ratio)} ×` }),
      kind: kindOf(summary.system),
    }),
  );
  return barChart(`${name}: ${title}`, subtitle, bars);
}

/** JSON has no word for what a run without deliveries comes to. */
const cell = (value: number | null | undefined): string => (Number.isFinite(value) ? shown(value!) : '-');

const ratioOf = ({ areRatiosNoisy }: Summary, ratio: number | undefined): string =>
  ratio === undefined ? '-' : `${areRatiosNoisy ? '~' : ''}${ratio.toFixed(2)}`;

const kindOf = (system: string): Bar['kind'] =>
  system.startsWith('ringhub') ? 'ours' : system.startsWith('limit') ? 'limit' : 'peer';
