/**
 * Holds the hub against a RabbitMQ of its own on random topologies:
 *
 *     node scripts/run-ts.mjs test/conformance/rabbitmq/run.ts --topologies 5000 --seed 1
 *
 * `--help` tells the rest. Ends with 1 where something differs that is no difference of docs/differences-from-rabbitmq.md, and,
 * from 5,000 topologies on, where one of those was not met.
 */
import { parseArgs } from 'node:util';
import { RabbitmqServer } from '../../../bench/support/rabbitmq-server.ts';
import { campaign, type Found, type Report } from './campaign.ts';
import { table } from './comparison.ts';
import { DIFFERENCES } from './differences.ts';
import { FAULT_NAMES, FAULTS, type FaultName, isFault } from './faults.ts';
import { topologyOf } from './generate.ts';
import { limitsTopologyOf } from './generate-limits.ts';
import { RabbitmqBroker } from './rabbitmq-broker.ts';

/** A run of so many meets every difference. */
const MEETS_ALL = 5_000;
const TELL_EVERY_MS = 5_000;

const { values } = parseArgs({
  options: {
    topologies: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    workers: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '60' },
    most: { type: 'string', default: '5' },
    fault: { type: 'string' },
    'delivery-limits': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `--topologies N  how many (200)          --seed N     of the first; the next ones follow
--workers N     at a time (3)           --minutes N  ends then, whatever is left (60)
--most N        ends after so many that differ (5)
--delivery-limits  topologies about these, which only quorum queues of RabbitMQ have
--fault NAME    plants a fault, and tells how many topologies it took to find it; all: one after the other
${FAULT_NAMES.map((name) => `    ${name.padEnd(20)}${FAULTS[name].about}`).join('\n')}`;

const startedMs = performance.now();
const untilMs = startedMs + Number(values.minutes) * 60_000;
const [firstSeed, topologies, workers, most] = [
  values.seed,
  values.topologies,
  values.workers,
  values.most,
].map(Number) as [number, number, number, number];
const generate = values['delivery-limits'] ? limitsTopologyOf : topologyOf;
const seconds = (): number => (performance.now() - startedMs) / 1000;

function progress(): (report: Report) => void {
  let toldMs = performance.now();
  return ({ played, operations, found }) => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    const rate = (played / seconds()).toFixed(1);
    console.log(
      `${played} topologies, ${rate} a second, ${operations} operations, ${found.length} that differ`,
    );
  };
}

function tellFound({ seed, verdict, isRepeated }: Found): void {
  console.log(`seed ${seed} differs${isRepeated ? ', made smaller:' : ' once, and not again:'}`);
  for (const line of table(verdict)) console.log(`  ${line}`);
}

function tell(report: Report): void {
  const { played, operations, deliveries, redeliveries, deadLetters, met, ended, found } = report;
  console.log(
    `${played} topologies from seed ${firstSeed}, ${operations} operations, ${deliveries} deliveries ` +
      `(${redeliveries} again, ${deadLetters} of dead letters), ${seconds().toFixed(0)} s`,
  );
  for (const [name, times] of [...met].sort()) {
    const ends = ended.get(name) ?? 0;
    console.log(`  ${name.padEnd(28)}${String(times).padStart(6)}${ends > 0 ? `   ended ${ends}` : ''}`);
  }
  console.log(`${found.length} differ`);
}

async function compare(brokers: readonly RabbitmqBroker[]): Promise<boolean> {
  const onPlayed = progress();
  const report = await campaign({
    firstSeed,
    topologies,
    brokers,
    mostFound: most,
    untilMs,
    onPlayed,
    onFound: tellFound,
    generate,
  });
  tell(report);
  const unmet = DIFFERENCES.filter(({ name }) => !report.met.has(name));
  const isWhole = report.played >= MEETS_ALL && generate === topologyOf;
  if (isWhole) for (const { name } of unmet) console.log(`${name} was never met: it does not belong there`);
  return report.found.length === 0 && report.played > 0 && !(isWhole && unmet.length > 0);
}

async function findFault(name: FaultName, brokers: readonly RabbitmqBroker[]): Promise<boolean> {
  const takeOut = FAULTS[name].plant();
  try {
    const report = await campaign({ firstSeed, topologies, brokers, mostFound: 1, untilMs });
    const [found] = report.found;
    const length = found?.verdict.steps.length;
    console.log(
      `${name.padEnd(20)} ${found ? `found after ${report.played}, in ${length} operations` : 'NOT FOUND'}`,
    );
    if (found && values.fault !== 'all') for (const line of table(found.verdict)) console.log(`  ${line}`);
    return found !== undefined;
  } finally {
    takeOut();
  }
}

async function main(): Promise<boolean> {
  const faults = values.fault === 'all' ? FAULT_NAMES : values.fault === undefined ? [] : [values.fault];
  const unknown = faults.find((name) => !isFault(name));
  if (values.help || unknown !== undefined) {
    console.log(unknown === undefined ? HELP : `no fault is called ${unknown}\n${HELP}`);
    return unknown === undefined;
  }
  const server = await RabbitmqServer.start();
  const brokers = Array.from({ length: workers }, () => new RabbitmqBroker(server.url));
  try {
    if (faults.length === 0) return await compare(brokers);
    let isEachFound = true;
    for (const name of faults) isEachFound = (await findFault(name as FaultName, brokers)) && isEachFound;
    return isEachFound;
  } finally {
    await Promise.all(brokers.map((broker) => broker.close()));
    await server.stop();
  }
}

// Then its RabbitMQ ends, too.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exitCode = (await main()) ? 0 : 1;
