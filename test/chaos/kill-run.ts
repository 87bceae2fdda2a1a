/**
 * The kill test at full size:
 *
 *     node scripts/run-ts.mjs test/chaos/kill-run.ts [--rounds 200] [--seed N] [--fault early-confirm]
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../server/support/seeded-random.ts';
import { killRounds } from './kill.ts';
import { ChaosPlace } from './programs.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    fault: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
if (values.fault !== undefined && values.fault !== 'early-confirm') throw new Error('there is no such fault');

const place = new ChaosPlace(process.cwd());
const startedMs = performance.now();
try {
  console.log(`seed ${values.seed}, ${rounds} rounds`);
  const result = await killRounds(place, {
    rounds,
    random: seededRandom(Number(values.seed)),
    minLoadMs: 300,
    maxLoadMs: 1_500,
    maxPerSecond: 12_000,
    earlyKills: 0.15,
    ...(values.fault && { fault: values.fault }),
    onRound: (round, { confirmed, violations, redeliveries }) => {
      if (round % 10 !== 0) return;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      console.log(
        `${seconds} s: round ${round}, ${confirmed} confirmed, ${redeliveries} delivered again, ${violations} violations`,
      );
    },
  });
  const { missing, ...rest } = result;
  console.log(
    JSON.stringify({ rounds, ...rest, confirmedLost: missing.length, lost: missing.slice(0, 10) }, null, 2),
  );
  process.exitCode = missing.length + result.violations === 0 ? 0 : 1;
} finally {
  place.remove();
}
