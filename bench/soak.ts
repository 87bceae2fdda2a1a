/** A hub under a mixed load for as long as one likes, and whether it is as it was afterwards; see HELP. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SoakLoad } from './soak/soak-load.ts';
import { pageOf, plotOf, type Soak } from './soak/soak-page.ts';
import { Sampler } from './soak/soak-samples.ts';
import { type Finding, findings, type Sample } from './soak/verdict.ts';
import { FarHub } from './support/far-hub.ts';
import { runCommand } from './support/run-command.ts';

const FAULTS = ['leak-sessions', 'never-expire'];
const HELP = `Puts a hub under a mixed load, samples its process and its metrics, and says whether anything grew.

  npm run soak -- [options]

  --minutes N     of load; 20
  --seed N        of the load; random
  --transport T   ws or uws; ws
  --out FOLDER    where soak.md and soak.svg are written; by default they are not
  --fault F       plants a fault, which has to be found: ${FAULTS.join(', ')}

Exit code 0 where everything is as it should be, else 1.`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    transport: { type: 'string', default: 'ws' },
    out: { type: 'string' },
    fault: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const RESUME_WINDOW_MS = 5_000;
/** Logs and caches that are full soon, so that what grows afterwards grows by mistake. */
const LAST_VALUES_OF_AN_EXCHANGE = 1_000;
const LOG = { maxMessages: 10_000, maxBytes: 16 * 1024 * 1024, maxAgeMs: 60_000 };
const CACHE_BOUNDS = { last_values: 3 * LAST_VALUES_OF_AN_EXCHANGE, cached_routes: 65_536 };
const SAMPLES = 240;
const COLLECTIONS = 40;
const MIN_SAMPLE_MS = 1_000;
/** Afterwards nothing may be left by then: the resume window, and what the sweeper and the disk need. */
const QUIET_MS = 60_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function soak(data: string): Promise<Soak> {
  const minutes = Number(values.minutes);
  const hub = await FarHub.start(
    {
      transport: values.transport as 'ws' | 'uws',
      data,
      volatileLog: LOG,
      durableLog: LOG,
      limits: {
        resumeWindowMs: RESUME_WINDOW_MS,
        lastPerKeyEntries: LAST_VALUES_OF_AN_EXCHANGE,
      },
    },
    { program: 'bench/soak/soak-hub.ts', env: values.fault ? { SOAK_FAULT: values.fault } : {} },
  );
  const url = `http://127.0.0.1:${hub.port}`;
  const load = new SoakLoad(url, `${url.replace('http', 'ws')}/v1/ws`, hub.token, Number(values.seed));
  try {
    await load.declare();
    const sampler = new Sampler(hub, () => load.takeDelayP99Ms(), CACHE_BOUNDS);
    const before = await quiet(sampler);
    await load.start();
    const samples = await sampled(sampler, minutes * 60_000);
    await load.stop();
    const after = await quiet(sampler, before);
    return {
      minutes,
      command: `npm run soak -- --minutes ${values.minutes} --seed ${values.seed}${values.fault ? ` --fault ${values.fault}` : ''}`,
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
      samples,
      findings: [...findings(samples, before, after), ...ownFindings(load)],
      done: load.done,
    };
  } finally {
    await hub.stop();
  }
}

/** What the clients know themselves. */
function ownFindings(load: SoakLoad): Finding[] {
  const { published, lost, outOfOrder } = load.told;
  return [
    {
      what: 'messages that those who stayed neither got nor were told of; out of order',
      isGood: load.unaccounted === 0 && outOfOrder === 0,
      figure: `${load.unaccounted}; ${outOfOrder} (of ${published} for each; told as lost ${lost})`,
    },
    {
      what: 'things that failed',
      isGood: load.failures.length === 0,
      figure: load.failures.join('; ') || '0',
    },
  ];
}

async function sampled(sampler: Sampler, lastsMs: number): Promise<Sample[]> {
  const everyMs = Math.max(MIN_SAMPLE_MS, lastsMs / SAMPLES);
  const collectEvery = Math.max(1, Math.round(lastsMs / COLLECTIONS / everyMs));
  const samples: Sample[] = [];
  const endMs = performance.now() + lastsMs;
  for (let i = 0; performance.now() < endMs; i++) {
    await pause(everyMs);
    const sample = await sampler.sample(i % collectEvery === 0);
    samples.push(sample);
    if (i % collectEvery === 0) console.log(lineOf(sample));
  }
  return samples;
}

/** Without load: once all is as it was before, or never will be. */
async function quiet(sampler: Sampler, before?: Sample): Promise<Sample> {
  const endMs = performance.now() + QUIET_MS;
  for (;;) {
    await pause(MIN_SAMPLE_MS);
    const now = await sampler.sample(true);
    const wanted = before?.sizes ?? { ...now.sizes, connections: 0, sessions: 0, subjects: 0 };
    const isThere = Object.entries(wanted).every(([name, size]) => now.sizes[name] === size);
    if (isThere || performance.now() > endMs) return now;
  }
}

const lineOf = ({
  seconds,
  rssMib,
  usedMib,
  descriptors,
  deliveryP99Ms,
  lagP99Ms,
  residual,
  sizes,
}: Sample) =>
  `${String(Math.round(seconds)).padStart(6)} s  rss ${rssMib.toFixed(0)} MiB, in use ${usedMib?.toFixed(1)}, ${descriptors} descriptors, ${sizes.sessions} sessions, delivery p99 ${deliveryP99Ms.toFixed(1)} ms, lag p99 ${lagP99Ms.toFixed(1)} ms, residual ${residual}`;

async function main(): Promise<void> {
  if (values.fault !== undefined && !FAULTS.includes(values.fault)) throw new Error('there is no such fault');
  const data = mkdtempSync(join(tmpdir(), 'ringhub-soak-'));
  try {
    console.log(`seed ${values.seed}`);
    const result = await soak(data);
    for (const { what, figure, isGood } of result.findings)
      console.log(`${isGood ? 'good' : 'NOT GOOD'}: ${what}: ${figure}`);
    if (values.out !== undefined) {
      writeFileSync(join(values.out, 'soak.md'), pageOf(result));
      writeFileSync(join(values.out, 'soak.svg'), plotOf(result));
    }
    process.exitCode = result.findings.every(({ isGood }) => isGood) ? 0 : 1;
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

await runCommand(values.help ? HELP : undefined, main);
