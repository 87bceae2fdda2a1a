/** What a killed hub left on the disk, read without it: whether the books in the store are those of the entries in it. */
import { join } from 'node:path';
import { unsealJson } from '../../server/src/engines/sealed-value.ts';
import { queueOf, queueRange, sequenceOf, tableRange } from '../../server/src/engines/store-keys.ts';
import { LmdbReader } from '../../server/src/stores/lmdb-reader.ts';

interface SavedQueue {
  readonly lastSeq: number;
  readonly dropping: readonly (readonly [after: number, upTo: number])[];
  readonly sums?: { readonly account: { readonly ledger: Record<string, number> } };
}

const AT_ONCE = 10_000;
const ENDS = ['acked', 'written', 'rejected', 'expired', 'deadLettered', 'dropped'] as const;

/** One line for each queue whose stored ledger leaves something over. */
export async function ledgerFaults(folder: string): Promise<string[]> {
  const reader = LmdbReader.open(join(folder, 'store.mdb'));
  const faults: string[] = [];
  const { from, to } = tableRange('sums');
  for (const { key, value } of reader.range(from, to, { limit: AT_ONCE })) {
    const queue = queueOf(key);
    const saved = unsealJson<SavedQueue>(value);
    if (!saved?.sums) {
      faults.push(`queue ${queue}: no sums`);
      continue;
    }
    const { ledger } = saved.sums.account;
    const open = ledger.routed! - ENDS.reduce((sum, end) => sum + (ledger[end] ?? 0), 0);
    const entries = countOf(reader, queue, saved);
    if (open !== entries) faults.push(`queue ${queue}: ${open} are open, ${entries} are there`);
  }
  await reader.close();
  return faults;
}

function countOf(reader: LmdbReader, queue: number, { dropping, lastSeq }: SavedQueue): number {
  let { from, to } = queueRange(queue);
  let count = 0;
  for (;;) {
    const page = reader.range(from, to, { limit: AT_ONCE });
    for (const { key } of page) {
      const seq = sequenceOf(key);
      if (seq > lastSeq) throw new Error(`queue ${queue}: entry ${seq} is newer than ${lastSeq}`);
      if (!dropping.some(([after, upTo]) => seq > after && seq <= upTo)) count++;
    }
    const last = page.at(-1);
    if (!last || page.length < AT_ONCE) return count;
    from = Uint8Array.from([...last.key, 0]);
  }
}
