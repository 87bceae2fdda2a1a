/**
 * Messages of the hub as records of the store, and back: what is only of use in memory is left out and made anew.
 */
import type { Death } from '@ringhub/protocol';
import { toStored } from '../core/stored-record.ts';
import type { StoredRecord } from '../ports/engine.ts';
import type { Now } from './durable-log.ts';
import { type DiskRecord, decodeRecord, encodeAs } from './record-codec.ts';

/** A record of the durable log, or the latest of its key. */
export const encodeMessage = (record: StoredRecord): Uint8Array =>
  encodeAs(record, record.offset, record.reached, undefined);

/** A message's copy in a queue, under its number there. */
export const encodeCopy = (record: StoredRecord, seq: number, epoch: string): Uint8Array =>
  encodeAs(record, seq, ROUTED, { log: record.log, epoch, offset: record.offset });

/**
 * `undefined` where its bytes are damaged.
 *
 * @param offset where its key says that it stands; `undefined` where the key does not say
 */
export function decodeMessage(
  value: Uint8Array,
  offset: number | undefined,
  now: Now,
): StoredRecord | undefined {
  const disk = decodeRecord(value, offset);
  return disk === 'corrupt' ? undefined : toMessage(disk, 'd', disk.sequence, now);
}

/** @param epochOf the present epoch of each log: in another one the copy's place means nothing */
export function decodeCopy(
  value: Uint8Array,
  seq: number,
  epochOf: (log: StoredRecord['log']) => string,
  now: Now,
): StoredRecord | undefined {
  const disk = decodeRecord(value, seq);
  if (disk === 'corrupt' || !disk.copyOf) return undefined;
  const { log, epoch, offset } = disk.copyOf;
  return toMessage(disk, log, epoch === epochOf(log) ? offset : 0, now);
}

/** Of a copy: it has been routed. */
const ROUTED: readonly number[] = [];

function toMessage(disk: DiskRecord, log: StoredRecord['log'], offset: number, now: Now): StoredRecord {
  const { payload } = disk;
  return toStored(
    {
      log,
      exchange: disk.exchange,
      key: disk.key,
      payload,
      payloadBytes: typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength,
      contentType: disk.contentType,
      headers: disk.headers,
      id: disk.id,
      ttlMs: disk.ttlMs,
      subject: disk.subject,
      reached: disk.reached,
      xDeath: disk.xDeath as readonly Death[] | undefined,
    },
    offset,
    disk.timeMs,
    // Its TTL began when it was published.
    now.nowMs - (now.wallMs - disk.timeMs),
  );
}
