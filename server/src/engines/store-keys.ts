/**
 * Where everything stands in the store: one key space, one prefix byte for each table, numbers big-endian so that
 * keys are in order of what they mean.
 *
 *     m <text>                    definitions, format version, epoch
 *     l <offset>                  records of the durable log
 *     q <queue> <seq>             entries of named queues
 *     a <queue> <seq>             their attempts, where there was one
 *     c <queue>                   sums of a queue's ledger
 *     i <hash>  ·  o <order>      publish ids and the order in which they are forgotten
 *     v <incarnation> <hash>      latest message of each key of an exchange
 *     p <hash>                    numbers of a session's publishes that were stored
 */
export const TABLES = {
  meta: 0x6d,
  log: 0x6c,
  entries: 0x71,
  attempts: 0x61,
  sums: 0x63,
  ids: 0x69,
  idOrder: 0x6f,
  numbers: 0x70,
  values: 0x76,
} as const;

export type Table = keyof typeof TABLES;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The first key of a table, and the one behind its last. */
export const rangeOf = (table: Table): readonly [from: Uint8Array, to: Uint8Array] => [
  Uint8Array.of(TABLES[table]),
  Uint8Array.of(TABLES[table] + 1),
];

export const metaKey = (text: string): Uint8Array => textKey('meta', text);

export const textOfKey = (key: Uint8Array): string => decoder.decode(key.subarray(1));

/** A key of bytes that are the same length in all of the table. */
export function bytesKey(table: 'ids' | 'numbers', bytes: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + bytes.length);
  key[0] = TABLES[table];
  key.set(bytes, 1);
  return key;
}

export function numberKey(table: 'log' | 'idOrder', n: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = TABLES[table];
  writeU64(key, 1, n);
  return key;
}

export const numberOfKey = (key: Uint8Array): number => readU64(key, 1);

export function queueKey(queue: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = TABLES.sums;
  viewOf(key).setUint32(1, queue);
  return key;
}

export function entryKey(table: 'entries' | 'attempts', queue: number, seq: number): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = TABLES[table];
  viewOf(key).setUint32(1, queue);
  writeU64(key, 5, seq);
  return key;
}

export const queueOfKey = (key: Uint8Array): number => viewOf(key).getUint32(1);

export const seqOfKey = (key: Uint8Array): number => readU64(key, 5);

function textKey(table: Table, text: string): Uint8Array {
  const bytes = encoder.encode(text);
  const key = new Uint8Array(1 + bytes.length);
  key[0] = TABLES[table];
  key.set(bytes, 1);
  return key;
}

/** The first key of an exchange's values, or one of them. */
export function valueKey(incarnation: number, hash: Uint8Array = new Uint8Array(0)): Uint8Array {
  const key = new Uint8Array(5 + hash.length);
  key[0] = TABLES.values;
  viewOf(key).setUint32(1, incarnation);
  key.set(hash, 5);
  return key;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Offsets and sequence numbers are safe integers: 53 bits. */
function writeU64(into: Uint8Array, at: number, n: number): void {
  const view = viewOf(into);
  view.setUint32(at, Math.floor(n / 0x1_0000_0000));
  view.setUint32(at + 4, n >>> 0);
}

function readU64(from: Uint8Array, at: number): number {
  const view = viewOf(from);
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}
