/**
 * How a publish becomes a record of a log: its place, its time, and what it costs to keep. One shape for all logs.
 */
import type { NewRecord, StoredRecord } from '../ports/engine.ts';

/** What a record costs beside its payload: object, slots and key. */
const RECORD_OVERHEAD_BYTES = 128;

/** @param nowMs monotonic time at which its TTL starts */
export function toStored(record: NewRecord, offset: number, timeMs: number, nowMs: number): StoredRecord {
  return {
    kind: 'message',
    log: record.log,
    exchange: record.exchange,
    key: record.key,
    payload: record.payload,
    payloadBytes: record.payloadBytes,
    contentType: record.contentType,
    headers: record.headers,
    id: record.id,
    ttlMs: record.ttlMs,
    subject: record.subject,
    refuseNew: record.refuseNew,
    reached: record.reached,
    xDeath: record.xDeath,
    offset,
    timeMs,
    expiresMs: record.ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + record.ttlMs,
    bytes: recordBytes(record),
    holders: 0,
    sessions: 0,
    itemText: undefined,
    itemBytes: undefined,
  };
}

/** What a message costs to keep: payload, key, headers and a constant. */
export const recordBytes = (record: Pick<NewRecord, 'payloadBytes' | 'key' | 'headers'>): number =>
  record.payloadBytes + record.key.length + headerBytes(record) + RECORD_OVERHEAD_BYTES;

function headerBytes(record: Pick<NewRecord, 'headers'>): number {
  if (!record.headers) return 0;
  let bytes = 0;
  for (const [name, value] of Object.entries(record.headers)) {
    bytes += name.length + (typeof value === 'string' ? value.length : 8);
  }
  return bytes;
}
