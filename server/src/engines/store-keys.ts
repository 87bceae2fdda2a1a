/**
 * The keys of the engine's tables in one store: a byte for the table, then numbers big-endian, so that keys are in
 * the order of the numbers.
 *
 *     m name             meta: texts about the store as a whole
 *     l offset           the durable log
 *     q queue seq        entries of named queues
 *
 * Offsets and sequence numbers are 64 bits wide on disk and at most 2^53 − 1 here; queue ids are 32 bits wide.
 */

export const TABLES = { meta: 0x6d, log: 0x6c, queue: 0x71 } as const;
export type TableName = keyof typeof TABLES;

const U32 = 0x1_0000_0000;

export const metaKey = (name: string): Uint8Array =>
  Uint8Array.from([TABLES.meta, ...new TextEncoder().encode(name)]);

export function logKey(offset: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = TABLES.log;
  writeU64(key, 1, offset);
  return key;
}

export function queueKey(queue: number, seq: number): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = TABLES.queue;
  const view = new DataView(key.buffer);
  view.setUint32(1, queue);
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
  const view = new DataView(bytes.buffer);
  view.setUint32(at, Math.floor(value / U32));
  view.setUint32(at + 4, value % U32);
}
