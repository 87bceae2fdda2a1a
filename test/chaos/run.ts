/**
 * The chaos tests of the store at full size:
 *
 *     node scripts/run-ts.mjs test/chaos/run.ts [--states 1000] [--damages 600] [--batches 400] [--seed N]
 */
import { parseArgs } from 'node:util';
import { fillDisks } from './full-disk.ts';
import { cutPower, damage, type Findings, tracedRun } from './power-cut.ts';
import { ChaosPlace } from './programs.ts';

const { values } = parseArgs({
  options: {
    states: { type: 'string', default: '1000' },
    damages: { type: 'string', default: '600' },
    batches: { type: 'string', default: '400' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
  },
});
const [states, damages, batches, seed] = [values.states, values.damages, values.batches, values.seed].map(
  Number,
) as [number, number, number, number];

const place = new ChaosPlace(process.cwd());
let faults = 0;
async function told(what: string, run: () => Promise<Findings>, good: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  const { counts, details } = await run();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${what}: ${JSON.stringify(counts)} in ${seconds} s`);
  for (const detail of details.slice(0, 3)) console.log(`    ${detail}`);
  if (good.length > 0) faults += Object.keys(counts).filter((kind) => !good.includes(kind)).length;
  else if (Object.keys(counts).join() === 'sound') faults++;
}
try {
  const run = await tracedRun(place, { seed, batches });
  const count = (kind: string) => run.events.filter((event) => event.kind === kind).length;
  console.log(
    `seed ${seed}: ${batches} batches, ${count('write')} writes, ${count('sync')} syncs, ${run.final.length} bytes`,
  );
  await told(`${states} power cuts`, () => cutPower(place, run, states), ['sound']);
  await told(`${damages} damages`, () => damage(place, run, damages), ['found', 'harmless']);
  for (const line of await fillDisks(place, [100, 200, 333, 500, 700])) {
    console.log(`full disk of ${line}`);
    if (!line.includes('good')) faults++;
  }
  const unsafe = await tracedRun(place, { seed: seed + 1, batches, unsafeNoSync: true });
  const controls = Math.ceil(states / 10);
  await told(`${controls} power cuts without syncs (must lose)`, () => cutPower(place, unsafe, controls), []);
} finally {
  place.remove();
}
process.exitCode = faults === 0 ? 0 : 1;
