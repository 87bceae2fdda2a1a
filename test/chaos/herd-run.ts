/** A herd by command; see HELP. */
import { parseArgs } from 'node:util';
import { runCommand } from '../../bench/support/run-command.ts';
import { type HerdDrop, herdRun } from './herd.ts';
import { ChaosPlace } from './programs.ts';

const HELP = `Has thousands of SDK clients lose their connections at once, and measures how soon they are back.

  node scripts/run-ts.mjs test/chaos/herd-run.ts [options]

  --clients N     5000; each takes a descriptor of the hub and one of the herd's process: see ulimit -n
  --transport T   ws, uws or both; both
  --how H         reset: all connections are reset
                  kill: the hub is killed (kill -9) and started again
                  halt: the hub stands still (SIGSTOP) until all have given it up
                  all (default): one after the other

Exit code 0 where 95 % are back within ten seconds each time, and nothing is lost, else 1.`;

const HOW: readonly HerdDrop[] = ['reset', 'kill', 'halt'];
const WANTED_AFTER_10_S = 0.95;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    transport: { type: 'string', default: 'both' },
    how: { type: 'string', default: 'all' },
    help: { type: 'boolean', default: false },
  },
});

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

async function main(): Promise<void> {
  const place = new ChaosPlace(process.cwd());
  const transports = values.transport === 'both' ? ['ws', 'uws'] : [values.transport];
  const ways = values.how === 'all' ? HOW : HOW.filter((how) => how === values.how);
  try {
    for (const transport of transports as ('ws' | 'uws')[]) {
      for (const how of ways) {
        const result = await herdRun(place, { clients: Number(values.clients), transport, how });
        const { backAfter, connectMs, deliverMs } = result;
        console.log(`${values.clients} clients over ${transport}, ${how}`);
        console.table({
          'back after 1 s': percent(backAfter[1]),
          'back after 2 s': percent(backAfter[2]),
          'back after 5 s': percent(backAfter[5]),
          'back after 10 s': percent(backAfter[10]),
          'the last one, s': (result.lastBackMs / 1_000).toFixed(1),
          'went on with their session': result.resumed,
          'lost anything': result.lost,
          'gave up': result.failed,
          'newcomers meanwhile': result.newcomers,
          'their connect, ms, median and highest': `${connectMs.median}, ${connectMs.max}`,
          'their delivery, ms, median and highest': `${deliverMs.median}, ${deliverMs.max}`,
        });
        for (const fault of result.faults) console.log(`the hub said: ${fault}`);
        const isGood = backAfter[10] >= WANTED_AFTER_10_S && result.lost === 0 && result.failed === 0;
        if (!isGood) process.exitCode = 1;
      }
    }
  } finally {
    place.remove();
  }
}

await runCommand(values.help ? HELP : undefined, main);
