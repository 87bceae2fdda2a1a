/**
 * The keys of the engine's tables in one store: a byte for the table, then numbers big-endian, so that keys are in
 * the order of the numbers.
 *
 *     m name              meta: texts about the store as a whole, and definitions
 *     l offset            the durable log
 *     q queue seq         entries of named queues
 *     a queue seq         their attempts, where there was one
 *     c queue             what is known of a queue besides: sums of its ledger
 *     v incarnation hash  the latest message of each key of an exchange
 *     i hash · o order    publish ids, and the order in which they are forgotten
 *     p hash              numbers of a session's publishes that were stored
 *     g place             the same, of all sessions whose publishes one group stored, until p has them
 *
 * Offsets and sequence numbers are 64 bits wide on disk and at most 2^53 − 1 here; queue ids are 32 bits wide.
 */

export const TABLES = {
  meta: 0x6d,
  log: 0x6c,
  queue: 0x71,
  attempts: 0x61,
  sums: 0x63,
  values: 0x76,
  ids: 0x69,
  idOrder: 0x6f,
  numbers: 0x70,
  numberGroups: 0x67,
} as const;
export type TableName = keyof typeof TABLES;

const U32 = 0x1_0000_0000;
/** Bytes of a SHA-256 that stand for a text. */
export const HASH_BYTES = 16;

export const metaKey = (name: string): Uint8Array =>
  Uint8Array.from([TABLES.meta, ...new TextEncoder().encode(name)]);

export const logKey = (offset: number): Uint8Array => numberKey('log', offset);

/** A key of a table with one number of 64 bits. */
export function numberKey(table: 'log' | 'idOrder' | 'numberGroups', n: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = TABLES[table];
  writeU64(key, 1, n);
  return key;
}

/** A key of bytes that are the same length in all of the table. */
export function bytesKey(table: 'ids' | 'numbers', bytes: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + bytes.length);
  key[0] = TABLES[table];
  key.set(bytes, 1);
  return key;
}

export function sumsKey(queue: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = TABLES.sums;
  writeU32(key, 1, queue);
  return key;
}

/** One of an exchange's values; without a hash, the key before all of them. */
export function valueKey(incarnation: number, hash: Uint8Array = new Uint8Array(0)): Uint8Array {
  const key = new Uint8Array(5 + hash.length);
  key[0] = TABLES.values;
  writeU32(key, 1, incarnation);
  key.set(hash, 5);
  return key;
}

export const queueKey = (queue: number, seq: number): Uint8Array => entryKey('queue', queue, seq);

export function entryKey(table: 'queue' | 'attempts', queue: number, seq: number): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = TABLES[table];
  writeU32(key, 1, queue);
  writeU64(key, 5, seq);
  return key;
}

/** The number a key of the log or of a queue ends with. */
export function sequenceOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset + key.length - 8, 8);
  return view.getUint32(0) * U32 + view.getUint32(4);
}

export const queueOf = (key: Uint8Array): number =>
  new DataView(key.buffer, key.byteOffset, key.length).getUint32(1);

/** Which table a key is of, if it has the shape of that table's keys. */
export function tableOf(key: Uint8Array): TableName | undefined {
  if (key[0] === TABLES.meta && key.length > 1) return 'meta';
  if (key[0] === TABLES.log && key.length === 9) return 'log';
  if (key[0] === TABLES.queue && key.length === 13) return 'queue';
  if (key[0] === TABLES.attempts && key.length === 13) return 'attempts';
  if (key[0] === TABLES.sums && key.length === 5) return 'sums';
  if (key[0] === TABLES.values && key.length === 5 + HASH_BYTES) return 'values';
  if (key[0] === TABLES.ids && key.length === 1 + HASH_BYTES) return 'ids';
  if (key[0] === TABLES.idOrder && key.length === 9) return 'idOrder';
  if (key[0] === TABLES.numbers && key.length === 1 + HASH_BYTES) return 'numbers';
  if (key[0] === TABLES.numberGroups && key.length === 9) return 'numberGroups';
  return undefined;
}

/** Ends of the range that holds all of a table: from <= key < to. */
export const tableRange = (table: TableName): { from: Uint8Array; to: Uint8Array } => ({
  from: Uint8Array.of(TABLES[table]),
  to: Uint8Array.of(TABLES[table] + 1),
});

/** Ends of the range that holds a queue's entries. */
export const queueRange = (queue: number): { from: Uint8Array; to: Uint8Array } => ({
  from: queueKey(queue, 0).subarray(0, 5),
  to: queue === U32 - 1 ? tableRange('queue').to : queueKey(queue + 1, 0).subarray(0, 5),
});

function writeU64(bytes: Uint8Array, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a sequence number: ${value}`);
  writeU32(bytes, at, Math.floor(value / U32));
  writeU32(bytes, at + 4, value % U32);
}

/** By hand: asking a small array for its buffer, as a view does, has that made first. */
function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
