/**
 * Runs seeds of the simulation: `node scripts/run-ts.mjs test/sim/run.ts --seeds 10000 --workers 2`.
 *
 * `--seed 42 --trace` plays one seed and prints the end of its trace; `--fault NAME` plants a fault, `--faults` each of them
 * in turn, and prints how many seeds it took to find; `--keep-going` does not stop at the first seed that fails; `--twice`
 * plays each seed twice and compares; `--reached` prints what the runs came across; `--digests` one line for each seed.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { FAULTS, faultNamed } from './faults.ts';
import { playSeed } from './seed.ts';
import { type Played, Tally } from './tally.ts';
import { World } from './world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    share: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    fault: { type: 'string', default: process.env.RINGHUB_SIM_FAULT ?? '' },
    faults: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    lines: { type: 'string', default: '60' },
    'keep-going': { type: 'boolean', default: false },
    reached: { type: 'boolean', default: false },
    digests: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(
    '--seeds N  --from N  --seed N  --share 0..1 of the time of trouble  --workers N  --trace  --lines N  --keep-going\n' +
      '--reached  --digests  --twice  --faults (all, within --seeds of each)  --fault NAME, one of:',
  );
  for (const [name, { about }] of Object.entries(FAULTS)) console.log(`  ${name.padEnd(20)} ${about}`);
  process.exit(0);
}

const fault = faultNamed(values.fault);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const share = Number(values.share);
World.traceLines = Math.max(World.traceLines, Number(values.lines));

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));

async function play(seed: number): Promise<Played> {
  const { violation, trace, reached, ...rest } = await playSeed(seed, fault, share);
  const again = values.twice ? await playSeed(seed, fault, share) : undefined;
  const [unhandled] = rejections.splice(0);
  const other =
    again && again.hash !== rest.hash ? `not-the-same: ${rest.hash}, then ${again.hash}` : undefined;
  const broken = violation?.message ?? (unhandled ? `unhandled: ${String(unhandled)}` : other);
  return { ...rest, broken, trace: broken || values.trace ? trace : [], reached: [...reached] };
}

/** Every n-th seed from one on, given to somebody as they are played; until that one has had enough. */
async function playAll(from: number, step: number, told: (played: Played) => boolean): Promise<void> {
  for (let seed = from; seed < first + count; seed += step) if (!told(await play(seed))) return;
}

/** The least seeds in which each fault is found. */
async function findFaults(): Promise<boolean> {
  let isFound = true;
  console.log('| fault | what it does | seeds | found by |\n|---|---|---|---|');
  for (const [name, planted] of Object.entries(FAULTS)) {
    let found: string | undefined;
    let seed = first;
    for (; !found && seed < first + count; seed++)
      found = (await playSeed(seed, planted, share)).violation?.invariant;
    rejections.length = 0;
    isFound &&= found !== undefined;
    console.log(
      `| \`${name}\` | ${planted.about} | ${found ? seed - first : 'not found'} | ${found ?? ''} |`,
    );
  }
  return isFound;
}

if (values.faults) process.exit((await findFaults()) ? 0 : 1);

if (!isMainThread) {
  const { offset, step } = workerData as { offset: number; step: number };
  await playAll(first + offset, step, (played) => {
    parentPort!.postMessage(played);
    return true;
  });
  process.exit(0);
}

const tally = new Tally(count, {
  lines: Number(values.lines),
  printsAll: count === 1,
  printsDigests: values.digests,
  keepsGoing: values['keep-going'],
});
const workers = Math.min(Number(values.workers), count);
if (workers <= 1) await playAll(first, 1, (played) => tally.add(played));
else {
  const threads = Array.from(
    { length: workers },
    (_, offset) =>
      new Worker(new URL(import.meta.url), {
        argv: process.argv.slice(2),
        workerData: { offset, step: workers },
      }),
  );
  const endAll = (): void => {
    for (const thread of threads) void thread.terminate();
  };
  await Promise.all(
    threads.map(
      (thread) =>
        new Promise<void>((resolve) => {
          thread.on('message', (played: Played) => tally.add(played) || endAll());
          thread.on('error', (error) => {
            console.error(error);
            process.exitCode = 1;
          });
          thread.on('exit', () => resolve());
        }),
    ),
  );
}
tally.end(values.reached);
process.exit(tally.isClean ? process.exitCode : 1);
