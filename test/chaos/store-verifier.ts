/**
 * The program that opens what is left of a store: a job a line on stdin, its verdict a line on stdout. It is a process
 * of its own, as a damaged file may kill it.
 *
 *     node … SEED BATCHES
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { scanStore } from '../../server/src/engines/store-scan.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { LmdbReader } from '../../server/src/stores/lmdb-reader.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { type PageReport, walkPages } from '../../server/src/stores/page-walk.ts';
import { BATCH_KEY, digestOf, lastBatch, StoreModel } from './store-model.ts';
import type { Job, Verdict } from './verifier.ts';

const [seed, batches] = process.argv.slice(2).map(Number) as [number, number];
const model = new StoreModel(seed);
for (let number = 1; number <= batches; number++) model.next();

function walk(path: string): PageReport {
  const file = openSync(path, 'r');
  try {
    return walkPages((into, offset) => readSync(file, into, 0, into.length, offset), fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

const ends = [Uint8Array.of(0), new Uint8Array(32).fill(255)] as const;
const digest = (store: Pick<LmdbReader, 'range'>) => digestOf(store.range(...ends, { limit: 1e6 }));

/** A store after a crash: sound, no confirmed batch missing, exactly what it was after one of its batches, writable. */
async function afterCrash({ path, confirmed, begun }: Job): Promise<Verdict> {
  const report = walk(path);
  if (report.kind === 'damaged') return { kind: 'damaged', detail: report.fault };
  const store = LmdbStore.open(path, { clock: nodeClock });
  const last = lastBatch(store.get(BATCH_KEY));
  if (last === undefined || last > begun || digest(store) !== model.digests[last]) {
    await store.close();
    return { kind: 'wrong', detail: `says batch ${last}, of ${confirmed} confirmed and ${begun} begun` };
  }
  if (last < confirmed) {
    await store.close();
    return { kind: 'missing', detail: `has ${last} of ${confirmed} confirmed batches` };
  }
  // What a crash leaves of free pages must not be found out by the next writes.
  for (let i = 0; i < 3; i++) {
    const writes = Array.from({ length: 20 }, (_, j) => ({
      key: Uint8Array.of(0x7a, i, j),
      value: new Uint8Array(900),
    }));
    await new Promise<void>((resolve, reject) =>
      store.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
    );
  }
  await store.close();
  const after = walk(path);
  return after.kind === 'damaged'
    ? { kind: 'damaged', detail: `after writing on: ${after.fault}` }
    : { kind: 'sound', detail: String(last - confirmed) };
}

/** A store whose bytes were changed: that is found, or it changed nothing that is read. */
async function afterDamage({ path, confirmed }: Job): Promise<Verdict> {
  const report = walk(path);
  if (report.kind === 'damaged') return { kind: 'found', detail: 'structure' };
  const reader = LmdbReader.open(path);
  const { tables } = await scanStore(reader, async () => {});
  const corrupt = [...tables.values()].reduce((sum, table) => sum + table.corrupt, 0);
  const isSame = digest(reader) === model.digests[confirmed];
  await reader.close();
  if (corrupt > 0) return { kind: 'found', detail: 'checksum' };
  return isSame
    ? { kind: 'harmless', detail: '' }
    : { kind: 'wrong', detail: 'other content, and no fault found' };
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as Job;
  const verdict = await (job.kind === 'crash' ? afterCrash(job) : afterDamage(job));
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}
