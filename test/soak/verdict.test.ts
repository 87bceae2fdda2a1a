/** What a soak says of its samples, and draws of them. */
import { expect, it } from 'vitest';
import { plot } from '../../bench/soak/plot.ts';
import { findings, type Sample, slopeOf } from '../../bench/soak/verdict.ts';

const sample = (over: Partial<Sample> = {}): Sample => ({
  seconds: 0,
  rssMib: 150,
  usedMib: 50,
  heapMib: 80,
  descriptors: 26,
  deliveryP99Ms: 5,
  lagP99Ms: 5,
  lagMaxMs: 9,
  residual: 0,
  deliveries: 0,
  sizes: { sessions: 0, bindings: 2 },
  caches: { last_values: [10, 20] },
  ...over,
});

const flat = Array.from({ length: 40 }, (_, i) => sample({ seconds: i * 30, usedMib: 50 + (i % 2) * 0.2 }));
const bad = (samples: readonly Sample[], after = sample()) =>
  findings(samples, sample(), after)
    .filter(({ isGood }) => !isGood)
    .map(({ what }) => what.split(' ')[0]);

it('finds nothing in a run that ends as it began', () => {
  expect(bad(flat)).toEqual([]);
});

it('knows a slope', () => {
  expect(slopeOf([0, 1, 2, 5].map((x) => [x, 3 * x + 7]))).toBeCloseTo(3);
  expect(slopeOf([[1, 5]])).toBe(0);
});

it('finds memory that grows, registers and descriptors that stay, caches over their bounds, books that are off', () => {
  // 4 kB a session, five sessions a second: 72 MiB in an hour.
  const leaking = flat.map((one) => ({ ...one, usedMib: 50 + one.seconds * 0.02 }));
  expect(bad(leaking)).toEqual(['memory']);
  // What warms up in the first half is no leak.
  expect(bad(flat.map((one) => ({ ...one, usedMib: Math.min(50, 40 + one.seconds * 0.02) })))).toEqual([]);
  expect(bad(flat, sample({ sizes: { sessions: 1, bindings: 2 } }))).toEqual(['registers']);
  expect(bad(flat, sample({ descriptors: 40 }))).toEqual(['descriptors']);
  expect(bad(flat, sample({ caches: { last_values: [21, 20] } }))).toEqual(['caches']);
  expect(bad([...flat, sample({ seconds: 1_200, residual: -1 })])).toEqual(['ledger']);
});

it('draws panels with their scales', () => {
  const points = [
    [0, 0],
    [60, 43],
  ] as const;
  const svg = plot('a & b', [{ title: 'memory', series: [{ name: 'rss', color: '#123456', points }] }]);
  expect(svg).toContain('a &#38; b');
  expect(svg).toContain('<polyline points="64.0,');
  // The next round number is the top of the scale, and the last point stands below it.
  expect(svg).toMatch(/>50<\/text>/);
  const [, y] = /884\.0,([\d.]+)"/.exec(svg)!;
  expect(Number(y)).toBeGreaterThan(62);
});
