/**
 * Power cuts and rot, many of them: one traced run of a store, the files that a cut may have left at any moment of it,
 * each opened again; and a file with its bits flipped or its end cut off.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { newStoreWrites } from '../../server/src/engines/store-format.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { seededRandom } from '../server/support/seeded-random.ts';
import { crashState } from './crash-states.ts';
import { type DiskEvent, readTrace, TRACE_OPTIONS } from './disk-trace.ts';
import { type ChaosPlace, requireStrace, traced } from './programs.ts';
import { type Verdict, Verifier } from './verifier.ts';

export type Counts = Partial<Record<Verdict['kind'], number>>;

export interface Findings {
  readonly counts: Counts;
  /** Verdicts that say more than their kind, the first ten. */
  readonly details: string[];
}

export interface StoreRun {
  readonly seed: number;
  readonly batches: number;
  /** What the file held before the run, and after it. */
  readonly initial: Buffer;
  readonly final: Buffer;
  readonly events: readonly DiskEvent[];
}

/** An empty store of the model, closed. */
export async function newStore(path: string): Promise<void> {
  const store = LmdbStore.open(path, { clock: nodeClock });
  await new Promise<void>((resolve, reject) =>
    store.commit(newStoreWrites('model'), (error) => (error ? reject(new Error(error.text)) : resolve())),
  );
  await store.close();
  rmSync(`${path}-lock`);
}

/** Has a store filled under strace. */
export async function tracedRun(
  place: ChaosPlace,
  { seed, batches, unsafeNoSync = false }: { seed: number; batches: number; unsafeNoSync?: boolean },
): Promise<StoreRun> {
  requireStrace();
  const path = place.at(`run-${seed}.mdb`);
  const trace = place.at('trace');
  await newStore(path);
  const initial = readFileSync(path);
  const program = await place.program('store-workload');
  const numbers = [seed, 1, batches, 4, 60_000].map(String);
  const said = await traced(TRACE_OPTIONS(trace), [
    program,
    path,
    ...numbers,
    ...(unsafeNoSync ? ['unsafe-no-sync'] : []),
  ]);
  if (said.at(-1) !== 'end well') throw new Error(`the run ended with ${said.at(-1)}`);
  const events = readTrace(trace, path);
  const final = readFileSync(path);
  rmSync(trace);
  return { seed, batches, initial, final, events };
}

/** Opens what power cuts leave, at moments all over the run. */
export async function cutPower(place: ChaosPlace, run: StoreRun, states: number): Promise<Findings> {
  const random = seededRandom(run.seed);
  const path = place.at('crashed.mdb');
  return verdicts(place, run, states, async (verify) => {
    const cut = 1 + Math.floor(random() * run.events.length);
    const { image, confirmed, begun } = crashState(run.initial, run.events, cut, random);
    writeFileSync(path, image);
    rmSync(`${path}-lock`, { force: true });
    return verify({ kind: 'crash', path, confirmed, begun });
  });
}

/** Opens the file of the run with a bit flipped, bytes overwritten, or its end cut off. */
export async function damage(place: ChaosPlace, run: StoreRun, damages: number): Promise<Findings> {
  const random = seededRandom(run.seed + 1);
  const below = (n: number) => Math.floor(random() * n);
  const path = place.at('damaged.mdb');
  return verdicts(place, run, damages, async (verify) => {
    let bytes = Buffer.from(run.final);
    const kind = random();
    if (kind < 0.75) {
      // Half of the flips in the first pages, where the roots of everything are.
      const at = random() < 0.2 ? below(168) : random() < 0.2 ? 4_096 + below(168) : below(bytes.length);
      bytes[at]! ^= 1 << below(8);
    } else if (kind < 0.9) {
      bytes = bytes.subarray(0, below(bytes.length));
    } else {
      const at = below(bytes.length);
      bytes.fill(random() < 0.5 ? 0 : below(256), at, Math.min(at + 1 + below(4_096), bytes.length));
    }
    writeFileSync(path, bytes);
    rmSync(`${path}-lock`, { force: true });
    return verify({ kind: 'damage', path, confirmed: run.batches, begun: run.batches });
  });
}

async function verdicts(
  place: ChaosPlace,
  run: StoreRun,
  count: number,
  next: (verify: Verifier['verify']) => Promise<Verdict>,
): Promise<Findings> {
  const program = await place.program('store-verifier');
  const verifier = new Verifier([program, String(run.seed), String(run.batches)]);
  const counts: Counts = {};
  const details: string[] = [];
  for (let i = 0; i < count; i++) {
    const verdict = await next((job) => verifier.verify(job));
    counts[verdict.kind] = (counts[verdict.kind] ?? 0) + 1;
    if (!['sound', 'harmless', 'found'].includes(verdict.kind) && details.length < 10) {
      details.push(`${i}: ${verdict.kind}: ${verdict.detail}`);
    }
  }
  await verifier.end();
  return { counts, details };
}
