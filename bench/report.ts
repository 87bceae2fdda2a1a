/**
 * `npm run bench:report`: runs all scenarios with all systems that are there, in turn, or reads what earlier runs printed, and
 * writes `docs/benchmarks.md` with its plots. Each run's line of JSON goes to standard output, for `--from` another time.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { RunLine } from './load/run-line.ts';
import { CURVES, type CurvePoint } from './report/curves.ts';
import { type Failure, type Report, reportOf } from './report/page.ts';
import { runsOf } from './report/run-files.ts';
import { singleRun } from './report/single-run.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { chosen, present, takesPart } from './support/choice.ts';
import { endOnSignal } from './support/end-on-signal.ts';
import { runCommand } from './support/run-command.ts';
import { allSystems } from './systems/index.ts';
import type { System } from './systems/system.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'all' },
    system: { type: 'string', default: 'all' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '1' },
    curves: { type: 'boolean', default: false },
    from: { type: 'string', multiple: true },
    out: { type: 'string', default: 'docs/benchmarks.md' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const SYSTEMS = allSystems();
const COMMAND = [
  'npm run bench:report',
  ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
].join(' ');
/** Of connections, besides those of the subscribers. */
const SPARE_FILES = 100;

const HELP = `npm run build && npm run -s bench:report -- [options] > runs.jsonl

Measures, and writes a page with tables and plots. Options as those of npm run bench, and:

  --scenario S,…     ${SCENARIOS.map(({ name }) => name).join(' ')}, or all; default all
  --system S,…       ${SYSTEMS.map(({ name }) => name).join(' ')}, or all; default all
                     (those that are not installed are named and passed over)
  --runs N           runs of each, in turn; default 3
  --seconds N        measured in each run; default 3
  --warm-up N        seconds before that; default 1
  --curves           measures what a delivery costs by ${CURVES.map(({ name }) => name).join(', by ')}, too
  --from FILE        takes the runs from a file of JSON lines, and measures none but those of --curves; may be given several times
  --out FILE         default docs/benchmarks.md; plots go into a folder of that name beside it`;

class Measuring {
  readonly lines: RunLine[] = [];
  readonly failures: Failure[] = [];
  private readonly options = ['--seconds', values.seconds, '--warm-up', values['warm-up']];

  constructor(private readonly systems: readonly System[]) {}

  /** Systems in turn, so that each ratio is one of the same minute. */
  async run(scenario: Scenario, point?: CurvePoint): Promise<void> {
    const at = Object.entries(point ?? {}).flatMap(([name, value]) => [`--${name}`, String(value)]);
    for (let run = 1; run <= Number(values.runs); run++) {
      for (const system of this.systems.filter((one) => takesPart(one, scenario))) {
        const outcome = await singleRun(scenario.name, system.name, [...this.options, ...at]);
        const what = `${[scenario.name, ...at].join(' ')}, run ${run}: ${system.name}`;
        if ('failed' in outcome) {
          console.error(`${what} failed: ${outcome.failed}`);
          const name = [scenario.name, ...at].join(' ');
          this.failures.push({ scenario: `${name}, run ${run}`, system: system.name, why: outcome.failed });
          continue;
        }
        const line: RunLine = { ...outcome.line, run, command: COMMAND };
        console.log(JSON.stringify(line));
        console.error(`${what}: ${line.figures[scenario.figure.name]} ${scenario.figure.name}`);
        this.lines.push(line);
      }
    }
  }
}

async function main(): Promise<void> {
  const scenarios = chosen('scenario', values.scenario, SCENARIOS);
  const systems = chosen('system', values.system, SYSTEMS);
  const earlier = values.from ? runsOf(values.from.map((file) => readFileSync(file, 'utf8'))) : [];
  const measuring = new Measuring(!values.from || values.curves ? present(systems) : []);
  if (!values.from) for (const scenario of scenarios) await measuring.run(scenario);
  if (values.curves) await measureCurves(measuring);
  const lines = [
    ...earlier.filter(({ system }) => systems.some(({ name }) => name === system)),
    ...measuring.lines,
  ];
  if (lines.length === 0) throw new Error('there are no runs to report');
  const folder = values.out.replace(/\.md$/, '');
  const { failures } = measuring;
  write(folder, reportOf(scenarios, lines, { command: COMMAND, folder: basename(folder), failures }));
}

async function measureCurves(measuring: Measuring): Promise<void> {
  const files = maxOpenFiles();
  for (const { scenario, points } of CURVES) {
    const [measured] = chosen('scenario', scenario, SCENARIOS);
    for (const point of points) {
      if ((point.subscribers ?? 0) + SPARE_FILES <= files) await measuring.run(measured!, point);
      else console.error(`${point.subscribers} subscribers are left out: ulimit -n is ${files}`);
    }
  }
}

/** Node raises its own bound as far as it may. */
function maxOpenFiles(): number {
  const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return found === undefined ? Number.POSITIVE_INFINITY : Number(found);
}

function write(folder: string, { page, plots }: Report): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name));
  for (const [name, text] of plots) writeFileSync(join(folder, name), text);
  writeFileSync(values.out, page);
  console.error(`${values.out} is written, with ${plots.size} plots`);
}

endOnSignal();
await runCommand(values.help ? HELP : undefined, main);
