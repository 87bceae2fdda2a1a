/** Runs as the benchmark prints them, for tests of what is made of them. */
import type { RunLine } from '../../bench/load/run-line.ts';
import type { Scenario } from '../../bench/scenarios/scenario.ts';

export const scenario: Scenario = {
  name: 'S1max',
  title: 'many subscribers <of one key>',
  needs: 'fan-out',
  figure: { name: 'deliveredPerSec', better: 'more' },
  run: () => Promise.reject(new Error('not run here')),
};

export const runLine = (over: Partial<RunLine> = {}): RunLine => ({
  scenario: scenario.name,
  system: 'limit-uws',
  run: 1,
  at: '2026-11-26T10:00:00.000Z',
  node: 'v20.0.0',
  cores: 2,
  pinned: true,
  seconds: 3,
  warmUpSeconds: 1,
  figures: { deliveredPerSec: 100 },
  ...over,
});
