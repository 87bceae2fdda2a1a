/**
 * Binary codec, the client's half: writes client frames, reads hub frames (PROTOCOL §19).
 *
 * Reading never throws: damage anywhere makes the whole message `undefined`, and frames of later versions are
 * passed over. What is read shares no memory with the message.
 */
import { DEATH_FLAG, FLAG, FRAME, ITEM, NOTE_FLAG, PUBLISH_SEQ_AT, RUN_FLAG } from './binary-layout.ts';
import {
  readContentType,
  readHeaders,
  readPayload,
  writeContentType,
  writeHeaders,
  writePayload,
} from './binary-message.ts';
import { ByteReader, DAMAGED } from './binary-reader.ts';
import { type ByteWriter, patchU64 } from './binary-writer.ts';
import { decodeServerMessage, encodeClientFrame } from './codec-json-client.ts';
import type {
  ClientFrame,
  Confirmed,
  Deliver,
  Item,
  MessageItem,
  Note,
  Publish,
  ServerFrame,
} from './frames.ts';
import type { DeadLetterReason, Death, QueueReceipt } from './queue-frames.ts';
import { ShortTexts } from './short-texts.ts';

/** Writes one frame behind what the writer holds. */
export function writeClientFrame(writer: ByteWriter, frame: ClientFrame): void {
  const kind = frame.type;
  const start = writer.begin(kind in FRAME ? FRAME[kind as keyof typeof FRAME] : FRAME.json);
  switch (frame.type) {
    case 'ping':
    case 'pong':
      break;
    case 'publish':
      writePublish(writer, frame);
      break;
    case 'ack':
      writer.varint(frame.queue);
      writer.varint(frame.upTo);
      writer.varint(frame.ranges.length);
      for (const [from, to] of frame.ranges) {
        writer.varint(from);
        writer.varint(to);
      }
      break;
    default:
      writer.utf8(encodeClientFrame(frame));
  }
  writer.end(start);
}

/** Writes the body of a publish. */
export function writePublish(writer: ByteWriter, { seq, exchange, key, payload, properties }: Publish): void {
  const { headers, id, contentType, ttlMs, mandatory, resent } = properties;
  writer.u64(seq);
  writer.u8(
    (typeof payload === 'string' ? FLAG.text : 0) |
      (headers === undefined ? 0 : FLAG.headers) |
      (id === undefined ? 0 : FLAG.id) |
      (contentType === undefined ? 0 : FLAG.contentType) |
      (ttlMs === undefined ? 0 : FLAG.ttlMs) |
      (mandatory ? FLAG.mandatory : 0) |
      (resent === undefined ? 0 : FLAG.resent),
  );
  writer.text(exchange);
  writer.text(key);
  writePayload(writer, payload);
  if (headers !== undefined) writeHeaders(writer, headers);
  if (id !== undefined) writer.text(id);
  if (contentType !== undefined) writeContentType(writer, contentType);
  if (ttlMs !== undefined) writer.varint(ttlMs);
  if (resent !== undefined) {
    writer.text(resent[0]);
    writer.varint(resent[1]);
  }
}

/** Gives a `publish` frame another number: it is written before its turn is known, and again after a resume. */
export const patchPublish = (frame: Uint8Array, seq: number): void => patchU64(frame, PUBLISH_SEQ_AT, seq);

/**
 * The frames of one message in order, or `undefined` where it is damaged.
 *
 * @param texts remembers keys and names from one message to the next; one a connection
 */
export function decodeServerMessageBinary(
  message: Uint8Array,
  texts = new ShortTexts(),
): ServerFrame[] | undefined {
  const frames: ServerFrame[] = [];
  const reader = new ByteReader(message, texts, 'damages');
  try {
    do {
      const kind = reader.u8();
      const outer = reader.enter();
      readFrame(kind, reader, frames);
      reader.leave(outer);
    } while (!reader.atEnd);
  } catch (damage) {
    if (damage !== DAMAGED) throw damage;
    return undefined;
  }
  return frames;
}

function readFrame(kind: number, reader: ByteReader, frames: ServerFrame[]): void {
  switch (kind) {
    case FRAME.deliver:
      frames.push(readDeliver(reader));
      return;
    case FRAME.confirm: {
      const runs: Confirmed[] = [];
      for (let left = reader.count(5); left > 0; left--) runs.push(readRun(reader));
      frames.push({ type: 'confirm', runs });
      return;
    }
    case FRAME.mark:
      frames.push({ type: 'mark', queue: reader.varint(), cursor: reader.text() });
      return;
    case FRAME.ping:
      frames.push({ type: 'ping' });
      return;
    case FRAME.pong:
      frames.push({ type: 'pong' });
      return;
    case FRAME.json:
      for (const frame of readJson(reader.restAsText())) frames.push(frame);
      return;
    default:
  }
}

function readJson(text: string): ServerFrame[] {
  const frames = decodeServerMessage(text);
  if (!frames) throw DAMAGED;
  return frames;
}

function readDeliver(reader: ByteReader): Deliver {
  const queue = reader.u64();
  const firstTag = reader.u64();
  const notes: [number, Note][] = [];
  for (let left = reader.count(2); left > 0; left--) notes.push([reader.varint(), readNote(reader)]);
  const items: Item[] = [];
  for (let left = reader.count(5); left > 0; left--) items.push(readItem(reader));
  return { type: 'deliver', queue, firstTag, items, notes };
}

function readNote(reader: ByteReader): Note {
  const flags = reader.u8();
  if (flags > (NOTE_FLAG.replaced | NOTE_FLAG.redelivered)) throw DAMAGED;
  return {
    ...(flags & NOTE_FLAG.replaced ? { replaced: reader.varint() } : {}),
    ...(flags & NOTE_FLAG.redelivered ? { redelivered: reader.varint() } : {}),
  };
}

function readItem(reader: ByteReader): Item {
  const kind = reader.u8();
  const outer = reader.enter();
  const item =
    kind === ITEM.message ? readMessage(reader) : kind === ITEM.json ? readJsonItem(reader) : undefined;
  if (!item) throw DAMAGED;
  reader.leave(outer);
  return item;
}

function readMessage(reader: ByteReader): MessageItem {
  const flags = reader.u8();
  const offset = reader.varint();
  const timeMs = reader.varint();
  const exchange = reader.text();
  const key = reader.text();
  const payload = readPayload(reader, (flags & FLAG.text) !== 0);
  const contentType = readContentType(reader);
  const log = flags & FLAG.durable ? 'd' : 'v';
  const item = { kind: 'message', exchange, key, payload, contentType, log, offset, timeMs } as const;
  if (!(flags & (FLAG.headers | FLAG.id | FLAG.xDeath))) return item;
  return {
    ...item,
    ...(flags & FLAG.headers ? { headers: readHeaders(reader) } : {}),
    ...(flags & FLAG.id ? { id: reader.text() } : {}),
    ...(flags & FLAG.xDeath ? { xDeath: readDeaths(reader) } : {}),
  };
}

function readDeaths(reader: ByteReader): Death[] {
  const deaths: Death[] = [];
  for (let left = reader.count(7); left > 0; left--) {
    const flags = reader.u8();
    if (flags > DEATH_FLAG.originalTtlMs) throw DAMAGED;
    const death = {
      queue: reader.text(),
      reason: reader.text() as DeadLetterReason,
      count: reader.varint(),
      timeMs: reader.varint(),
      exchange: reader.text(),
      keys: readTexts(reader),
    };
    deaths.push(flags & DEATH_FLAG.originalTtlMs ? { ...death, originalTtlMs: reader.varint() } : death);
  }
  return deaths;
}

function readTexts(reader: ByteReader): string[] {
  const texts: string[] = [];
  for (let left = reader.count(1); left > 0; left--) texts.push(reader.text());
  return texts;
}

/** A gap or the end of a snapshot, read by the JSON codec in a batch of its own. */
function readJsonItem(reader: ByteReader): Item | undefined {
  const [frame] = readJson(`["deliver",0,0,[${reader.restAsText()}]]`);
  return frame?.type === 'deliver' ? frame.items[0] : undefined;
}

function readRun(reader: ByteReader): Confirmed {
  const flags = reader.u8();
  if (flags > (RUN_FLAG.durable | RUN_FLAG.duplicate | RUN_FLAG.queues)) throw DAMAGED;
  return {
    seq: reader.varint(),
    count: reader.varint(),
    log: flags & RUN_FLAG.durable ? 'd' : 'v',
    offset: reader.varint(),
    sessions: reader.varint(),
    ...(flags & RUN_FLAG.duplicate ? { duplicate: true } : {}),
    ...(flags & RUN_FLAG.queues ? { queues: readQueues(reader) } : {}),
  };
}

function readQueues(reader: ByteReader): QueueReceipt {
  const took = readTexts(reader);
  const refused: [string, string][] = [];
  for (let left = reader.count(2); left > 0; left--) refused.push([reader.text(), reader.text()]);
  return { took, refused };
}
