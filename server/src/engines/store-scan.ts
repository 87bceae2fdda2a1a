/**
 * Reads a whole store: how much is in each table, and which entries are not what was written.
 *
 * Every value of a store is sealed, and of the layout of its table; records are decoded as well, and must be those of
 * their key.
 */
import { NUMBER_GROUP_LAYOUT } from './number-group.ts';
import { decodeRecord, RECORD_LAYOUT } from './record-codec.ts';
import { BYTES_LAYOUT, TEXT_LAYOUT, unseal } from './sealed-value.ts';
import { sequenceOf, type TableName, tableOf } from './store-keys.ts';

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface Source {
  range(from: Uint8Array, to: Uint8Array, options: { readonly limit: number }): Entry[];
}

export interface TableFigures {
  entries: number;
  /** Of keys and values. */
  bytes: number;
  corrupt: number;
}

export interface StoreScan {
  readonly tables: ReadonlyMap<TableName | 'other', TableFigures>;
  /** Keys of corrupt entries, in hexadecimal, the first MAX_NAMED of them. */
  readonly corruptKeys: readonly string[];
}

export const MAX_NAMED = 20;
const PAGE_ENTRIES = 500;
const END = new Uint8Array(32).fill(255);

/** @param onPage told after every few hundred entries how many were read; the scan goes on when it resolves */
export async function scanStore(
  source: Source,
  onPage: (entries: number) => Promise<void>,
): Promise<StoreScan> {
  const tables = new Map<TableName | 'other', TableFigures>();
  const corruptKeys: string[] = [];
  let from: Uint8Array = Uint8Array.of(0);
  let entries = 0;
  for (;;) {
    const page = source.range(from, END, { limit: PAGE_ENTRIES });
    for (const { key, value } of page) {
      const name = tableOf(key) ?? 'other';
      const figures = tables.get(name) ?? { entries: 0, bytes: 0, corrupt: 0 };
      tables.set(name, figures);
      figures.entries++;
      figures.bytes += key.length + value.length;
      if (isSound(name, key, value)) continue;
      figures.corrupt++;
      if (corruptKeys.length < MAX_NAMED) corruptKeys.push(Buffer.from(key).toString('hex'));
    }
    entries += page.length;
    await onPage(entries);
    const last = page.at(-1);
    if (!last || page.length < PAGE_ENTRIES) return { tables, corruptKeys };
    // The next key there can be.
    from = Uint8Array.from([...last.key, 0]);
  }
}

/** What the values of each table are: one of another layout is damaged there, whatever its sum. */
const LAYOUTS: Readonly<Record<TableName, number>> = {
  meta: TEXT_LAYOUT,
  log: RECORD_LAYOUT,
  queue: RECORD_LAYOUT,
  attempts: TEXT_LAYOUT,
  sums: TEXT_LAYOUT,
  values: RECORD_LAYOUT,
  ids: TEXT_LAYOUT,
  idOrder: BYTES_LAYOUT,
  numbers: TEXT_LAYOUT,
  numberGroups: NUMBER_GROUP_LAYOUT,
};

function isSound(table: TableName | 'other', key: Uint8Array, value: Uint8Array): boolean {
  // The format of the store says which tables there are: a key of none is not as it was written.
  if (table === 'other') return false;
  if (table === 'log' || table === 'queue') return decodeRecord(value, sequenceOf(key)) !== 'corrupt';
  return unseal(value, LAYOUTS[table]) !== undefined;
}
