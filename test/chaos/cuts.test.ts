/** SDK clients and a hub's process, cut, killed and halted, for a short time; `cuts-run.ts` does that ten thousand times, and plants faults. */
import { afterAll, expect, it } from 'vitest';
import { transportsHere } from '../contract/uws-here.ts';
import { cutsRun } from './cuts.ts';
import { ChaosPlace } from './programs.ts';

const seed = Math.floor(Math.random() * 1e6);
const place = new ChaosPlace();
afterAll(() => place.remove());

// One of them at a time: which, the seed says.
const transport = transportsHere[seed % transportsHere.length]!;

it(`nothing is lost, duplicated or out of order over ${transport} (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const load = { cuts: 60, rate: 500, maxMs: 800, kills: 1, halts: 1 };
  const { told, received, published, ...counts } = await cutsRun(place, { seed, transport, ...load });
  console.log(JSON.stringify({ published, received, ...counts }));
  expect(told).toEqual([]);
  expect(counts).toMatchObject({ violations: 0, lost: 0, duplicates: 0, reordered: 0, kills: 1, halts: 1 });
  expect(received).toBeGreaterThan(published / 2);
});
