/**
 * A6 at length: `node scripts/run-ts.mjs test/security/key-timing.ts [1000000]` measures how long the hub looks at API keys of
 * two classes, and whether Welch's t-test tells them apart: |t| < 4.5 is the bar, above it somebody could learn from it.
 *
 * Classes are measured alternately and at random, so that whatever else the machine does hits both. The slowest tenth
 * (interrupts, collections) is left out of both by one bound. `--leaky` compares by `===` instead: the control that has to fail.
 */
import { CombinedAuth } from '../../server/src/auth/combined-auth.ts';
import { isDenial } from '../../server/src/ports/auth.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

const args = process.argv.slice(2);
const samples = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 1_000_000);
const isLeaky = args.includes('--leaky');
const BAR = 4.5;
const KEYS = Array.from({ length: 20 }, (_, i) =>
  `key-${i}-`.padEnd(2_048, 'abcdefghijklmnopqrstuvwxyz0123456789'),
);
const first = KEYS[0]!;
const last = KEYS.at(-1)!;

const auth = new CombinedAuth({
  name: 'timing',
  clock: new ManualClock(),
  tokens: KEYS.map((token, i) => ({ token, subject: `s${i}`, role: 'server' })),
});
/** As one should not. */
function leaky(token: string): boolean {
  for (const key of KEYS) {
    let i = 0;
    while (i < key.length && key[i] === token[i]) i++;
    if (i === key.length) return true;
  }
  return false;
}
const look = isLeaky ? leaky : (token: string) => !isDenial(auth.authenticate(token) as never);

/** What an attacker would compare: nothing right with all but the end right; the first key with the last one. */
const QUESTIONS: readonly (readonly [string, string, string])[] = [
  ['wrong at the start, wrong at the end', `x${last.slice(1)}`, `${last.slice(0, -1)}!`],
  ['the first key, the last key', first, last],
];

function welch(a: string, b: string): number {
  // Texts as they come from a socket: flat, and not the very objects that the keys are.
  const shown = [a, b].map((text) => Buffer.from(text).toString());
  const times: [Float64Array, Float64Array] = [new Float64Array(samples), new Float64Array(samples)];
  for (let i = 0; i < samples; i++) {
    const order = Math.random() < 0.5 ? ([0, 1] as const) : ([1, 0] as const);
    for (const which of order) {
      const before = process.hrtime.bigint();
      look(shown[which]!);
      times[which][i] = Number(process.hrtime.bigint() - before);
    }
  }
  const all = Float64Array.from([...times[0], ...times[1]]).sort();
  const bound = all[Math.floor(all.length * 0.9)]!;
  const [x, y] = times.map((one) => momentsOf(one.filter((time) => time <= bound)));
  return (x!.mean - y!.mean) / Math.sqrt(x!.variance / x!.count + y!.variance / y!.count);
}

function momentsOf(values: Float64Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance, count: values.length };
}

for (let i = 0; i < 20_000; i++) look(i % 2 === 0 ? first : last);
let worst = 0;
for (const [what, a, b] of QUESTIONS) {
  const t = welch(a, b);
  worst = Math.max(worst, Math.abs(t));
  console.log(`${what}: t = ${t.toFixed(2)} over ${samples} samples each`);
}
console.log(worst < BAR ? `nothing to be learned: |t| < ${BAR}` : `|t| = ${worst.toFixed(2)}: it tells`);
process.exitCode = worst < BAR ? 0 : 1;
