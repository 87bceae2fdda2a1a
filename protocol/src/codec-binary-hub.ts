/**
 * Binary codec, the hub's half: reads client frames, writes hub frames (PROTOCOL §19).
 *
 * Reading never throws: frames, then one fatal {@link Invalid} where the bytes cease to be frames; fields pass
 * the same checks as those of JSON. Payloads are copied, never looked into. Writing: an item's bytes are made
 * once and shared by all its receivers; {@link patchDeliver} turns one session's `deliver` into the next one's.
 */
import {
  DEATH_FLAG,
  DELIVER_QUEUE_AT,
  DELIVER_TAG_AT,
  FLAG,
  FRAME,
  ITEM,
  NOTE_FLAG,
  RUN_FLAG,
} from './binary-layout.ts';
import {
  readClientHeaders,
  readContentType,
  readPayload,
  writeContentType,
  writeHeaders,
  writePayload,
} from './binary-message.ts';
import { ByteReader, DAMAGED } from './binary-reader.ts';
import { ByteWriter, patchU64 } from './binary-writer.ts';
import { readClientFields } from './client-fields.ts';
import {
  ClientMessageJson,
  type EncodableMessage,
  encodeGapItem,
  encodeServerFrame,
  encodeSnapshotEndItem,
} from './codec-json-hub.ts';
import type { ClientFrame, Confirmed, Gap, Note, ServerFrame } from './frames.ts';
import { BAD_FRAME, type ClientMessage, FaultCount, type Invalid, restOf } from './message-frames.ts';
import { NameBudget } from './name-budget.ts';
import type { Death } from './queue-frames.ts';
import { ShortTexts } from './short-texts.ts';

type Notes = readonly (readonly [index: number, note: Note])[];

/** A message of bytes: frames back to back, some of which are lines of JSON. */
export class ClientMessageBinary implements ClientMessage {
  readonly #reader: ByteReader;
  readonly #texts: ShortTexts;
  readonly #names = new NameBudget();
  #faults: FaultCount | undefined;
  /** The frame of JSON that is being read. */
  #lines: ClientMessageJson | undefined;
  /** There is a block more: of no bytes, one that is damaged. */
  #goesOn = true;

  /** @param texts remembers keys and names from one message to the next; one for a whole hub will do */
  constructor(message: Uint8Array, texts = new ShortTexts()) {
    this.#reader = new ByteReader(message, texts, 'is-marked');
    this.#texts = texts;
  }

  next(): ClientFrame | Invalid | undefined {
    if (this.#lines) {
      const line = this.#lines.next();
      if (line) return this.#checked(line);
      this.#lines = undefined;
    }
    if (!this.#goesOn) return undefined;
    try {
      return this.#checked(this.#nextBlock());
    } catch (damage) {
      if (damage !== DAMAGED) throw damage;
      return this.#checked(BAD_FRAME);
    }
  }

  keep(): void {
    this.#reader.keep();
  }

  #nextBlock(): ClientFrame | Invalid {
    const reader = this.#reader;
    const kind = reader.u8();
    const outer = reader.enter();
    const frame =
      kind === FRAME.json ? this.#firstLine() : this.#counted(readFrame(kind, reader, this.#names));
    reader.leave(outer);
    this.#goesOn = !reader.atEnd;
    return frame;
  }

  #firstLine(): ClientFrame | Invalid {
    this.#faults ??= new FaultCount();
    const text = this.#reader.restAsText();
    this.#lines = new ClientMessageJson(text, this.#texts, this.#names, this.#faults);
    // Each text has a first line.
    return this.#lines.next() as ClientFrame | Invalid;
  }

  /** Lines count their own faults. */
  #counted(frame: ClientFrame | Invalid): ClientFrame | Invalid {
    if (frame.type !== 'invalid') return frame;
    this.#faults ??= new FaultCount();
    return this.#faults.add(frame);
  }

  #checked(frame: ClientFrame | Invalid): ClientFrame | Invalid {
    if (frame.type === 'invalid' && frame.fatal) {
      this.#goesOn = false;
      this.#lines = undefined;
    }
    return frame;
  }
}

/** The frames of one WebSocket message in order; stops after the first fatal one. */
export const decodeClientMessageBinary = (
  message: Uint8Array,
  texts?: ShortTexts,
): (ClientFrame | Invalid)[] => restOf(new ClientMessageBinary(message, texts));

function readFrame(kind: number, reader: ByteReader, names: NameBudget): ClientFrame | Invalid {
  switch (kind) {
    case FRAME.publish:
      return readPublish(reader, names);
    case FRAME.ack:
      return readClientFields(['ack', reader.varint(), reader.varint(), readRanges(reader)]);
    case FRAME.ping:
      return { type: 'ping' };
    case FRAME.pong:
      return { type: 'pong' };
    default:
      return BAD_FRAME;
  }
}

function readPublish(reader: ByteReader, names: NameBudget): ClientFrame | Invalid {
  const seq = reader.u64();
  const flags = reader.u8();
  const exchange = reader.text();
  const key = reader.text();
  const payload = readPayload(reader, (flags & FLAG.text) !== 0);
  const properties: Record<string, unknown> = {};
  if (flags & FLAG.headers) properties.headers = readClientHeaders(reader, names);
  if (flags & FLAG.id) properties.id = reader.text();
  if (flags & FLAG.contentType) properties.contentType = readContentType(reader);
  if (flags & FLAG.ttlMs) properties.ttlMs = reader.varint();
  if (flags & FLAG.mandatory) properties.mandatory = true;
  if (flags & FLAG.resent) properties.resent = [reader.text(), reader.varint()];
  return readClientFields(['publish', seq, exchange, key, payload, properties]);
}

function readRanges(reader: ByteReader): [number, number][] {
  const ranges: [number, number][] = [];
  for (let left = reader.count(2); left > 0; left--) ranges.push([reader.varint(), reader.varint()]);
  return ranges;
}

/** Writes the item of a message, the same for all receivers. */
export function writeMessageItem(writer: ByteWriter, m: EncodableMessage): void {
  const start = writer.begin(ITEM.message);
  writer.u8(
    (typeof m.payload === 'string' ? FLAG.text : 0) |
      (m.headers === undefined ? 0 : FLAG.headers) |
      (m.id === undefined ? 0 : FLAG.id) |
      (m.xDeath === undefined ? 0 : FLAG.xDeath) |
      (m.log === 'd' ? FLAG.durable : 0),
  );
  writer.varint(m.offset);
  writer.varint(m.timeMs);
  writer.text(m.exchange);
  writer.text(m.key);
  writePayload(writer, m.payload);
  writeContentType(writer, m.contentType);
  if (m.headers !== undefined) writeHeaders(writer, m.headers);
  if (m.id !== undefined) writer.text(m.id);
  if (m.xDeath !== undefined) writeDeaths(writer, m.xDeath);
  writer.end(start);
}

function writeDeaths(writer: ByteWriter, deaths: readonly Death[]): void {
  writer.varint(deaths.length);
  for (const { queue, reason, count, timeMs, exchange, keys, originalTtlMs } of deaths) {
    writer.u8(originalTtlMs === undefined ? 0 : DEATH_FLAG.originalTtlMs);
    writer.text(queue);
    writer.text(reason);
    writer.varint(count);
    writer.varint(timeMs);
    writer.text(exchange);
    writeTexts(writer, keys);
    if (originalTtlMs !== undefined) writer.varint(originalTtlMs);
  }
}

function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.varint(texts.length);
  for (const text of texts) writer.text(text);
}

/**
 * The item of a message, in bytes of its own.
 *
 * @param scratch is overwritten; one that is used again saves growing a new one
 */
export function encodeMessageItemBinary(m: EncodableMessage, scratch = new ByteWriter()): Uint8Array {
  scratch.reset();
  writeMessageItem(scratch, m);
  return scratch.slice();
}

export const writeGapItem = (writer: ByteWriter, gap: Gap): void =>
  writeJson(writer, ITEM.json, encodeGapItem(gap));

export const writeSnapshotEndItem = (writer: ByteWriter, cursor: string, complete: boolean): void =>
  writeJson(writer, ITEM.json, encodeSnapshotEndItem(cursor, complete));

/** Begins a batch; its `count` items follow, then `writer.end` with what this returns. */
export function beginDeliver(
  writer: ByteWriter,
  queue: number,
  firstTag: number,
  count: number,
  notes: Notes,
): number {
  const start = writer.begin(FRAME.deliver);
  writer.u64(queue);
  writer.u64(firstTag);
  writer.varint(notes.length);
  for (const [index, { replaced, redelivered }] of notes) {
    writer.varint(index);
    writer.u8(
      (replaced === undefined ? 0 : NOTE_FLAG.replaced) |
        (redelivered === undefined ? 0 : NOTE_FLAG.redelivered),
    );
    if (replaced !== undefined) writer.varint(replaced);
    if (redelivered !== undefined) writer.varint(redelivered);
  }
  writer.varint(count);
  return start;
}

/** Writes a batch from items already written, one after the other in `items`. */
export function writeDeliver(
  writer: ByteWriter,
  queue: number,
  firstTag: number,
  count: number,
  items: Uint8Array,
  notes: Notes,
): void {
  const start = beginDeliver(writer, queue, firstTag, count, notes);
  writer.raw(items);
  writer.end(start);
}

/** Makes a `deliver` frame that begins at `at` one of another queue: same items and notes, other tags. */
export function patchDeliver(bytes: Uint8Array, queue: number, firstTag: number, at = 0): void {
  patchU64(bytes, at + DELIVER_QUEUE_AT, queue);
  patchU64(bytes, at + DELIVER_TAG_AT, firstTag);
}

/** Writes any hub frame but `deliver`. */
export function writeServerFrame(writer: ByteWriter, frame: Exclude<ServerFrame, { type: 'deliver' }>): void {
  switch (frame.type) {
    case 'ping':
      writer.end(writer.begin(FRAME.ping));
      return;
    case 'pong':
      writer.end(writer.begin(FRAME.pong));
      return;
    case 'confirm': {
      const start = writer.begin(FRAME.confirm);
      writer.varint(frame.runs.length);
      for (const run of frame.runs) writeRun(writer, run);
      writer.end(start);
      return;
    }
    case 'mark': {
      const start = writer.begin(FRAME.mark);
      writer.varint(frame.queue);
      writer.text(frame.cursor);
      writer.end(start);
      return;
    }
    default:
      writeJson(writer, FRAME.json, encodeServerFrame(frame));
  }
}

function writeRun(writer: ByteWriter, run: Confirmed): void {
  const { queues } = run;
  writer.u8(
    (run.log === 'd' ? RUN_FLAG.durable : 0) |
      (run.duplicate ? RUN_FLAG.duplicate : 0) |
      (queues === undefined ? 0 : RUN_FLAG.queues),
  );
  writer.varint(run.seq);
  writer.varint(run.count);
  writer.varint(run.offset);
  writer.varint(run.sessions);
  if (queues === undefined) return;
  writeTexts(writer, queues.took);
  writer.varint(queues.refused.length);
  for (const [queue, reason] of queues.refused) {
    writer.text(queue);
    writer.text(reason);
  }
}

/** Writes a frame that is JSON text already. */
export const writeServerText = (writer: ByteWriter, line: string): void =>
  writeJson(writer, FRAME.json, line);

/** A frame or an item that is JSON text. */
function writeJson(writer: ByteWriter, kind: number, json: string): void {
  const start = writer.begin(kind);
  writer.utf8(json);
  writer.end(start);
}
