/** A file system with no room left: a small one in memory, where this machine lets one be mounted. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { newStore } from './power-cut.ts';
import { type ChaosPlace, said } from './programs.ts';
import { Verifier } from './verifier.ts';

const SEED = 5;
const BATCHES = 400;

/** Fills file systems of these sizes; returns a line of what was found for each. @throws where it cannot be done here */
export async function fillDisks(place: ChaosPlace, kibibytes: readonly number[]): Promise<string[]> {
  const workload = await place.program('store-workload');
  const verifier = new Verifier([await place.program('store-verifier'), String(SEED), String(BATCHES)]);
  const found: string[] = [];
  for (const size of kibibytes) {
    const mount = place.at(`disk-${size}`);
    mkdirSync(mount);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', mount]);
    if (mounted.status !== 0) throw new Error(`no file system can be mounted here: ${mounted.stderr}`);
    try {
      await newStore(`${mount}/store.mdb`);
      const numbers = [SEED, 1, BATCHES, 4, 5_000].map(String);
      const lines = (await said(process.execPath, [workload, `${mount}/store.mdb`, ...numbers])).map((line) =>
        line.split(' '),
      );
      const count = (word: string) => lines.filter(([first]) => first === word).length;
      const copy = place.at(`full-${size}.mdb`);
      copyFileSync(`${mount}/store.mdb`, copy);
      const job = { kind: 'crash', path: copy, confirmed: count('done'), begun: count('begun') } as const;
      const verdict = await verifier.verify(job);
      const reasons = [...new Set(lines.flatMap(([word, , reason]) => (word === 'failed' ? [reason] : [])))];
      const slowestMs = Math.max(
        ...lines.flatMap(([word, , , ms]) => (word === 'failed' ? [Number(ms)] : [])),
      );
      const isAnswered = count('begun') === count('done') + count('failed');
      const isGood = verdict.kind === 'sound' && isAnswered && reasons.join() === 'disk-full';
      found.push(
        `${size} KiB: ${isGood ? 'good' : 'BAD'}: ${count('done')} confirmed, ${count('failed')} failed as ${reasons} within ${slowestMs} ms, then ${verdict.kind} ${verdict.detail}`,
      );
    } finally {
      spawnSync('umount', [mount]);
    }
  }
  await verifier.end();
  return found;
}
