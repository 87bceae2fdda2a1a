/**
 * X1 at length: `node scripts/run-ts.mjs test/hostile/fuzz-run.ts --inputs 10000000 [--seed N]`. Also how long 64 KiB take
 * at most. Ends with 1 where a decoder threw or made too much of its input.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../server/support/seeded-random.ts';
import { fuzz } from './fuzz.ts';
import { slowest } from './slow-inputs.ts';

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '10000000' }, seed: { type: 'string' } },
});
const inputs = Number(values.inputs);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const before = process.cpuUsage();
const report = fuzz(inputs, seededRandom(seed));
const { user, system } = process.cpuUsage(before);
const { read, refused, bytes, largestShare, failures } = report;
console.log(
  `seed ${seed}: ${inputs} inputs (${(bytes / 1e6).toFixed(0)} MB): ${read} read, ${refused} refused, ` +
    `largest result ${largestShare.toFixed(1)} times its input, ${failures.length} failures, ` +
    `${((user + system) / 1e6).toFixed(1)} s CPU`,
);
for (const failure of failures) console.log(failure);
console.log('A message of 64 KiB holds a turn for ms, and takes in all (a quarter of the rounds took less):');
for (const { name, ms, turnMs } of slowest())
  console.log(`  ${turnMs.toFixed(3)}  ${ms.toFixed(3)}  ${name}`);
process.exitCode = failures.length > 0 ? 1 : 0;
