/** Cuts at full size, by command; see HELP. */
import { parseArgs } from 'node:util';
import { runCommand } from '../../bench/support/run-command.ts';
import { cutsRun } from './cuts.ts';
import { CUTS_FAULTS, type CutsFault } from './cuts-faults.ts';
import { ChaosPlace } from './programs.ts';

const HELP = `Cuts the connections of SDK clients to a hub at random, kills and stops the hub, and counts what got lost.

  node scripts/run-ts.mjs test/chaos/cuts-run.ts [options]

  --cuts N         cuts over each transport; 10000
  --rate N         messages published in a second; 5000
  --seed N         decides about every connection; random
  --transport T    ws, uws or both; both
  --max-ms N       a connection lives at most so long; 1000
  --kills N        times the hub is killed (kill -9) and started again; 10
  --halts N        times it is stopped (SIGSTOP) for up to 2.5 s; 20
  --fault F        plants a fault, which has to be found: ${CUTS_FAULTS.join(', ')}

Exit code 0 where nothing is lost, duplicated or out of order and nothing else is wrong, else 1.`;

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    transport: { type: 'string', default: 'both' },
    'max-ms': { type: 'string', default: '1000' },
    kills: { type: 'string', default: '10' },
    halts: { type: 'string', default: '20' },
    fault: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const fault = values.fault as CutsFault | undefined;
  if (fault && !CUTS_FAULTS.includes(fault)) throw new Error(`there is no fault ${fault}`);
  const transports = values.transport === 'both' ? ['ws', 'uws'] : [values.transport];
  const place = new ChaosPlace(process.cwd());
  try {
    console.log(`seed ${values.seed}`);
    for (const transport of transports) {
      const result = await cutsRun(place, {
        seed: Number(values.seed),
        transport: transport as 'ws' | 'uws',
        cuts: Number(values.cuts),
        rate: Number(values.rate),
        maxMs: Number(values['max-ms']),
        kills: Number(values.kills),
        halts: Number(values.halts),
        fault,
        onProgress: (progress) => console.log(`${transport}: ${JSON.stringify(progress)}`),
      });
      console.log(`${transport}: ${JSON.stringify(result, null, 2)}`);
      if (result.violations > 0) process.exitCode = 1;
    }
  } finally {
    place.remove();
  }
}

await runCommand(values.help ? HELP : undefined, main);
