/**
 * Runs seeds of the simulation: `node scripts/run-ts.mjs test/sim/run.ts --seeds 10000 --from 1`.
 *
 * `--seed 42 --trace` plays one seed and prints the end of its trace; `--fault NAME` plants a fault; `--keep-going` does
 * not stop at the first seed that fails; `--twice` plays each seed twice and compares; `--reached` prints what the runs
 * came across.
 */
import { parseArgs } from 'node:util';
import { FAULTS, faultNamed } from './faults.ts';
import { type Outcome, playSeed } from './seed.ts';
import { World } from './world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    fault: { type: 'string', default: process.env.RINGHUB_SIM_FAULT ?? '' },
    trace: { type: 'boolean', default: false },
    lines: { type: 'string', default: '60' },
    'keep-going': { type: 'boolean', default: false },
    reached: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(
    '--seeds N  --from N  --seed N  --trace  --lines N  --keep-going  --reached  --twice  --fault NAME, one of:',
  );
  for (const [name, { about }] of Object.entries(FAULTS)) console.log(`  ${name.padEnd(16)} ${about}`);
  process.exit(0);
}

const fault = faultNamed(values.fault);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const lines = Number(values.lines);

World.traceLines = Math.max(World.traceLines, lines);

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));

function print({ seed, violation, trace, hash, steps, published }: Outcome): void {
  if (values.trace || violation) for (const line of trace.slice(-lines)) console.log(`  ${line}`);
  const end = violation ? `FAILED ${violation.message}` : 'ok';
  console.log(`seed ${seed}: ${end} (${steps} steps, ${published} publishes, hash ${hash})`);
}

const startedAt = performance.now();
const seconds = (): number => (performance.now() - startedAt) / 1000;
const broken = new Map<string, number[]>();
let steps = 0;
let published = 0;
let toldAt = 0;
const reached = new Map<string, number>();
for (let seed = first; seed < first + count; seed++) {
  const outcome = await playSeed(seed, fault);
  if (values.twice) {
    const again = await playSeed(seed, fault);
    if (again.hash !== outcome.hash) console.log(`seed ${seed}: ${outcome.hash}, then ${again.hash}`);
  }
  steps += outcome.steps;
  published += outcome.published;
  for (const [what, times] of outcome.reached) reached.set(what, (reached.get(what) ?? 0) + times);
  if (rejections.length > 0 && !outcome.violation) console.log(`seed ${seed}: unhandled`, rejections[0]);
  if (outcome.violation || rejections.length > 0) {
    const { invariant } = outcome.violation ?? { invariant: 'unhandled-rejection' };
    broken.set(invariant, [...(broken.get(invariant) ?? []), seed]);
    if (values['keep-going']) console.log(`seed ${seed}: ${outcome.violation?.message.split('\n')[0]}`);
    else {
      print(outcome);
      break;
    }
    rejections.length = 0;
  } else if (count === 1) print(outcome);
  if (seconds() - toldAt > 5 && count > 1) {
    toldAt = seconds();
    const done = seed - first + 1;
    console.log(
      `${done} seeds, ${(done / toldAt).toFixed(1)} a second, ${steps} steps, ${published} publishes`,
    );
  }
}
console.log(`${steps} steps, ${published} publishes, ${seconds().toFixed(1)} s`);
if (values.reached)
  for (const what of [...reached.keys()].sort()) console.log(`  ${what}: ${reached.get(what)}`);
for (const [invariant, seeds] of broken)
  console.log(`${invariant}: ${seeds.length} seeds, first ${seeds[0]}`);
process.exit(broken.size > 0 ? 1 : 0);
