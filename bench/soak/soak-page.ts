/** A soak as a page: what was done, what was found, the samples as a table and as a plot. */
import { type Panel, plot } from './plot.ts';
import type { Finding, Sample } from './verdict.ts';

export interface Soak {
  readonly minutes: number;
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  readonly samples: readonly Sample[];
  readonly findings: readonly Finding[];
  /** How often each activity was done. */
  readonly done: ReadonlyMap<string, number>;
}

const ROWS = 21;

const COLUMNS: readonly (readonly [head: string, value: (sample: Sample) => string])[] = [
  ['min', ({ seconds }) => (seconds / 60).toFixed(1)],
  ['resident MiB', ({ rssMib }) => rssMib.toFixed(0)],
  ['in use after a collection', ({ usedMib }) => usedMib?.toFixed(1) ?? ''],
  ['descriptors', ({ descriptors }) => String(descriptors)],
  ['sessions', ({ sizes }) => String(sizes.sessions ?? '')],
  ['delivery p99 ms', ({ deliveryP99Ms }) => deliveryP99Ms.toFixed(1)],
  ['loop lag p99 ms', ({ lagP99Ms }) => lagP99Ms.toFixed(1)],
  ['residual', ({ residual }) => String(residual)],
  ['deliveries', ({ deliveries }) => String(deliveries)],
];

export function pageOf({ samples, findings, done, ...soak }: Soak): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  // Of those with a collection, where there are enough of them.
  const collected = samples.filter(({ usedMib }) => usedMib !== undefined);
  const every = Math.max(1, Math.ceil(collected.length / ROWS));
  const shown = collected.filter((_, i) => i % every === 0 || i === collected.length - 1);
  return `${[
    '# Soak',
    '',
    `\`${soak.command}\` (${soak.date}; ${soak.machine}). This page and its plot are written by that command.`,
    '',
    'A hub in a process of its own, with a data folder, under a mixed load. Its process is looked at from outside; clients keep books of their own. At the end all clients leave, and',
    'once it is quiet the hub has to be as it was before the first one came.',
    '',
    '| | | |',
    '|---|---|---|',
    ...findings.map(({ what, isGood, figure }) => row([what, figure, isGood ? 'good' : '**not good**'])),
    '',
    '![the samples over time](soak.svg)',
    '',
    row(COLUMNS.map(([head]) => head)),
    row(COLUMNS.map(() => '---')),
    ...shown.map((sample) => row(COLUMNS.map(([, value]) => value(sample)))),
    '',
    `Done meanwhile, how often: ${[...done].map(([name, times]) => `${name} ${times}`).join(', ')}.`,
  ].join('\n')}\n`;
}

export function plotOf({ samples, command, date }: Soak): string {
  const series = (name: string, color: string, value: (sample: Sample) => number | undefined) => ({
    name,
    color,
    points: samples.flatMap((sample) => {
      const at = value(sample);
      return at === undefined ? [] : [[sample.seconds, at] as const];
    }),
  });
  const perSecond = (i: number) => {
    const [before, now] = [samples[i - 1], samples[i]!];
    return before ? (now.deliveries - before.deliveries) / (now.seconds - before.seconds) : undefined;
  };
  const panels: Panel[] = [
    {
      title: 'memory, MiB',
      series: [
        series('resident', '#1f77b4', ({ rssMib }) => rssMib),
        series('heap', '#9467bd', ({ heapMib }) => heapMib),
        series('in use after a collection', '#d62728', ({ usedMib }) => usedMib),
      ],
    },
    {
      title: 'descriptors, sessions',
      series: [
        series('descriptors', '#1f77b4', ({ descriptors }) => descriptors),
        series('sessions', '#2ca02c', ({ sizes }) => sizes.sessions),
        series('bindings', '#ff7f0e', ({ sizes }) => sizes.bindings),
      ],
    },
    {
      title: 'p99, ms',
      series: [
        series('delivery', '#1f77b4', ({ deliveryP99Ms }) => deliveryP99Ms),
        series('event-loop lag', '#d62728', ({ lagP99Ms }) => lagP99Ms),
      ],
    },
    {
      title: 'deliveries a second',
      series: [series('deliveries', '#1f77b4', (sample) => perSecond(samples.indexOf(sample)))],
    },
    {
      title: 'ledger residual',
      series: [series('residual', '#d62728', ({ residual }) => Math.abs(residual))],
    },
  ];
  return plot(`${command}, ${date}`, panels);
}
