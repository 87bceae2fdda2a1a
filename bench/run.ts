/**
 * `npm run bench -- --scenario S1max,S5 --system ringhub-uws-binary,limit-uws`: runs systems in turn, so that each ratio is one of
 * the same minute, and prints a line of JSON for each run.
 */

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compare, printComparison } from './load/comparison.ts';
import type { RunLine } from './load/run-line.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { chosen, present, takesPart } from './support/choice.ts';
import { arePinned, moveToLoadCore } from './support/cores.ts';
import { endOnSignal } from './support/end-on-signal.ts';
import { describeMachine } from './support/machine.ts';
import { runCommand } from './support/run-command.ts';
import { allSystems } from './systems/index.ts';
import type { System } from './systems/system.ts';

const OPTIONS = {
  scenario: { type: 'string', default: 'S1max' },
  system: { type: 'string', default: 'ringhub-uws-binary,ringhub-ws-json' },
  to: { type: 'string', default: 'limit-uws' },
  runs: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
  'warm-up': { type: 'string', default: '1' },
  subscribers: { type: 'string' },
  bytes: { type: 'string' },
  patterns: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const { values } = parseArgs({ options: OPTIONS });
const SYSTEMS = allSystems(values.profile);

const HELP = `npm run build && npm run bench -- [options]

Drives servers with one load client and compares them. A line of JSON for each run goes to standard output, a table of
medians and ratios to standard error.

  --scenario S,…     ${SCENARIOS.map(({ name }) => name).join(' ')}, or all; default S1max
  --system S,…       ${SYSTEMS.map(({ name }) => name).join(' ')}, or all
                     (those that are not installed are named and passed over)
  --to S             what the others are held against, run beside them each time; default limit-uws
  --runs N           runs of each, in turn; default 3
  --seconds N        measured in each run; default 3
  --warm-up N        seconds before that; default 1
  --subscribers N    other than the scenario's own
  --bytes N          size of a message; default 128
  --patterns N       of S2idle, in all; default 10,000
  --profile DIR      Ringhub leaves a CPU profile of each run there, for Chrome's DevTools

${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(8)} ${title}`).join('\n')}

The server runs on one core, the load on another. Rates move by a third from minute to minute: compare ratios.`;

async function main(): Promise<void> {
  const scenarios = chosen('scenario', values.scenario, SCENARIOS);
  const reference = chosen('system', values.to, SYSTEMS)[0]!;
  const wanted = chosen('system', values.system, SYSTEMS).filter((system) => system !== reference);
  const systems = present([reference, ...wanted]);
  if (!arePinned) console.error('server and load share what cores there are: no taskset, or one core');
  moveToLoadCore();
  for (const scenario of scenarios) {
    const lines = await runAll(scenario, systems);
    printComparison(scenario, compare(scenario, lines, reference.name));
  }
}

async function runAll(scenario: Scenario, systems: readonly System[]): Promise<RunLine[]> {
  const able = systems.filter((system) => takesPart(system, scenario));
  const lines: RunLine[] = [];
  const options = {
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values['warm-up']),
    ...(values.subscribers ? { subscribers: Number(values.subscribers) } : {}),
    ...(values.bytes ? { bytes: Number(values.bytes) } : {}),
    ...(values.patterns ? { patterns: Number(values.patterns) } : {}),
  };
  for (let run = 1; run <= Number(values.runs); run++) {
    for (const system of able) {
      const figures = await scenario.run(system, options);
      const line: RunLine = {
        scenario: scenario.name,
        system: system.name,
        run,
        at: new Date().toISOString(),
        command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
        ...(system.version() ? { version: system.version()! } : {}),
        machine: describeMachine(),
        node: process.version,
        cores: cpus().length,
        pinned: arePinned,
        ...options,
        figures,
      };
      console.log(JSON.stringify(line));
      lines.push(line);
    }
  }
  return lines;
}

endOnSignal();
await runCommand(values.help ? HELP : undefined, main);
