/** What runs come to: which count, what is told of them, and that files of several calls are kept apart. */
import { describe, expect, it } from 'vitest';
import type { RunLine } from '../../bench/load/run-line.ts';
import { CURVES, seriesOf } from '../../bench/report/curves.ts';
import { runsOf } from '../../bench/report/run-files.ts';
import { isPlain, summarize } from '../../bench/report/summary.ts';
import { runLine, scenario } from './run-lines.ts';

const run = (system: string, run: number, rate: number, othersCpuPct = 0): RunLine =>
  runLine({ system, run, figures: { deliveredPerSec: rate, othersCpuPct } });

const of = (lines: readonly RunLine[], system: string) =>
  summarize(scenario, lines).find((summary) => summary.system === system)!;

describe('a summary', () => {
  it('leaves noisy runs out where there are quiet ones', () => {
    const lines = [run('limit-uws', 1, 100), run('limit-uws', 2, 10, 41), run('limit-uws', 3, 200, 40)];
    expect(of(lines, 'limit-uws')).toMatchObject({ runs: 2, allRuns: 3, isNoisy: false });
    expect(of(lines, 'limit-uws').figures.deliveredPerSec).toBe(150);
  });

  it('tells of a system that was never quiet, and says so', () => {
    const lines = [run('limit-uws', 1, 100), run('nats', 1, 50, 90), run('nats', 2, 70, 90)];
    expect(of(lines, 'nats')).toMatchObject({ runs: 2, allRuns: 2, isNoisy: true, areRatiosNoisy: true });
    expect(of(lines, 'nats').ratio).toBe(0.5);
  });

  it('takes ratios in quiet repetitions, where both were', () => {
    const lines = [run('limit-uws', 1, 100), run('limit-uws', 2, 50, 80), run('limit-uws', 3, 200)];
    const peer = [run('nats', 1, 50), run('nats', 2, 50), run('nats', 3, 150)];
    expect(of([...lines, ...peer], 'nats')).toMatchObject({ ratio: 0.625, areRatiosNoisy: false });
  });

  it('falls back to a repetition with noise, and says so', () => {
    const lines = [run('limit-uws', 1, 100), run('limit-uws', 2, 50, 80), run('nats', 2, 25)];
    expect(of(lines, 'nats')).toMatchObject({ ratio: 0.5, isNoisy: false, areRatiosNoisy: true });
  });

  it('holds only what runs on ws against the raw loop over it', () => {
    const systems = ['limit-uws', 'limit-ws', 'ringhub-ws-json', 'ringhub-uws-json', 'socketio'];
    const lines = systems.map((system, i) => run(system, 1, 100 * (i + 1)));
    expect(systems.map((system) => of(lines, system).ratioToWs)).toEqual([undefined, 1, 1.5, undefined, 2.5]);
  });
});

describe('files of runs', () => {
  const text = (lines: readonly RunLine[]): string => lines.map((line) => JSON.stringify(line)).join('\n');

  it('are read past what is no line of a run', () => {
    expect(runsOf([`> bench\n\n${text([run('nats', 1, 5)])}\n`])).toEqual([run('nats', 1, 5)]);
  });

  it('number the runs of each call, and of each file, differently', () => {
    const call = [run('limit-uws', 1, 1), run('nats', 1, 1), run('limit-uws', 2, 1), run('nats', 2, 1)];
    const numbers = runsOf([text([...call, ...call]), text(call)]).map((line) => line.run);
    expect(numbers).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
  });

  it('keep the points of a curve in one call', () => {
    const points = [{ subscribers: 10 }, { subscribers: 100 }, { patterns: 10 }, { patterns: 100 }].map(
      (point) => runLine({ run: 1, ...point }),
    );
    expect(runsOf([text(points)]).map((line) => line.run)).toEqual([1, 1, 1, 1]);
  });
});

describe('curves', () => {
  const cost = (over: Partial<RunLine>, serverUsPerDelivery: number, othersCpuPct = 0): RunLine =>
    runLine({ ...over, scenario: 'S1max', figures: { serverUsPerDelivery, othersCpuPct } });
  const [subscribers, bytes, patterns] = CURVES;

  it('take medians of quiet runs at each point, in order', () => {
    const lines = [
      cost({ subscribers: 1_000 }, 4),
      cost({ subscribers: 10 }, 1),
      cost({ subscribers: 10 }, 3),
      cost({ subscribers: 10 }, 99, 50),
      cost({ subscribers: 100 }, 7, 50),
    ];
    expect(seriesOf(subscribers!, lines)).toEqual([
      {
        name: 'limit-uws',
        points: [
          [10, 2],
          [100, 7],
          [1_000, 4],
        ],
      },
    ]);
  });

  it('have only runs of their own, and plain runs are on none', () => {
    const lines = [cost({}, 1), cost({ subscribers: 100, bytes: 16 }, 2), cost({ subscribers: 100 }, 3)];
    expect(seriesOf(subscribers!, lines)[0]!.points).toEqual([[100, 3]]);
    expect(seriesOf(bytes!, lines)[0]!.points).toEqual([[16, 2]]);
    expect(lines.map(isPlain)).toEqual([true, false, false]);
    const idle = { ...cost({ patterns: 1_000 }, 5), scenario: 'S2idle' };
    expect(isPlain(idle)).toBe(false);
    expect(CURVES.map((curve) => seriesOf(curve, [idle]).length)).toEqual([0, 0, 1]);
    expect(seriesOf(patterns!, [idle])[0]!.points).toEqual([[1_000, 5]]);
  });
});
