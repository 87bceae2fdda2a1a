/** The page of the report and its plots. */
import { describe, expect, it } from 'vitest';
import type { RunLine } from '../../bench/load/run-line.ts';
import { barChart } from '../../bench/report/bar-chart.ts';
import { curveChart } from '../../bench/report/curve-chart.ts';
import { markdownTable, reportOf } from '../../bench/report/page.ts';
import { reasonOf } from '../../bench/report/single-run.ts';
import { shown } from '../../bench/report/svg.ts';
import { runLine, scenario } from './run-lines.ts';

const figures = (deliveredPerSec: number, othersCpuPct = 0) => ({
  subscribers: 1_000,
  deliveredPerSec,
  p50Ms: 1.2345,
  othersCpuPct,
});
const lines: RunLine[] = [
  runLine({ figures: figures(2_000), version: '20.1.0', machine: '2 × CPU', command: 'bench a' }),
  runLine({ system: 'nats', figures: figures(1_000, 90), version: '2.9.10', machine: '2 × CPU' }),
];
const options = { command: 'npm run bench:report -- --from runs.jsonl', folder: 'plots' };
const numbersOf = (svg: string, pattern: RegExp): number[] =>
  [...svg.matchAll(pattern)].map((match) => Number(match[1]));

describe('the page', () => {
  const { page, plots } = reportOf([scenario], lines, options);

  it('has a table of medians with ratios, best first, and marks noise', () => {
    expect(page).toContain(
      '| system | runs | deliveredPerSec | to limit-uws | to limit-ws | p50Ms | othersCpuPct |',
    );
    const rows = page.split('\n').filter((line) => /^\| (limit|nats)/.test(line));
    expect(rows).toEqual([
      '| limit-uws | 1/1 | 2,000 | 1.00 | - | 1.23 | 0 |',
      '| nats | 1/1 *noisy* | 1,000 | ~0.50 | - | 1.23 | 90 |',
    ]);
  });

  it('says on what, when, of which versions and how it was measured', () => {
    expect(page).toContain('- date: 2026-11-26\n');
    expect(page).toContain('- machine: 2 × CPU; Node v20.0.0; server on one core, load on another');
    expect(page).toContain('- versions: limit-uws 20.1.0; nats 2.9.10');
    expect(page).toContain('- measured by: `bench a`');
    expect(page).toContain(`- this page: \`${options.command}\``);
  });

  it('shows its plots, and each that it shows is there', () => {
    const shownPlots = [...page.matchAll(/\]\(plots\/(.*?)\)/g)].map((match) => match[1]);
    expect(shownPlots).toEqual(['S1max.svg']);
    expect([...plots.keys()]).toEqual(shownPlots);
  });

  it('has curves only where there are runs of them', () => {
    const point = (subscribers: number) => runLine({ subscribers, figures: { serverUsPerDelivery: 0.5 } });
    const withCurve = reportOf([scenario], [...lines, point(10), point(100)], options);
    expect([...withCurve.plots.keys()]).toEqual(['S1max.svg', 'curve-subscribers.svg']);
    expect(withCurve.page).toContain(
      '| system | 10 | 100 |\n| --- | ---: | ---: |\n| limit-uws | 0.5 | 0.5 |',
    );
  });

  it('has a dash for what a run without deliveries comes to', () => {
    const none = runLine({ system: 'nats', figures: JSON.parse('{"deliveredPerSec":0,"p50Ms":null}') });
    expect(reportOf([scenario], [none], options).page).toContain('| nats | 1/1 | 0 | - | - | - |');
  });

  it('names what did not run', () => {
    const failures = [{ scenario: 'S4', system: 'rabbitmq', why: 'Error: closed' }];
    expect(reportOf([scenario], lines, { ...options, failures }).page).toContain(
      '- rabbitmq, S4: Error: closed',
    );
  });
});

describe('a plot of bars', () => {
  const svg = barChart('a <title> & more', 'less is better', [
    { name: 'limit', value: 100, kind: 'limit' },
    { name: 'ours', value: 50, note: '0.50 ×', kind: 'ours' },
    { name: 'nobody', value: 0, kind: 'peer' },
  ]);

  it('has bars as long as their values', () => {
    const [full, half, none] = numbersOf(svg, /<rect .*? width="([\d.]+)"/g);
    expect(half).toBeCloseTo(full! / 2, 0);
    expect(none).toBeLessThan(2);
  });

  it('names and values each, and escapes what it is given', () => {
    expect(svg).toContain('<title>a &#60;title&#62; &#38; more</title>');
    expect(svg).toContain('>50  (0.50 ×)</text>');
    expect(svg).not.toContain('<title> &');
  });

  it('has colors for a dark page, too, and no ground of its own', () => {
    expect(svg).toContain('@media(prefers-color-scheme:dark)');
    expect(svg).not.toContain('fill="#fff"');
  });
});

describe('a plot of curves', () => {
  const pointsOf = (svg: string): number[][] =>
    [...svg.matchAll(/<polyline points="(.*?)"/g)].map(([, points]) =>
      points!.split(' ').map((point) => Number(point.split(',')[1])),
    );
  const chart = (points: readonly (readonly [number, number])[]): string =>
    curveChart('cost', 'subscribers', 'µs', [{ name: 'hub', points }]);

  it('is level where a cost stays, and straight where it grows in proportion', () => {
    const [level] = pointsOf(chart([[10, 5], [100, 5], [1_000, 5]])); // biome-ignore format: points
    expect(new Set(level).size).toBe(1);
    const [a, b, c] = pointsOf(chart([[10, 1], [100, 10], [1_000, 100]]))[0]!; // biome-ignore format: points
    expect(a! - b!).toBeCloseTo(b! - c!, 0);
    expect(a).toBeGreaterThan(b!);
  });

  it('leaves out what a logarithm has no place for', () => {
    const svg = chart([[0, 5], [10, 0], [100, 2]]); // biome-ignore format: points
    expect(pointsOf(svg)[0]).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('keeps names apart whose lines end at the same place', () => {
    const series = ['a', 'b', 'c'].map((name) => ({ name, points: [[1, 1], [10, 1]] as const })); // biome-ignore format: points
    const heights = numbersOf(curveChart('t', 'x', 'y', series), /y="([\d.]+)" dy="4" style/g);
    expect(heights[1]! - heights[0]!).toBeGreaterThanOrEqual(15);
    expect(heights[2]! - heights[1]!).toBeGreaterThanOrEqual(15);
  });
});

it('takes the reason of a failed run from what it said, as plain text and short', () => {
  const said = `file.ts:35\n  throw new Error(why)\n\nError: closed \u0000\u001b[1m${'x'.repeat(500)}\n    at somewhere`;
  expect(reasonOf(said)).toMatch(/^Error: closed \[1mx+$/);
  expect(reasonOf(said)!.length).toBe(160);
  expect(reasonOf('all is well')).toBeUndefined();
});

it('shows numbers with thousands apart, and three digits that count', () => {
  expect([1_234_567, 100, 99.96, 0.012345, 0].map(shown)).toEqual(['1,234,567', '100', '100', '0.0123', '0']);
});

it('writes tables with numbers to the right', () => {
  expect(markdownTable(['a', 'b'], [['x', '1']])).toBe('| a | b |\n| --- | ---: |\n| x | 1 |');
});
