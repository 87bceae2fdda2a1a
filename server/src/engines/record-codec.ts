/**
 * Messages as they are on disk, in the durable log and in named queues.
 *
 *     seal (sealed-value.ts) │ sequence u64 │ time f64 │ flags │ exchange key contentType subject reached │ optional
 *                            │                                                              fields │ payload, the rest
 *
 * The sequence (offset, or number in the queue) is inside the sealed part: a record under a wrong key is found, too.
 * Decoding never throws and never gives a wrong message: the record, or `corrupt`. The layout is pinned by bytes in
 * the tests; a change of it is a new layout number.
 */
import {
  ByteReader,
  ByteWriter,
  DAMAGED,
  type Headers,
  type LogId,
  type Payload,
  readHeaders,
  ShortTexts,
  writeHeaders,
} from '@ringhub/protocol';
import { SEAL_BYTES, seal, unseal } from './sealed-value.ts';

export interface DiskRecord {
  /** Offset in the log, or number in the queue: must be that of its key. */
  readonly sequence: number;
  readonly timeMs: number;
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly contentType: string;
  readonly subject: string;
  /** Incarnation ids of the exchanges it reached. */
  readonly reached: readonly number[];
  readonly headers: Headers | undefined;
  readonly id: string | undefined;
  readonly ttlMs: number | undefined;
  /** Of a copy in a queue: where the message itself is. */
  readonly copyOf?: { readonly log: LogId; readonly epoch: string; readonly offset: number } | undefined;
  /** Its deaths so far, newest first; any JSON value. */
  readonly xDeath?: unknown;
}

export const RECORD_LAYOUT = 1;

const FLAG = {
  textPayload: 1,
  headers: 2,
  id: 4,
  ttl: 8,
  copy: 16,
  xDeath: 32,
} as const;
const ALL_FLAGS = 63;

/** What is written, of a message or of its copy in a queue: where it differs from the message is apart. */
export type Writable = Omit<DiskRecord, 'sequence' | 'reached' | 'copyOf'>;

/** Records of this size lie behind each other in areas that many of them share; larger ones in one of their own. */
const MAX_SHARING_BYTES = 16 * 1024;
const AREA_BYTES = 64 * 1024;
/** Room for all of a record but its payload and headers, in most cases. */
const FIELDS_BYTES = 512;
/** UTF-8 bytes of one unit of a text, at most. */
const UNIT_BYTES = 3;

const shared = new ByteWriter(writeUtf8);
const large = new ByteWriter(writeUtf8);
const texts = new ShortTexts();

/** The area written last, as a Buffer: it writes into the middle without a view made for each text. */
let area: Uint8Array | undefined;
let areaBuffer: Buffer = Buffer.alloc(0);

function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  if (area !== bytes) {
    area = bytes;
    areaBuffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return areaBuffer.write(text, at);
}

export const encodeRecord = (record: DiskRecord): Uint8Array =>
  encodeAs(record, record.sequence, record.reached, record.copyOf);

/** The same without an object made for it. */
export function encodeAs(
  record: Writable,
  sequence: number,
  reached: readonly number[],
  copyOf: DiskRecord['copyOf'],
): Uint8Array {
  const most = record.payload.length * UNIT_BYTES;
  if (most > MAX_SHARING_BYTES) {
    large.reset();
    write(large, record, sequence, reached, copyOf);
    return seal(large.slice(), RECORD_LAYOUT);
  }
  const start = shared.next(most + FIELDS_BYTES, AREA_BYTES);
  write(shared, record, sequence, reached, copyOf);
  // No copy: what follows is written behind it.
  return seal(shared.subarray(start), RECORD_LAYOUT);
}

function write(
  writer: ByteWriter,
  record: Writable,
  sequence: number,
  reached: readonly number[],
  copyOf: DiskRecord['copyOf'],
): void {
  const { headers, id, ttlMs, xDeath, payload } = record;
  const isText = typeof payload === 'string';
  for (let i = 0; i < SEAL_BYTES; i++) writer.u8(0);
  writer.u64(sequence);
  writer.f64(record.timeMs);
  writer.u8(
    (isText ? FLAG.textPayload : 0) |
      (headers === undefined ? 0 : FLAG.headers) |
      (id === undefined ? 0 : FLAG.id) |
      (ttlMs === undefined ? 0 : FLAG.ttl) |
      (copyOf === undefined ? 0 : FLAG.copy) |
      (xDeath === undefined ? 0 : FLAG.xDeath),
  );
  writer.text(record.exchange);
  writer.text(record.key);
  writer.text(record.contentType);
  writer.text(record.subject);
  writer.varint(reached.length);
  for (const exchange of reached) writer.varint(exchange);
  if (headers !== undefined) writeHeaders(writer, headers);
  if (id !== undefined) writer.text(id);
  if (ttlMs !== undefined) writer.f64(ttlMs);
  if (copyOf !== undefined) {
    writer.text(copyOf.log);
    writer.text(copyOf.epoch);
    writer.varint(copyOf.offset);
  }
  if (xDeath !== undefined) writer.text(JSON.stringify(xDeath));
  if (isText) writer.utf8(payload);
  else writer.raw(payload);
}

/** The record of a value that stands under a key with this sequence; `undefined` where the key has none. */
export function decodeRecord(value: Uint8Array, sequence: number | undefined): DiskRecord | 'corrupt' {
  const body = unseal(value, RECORD_LAYOUT);
  if (!body) return 'corrupt';
  try {
    const record = readBody(body);
    return sequence === undefined || record.sequence === sequence ? record : 'corrupt';
  } catch (error) {
    if (error === DAMAGED || error instanceof SyntaxError) return 'corrupt';
    throw error;
  }
}

function readBody(body: Uint8Array): DiskRecord {
  const reader = new ByteReader(body, texts, 'damages');
  const sequence = reader.u64();
  const timeMs = reader.f64();
  const flags = reader.u8();
  if (flags > ALL_FLAGS) throw DAMAGED;
  const exchange = reader.text();
  const key = reader.text();
  const contentType = reader.text();
  const subject = reader.text();
  const reached: number[] = [];
  for (let left = reader.count(1); left > 0; left--) reached.push(reader.varint());
  return {
    sequence,
    timeMs,
    exchange,
    key,
    contentType,
    subject,
    reached,
    headers: flags & FLAG.headers ? readHeaders(reader) : undefined,
    id: flags & FLAG.id ? reader.text() : undefined,
    ttlMs: flags & FLAG.ttl ? reader.f64() : undefined,
    copyOf: flags & FLAG.copy ? readPlace(reader) : undefined,
    xDeath: flags & FLAG.xDeath ? (JSON.parse(reader.text()) as unknown) : undefined,
    payload: flags & FLAG.textPayload ? reader.restAsText() : reader.rest(),
  };
}

function readPlace(reader: ByteReader): NonNullable<DiskRecord['copyOf']> {
  const log = reader.text();
  if (log !== 'v' && log !== 'd') throw DAMAGED;
  return { log, epoch: reader.text(), offset: reader.varint() };
}
