/**
 * Ringhub's two codecs as a load client reads them: batches are counted where they lie, everything else is decoded by the
 * protocol package.
 */
import {
  ByteWriter,
  type ClientFrame,
  type Deliver,
  decodeServerMessage,
  decodeServerMessageBinary,
  encodeClientFrame,
  FRAME,
  patchPublish,
  type ServerFrame,
  writeClientFrame,
} from '@ringhub/protocol';
import type { Tally } from '../load/tally.ts';
import type { LoadSocket } from '../load/web-socket.ts';

export interface Wire {
  readonly tally: Tally;
  /** Of the last batch: everything up to here can be acknowledged. One subscription a connection. */
  readonly lastTag: number;
  /** Is given batches decoded, which are then not counted here. */
  onDeliver: ((frame: Deliver) => void) | undefined;
  read(bytes: Buffer, start: number, end: number, other: (frame: ServerFrame) => void): void;
  frame(socket: LoadSocket, frame: ClientFrame): void;
  publish(socket: LoadSocket, seq: number, key: string, message: string): void;
  /** `count` publishes, numbered from `seq`, in one WebSocket message. */
  publishTogether(socket: LoadSocket, seq: number, key: string, message: string, count: number): void;
  ack(socket: LoadSocket, queue: number, upTo: number): void;
}

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const DELIVER = Buffer.from('["deliver",');

export class JsonWire implements Wire {
  lastTag = 0;
  onDeliver: ((frame: Deliver) => void) | undefined;
  /** Publishes of this turn: they leave as the lines of one message. */
  private lines: string[] = [];

  constructor(readonly tally: Tally) {}

  read(bytes: Buffer, start: number, end: number, other: (frame: ServerFrame) => void): void {
    for (let at = start; at < end; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const lineEnd = newline < 0 || newline >= end ? end : newline;
      if (!this.onDeliver && isAt(DELIVER, bytes, at)) {
        this.readBatch(bytes, at + DELIVER.length, lineEnd);
      } else {
        for (const frame of decodeServerMessage(bytes.toString('utf8', at, lineEnd)) ?? []) {
          if (frame.type === 'deliver') this.lastTag = handOn(this, frame);
          else other(frame);
        }
      }
      at = lineEnd + 1;
    }
  }

  frame(socket: LoadSocket, frame: ClientFrame): void {
    socket.sendText(Buffer.from(encodeClientFrame(frame)));
  }

  publish(socket: LoadSocket, seq: number, key: string, message: string): void {
    this.lines.push(`["publish",${seq},"amq.topic","${key}","${message}"]`);
    if (this.lines.length > 1) return;
    process.nextTick(() => {
      socket.sendText(Buffer.from(this.lines.join('\n')));
      this.lines = [];
    });
  }

  publishTogether(socket: LoadSocket, seq: number, key: string, message: string, count: number): void {
    const tail = `,"amq.topic","${key}","${message}"]`;
    let text = `["publish",${seq}${tail}`;
    for (let i = 1; i < count; i++) text += `\n["publish",${seq + i}${tail}`;
    socket.sendText(Buffer.from(text, 'latin1'));
  }

  ack(socket: LoadSocket, queue: number, upTo: number): void {
    socket.sendText(Buffer.from(`["ack",${queue},${upTo}]`));
  }

  private readBatch(bytes: Buffer, at: number, end: number): void {
    const tagAt = bytes.indexOf(COMMA, at) + 1;
    const itemsAt = bytes.indexOf(COMMA, tagAt) + 1;
    const firstTag = Number(bytes.toString('latin1', tagAt, itemsAt - 1));
    this.lastTag = contiguous(this.lastTag, firstTag) + this.tally.tookMarked(bytes, itemsAt, end);
  }
}

const HEAD_BYTES = 5;
const TAG_AT = HEAD_BYTES + 8;
const NOTES_AT = TAG_AT + 8;
/** Frames of one message of the client stay well below what the hub takes. */
const MAX_MESSAGE_BYTES = 64 * 1024;

export class BinaryWire implements Wire {
  lastTag = 0;
  onDeliver: ((frame: Deliver) => void) | undefined;
  private readonly writer = new ByteWriter();
  private isScheduled = false;

  constructor(readonly tally: Tally) {}

  read(bytes: Buffer, start: number, end: number, other: (frame: ServerFrame) => void): void {
    for (let at = start; at < end; ) {
      const next = at + HEAD_BYTES + bytes.readUInt32BE(at + 1);
      if (!this.onDeliver && bytes[at] === FRAME.deliver) this.readBatch(bytes, at, next);
      else {
        for (const frame of decodeServerMessageBinary(bytes.subarray(at, next)) ?? []) {
          if (frame.type === 'deliver') this.lastTag = handOn(this, frame);
          else other(frame);
        }
      }
      at = next;
    }
  }

  frame(socket: LoadSocket, frame: ClientFrame): void {
    const writer = new ByteWriter();
    writeClientFrame(writer, frame);
    socket.sendBinary(Buffer.from(writer.slice()));
  }

  publish(socket: LoadSocket, seq: number, key: string, message: string): void {
    if (this.writer.length > MAX_MESSAGE_BYTES) this.leave(socket);
    writeClientFrame(this.writer, {
      type: 'publish',
      seq,
      exchange: 'amq.topic',
      key,
      payload: message,
      properties: {},
    });
    if (this.isScheduled) return;
    this.isScheduled = true;
    process.nextTick(() => {
      this.isScheduled = false;
      this.leave(socket);
    });
  }

  publishTogether(socket: LoadSocket, seq: number, key: string, message: string, count: number): void {
    const writer = new ByteWriter();
    writeClientFrame(writer, {
      type: 'publish',
      seq,
      exchange: 'amq.topic',
      key,
      payload: message,
      properties: {},
    });
    const one = writer.slice();
    const all = Buffer.allocUnsafe(one.length * count);
    for (let i = 0; i < count; i++) {
      all.set(one, i * one.length);
      patchPublish(all.subarray(i * one.length), seq + i);
    }
    socket.sendBinary(all);
  }

  ack(socket: LoadSocket, queue: number, upTo: number): void {
    this.frame(socket, { type: 'ack', queue, upTo, ranges: [] });
  }

  private leave(socket: LoadSocket): void {
    if (this.writer.length === 0) return;
    socket.sendBinary(Buffer.from(this.writer.slice()));
    this.writer.reset();
  }

  private readBatch(bytes: Buffer, at: number, end: number): void {
    const firstTag = bytes.readUInt32BE(at + TAG_AT) * 2 ** 32 + bytes.readUInt32BE(at + TAG_AT + 4);
    // Notes tell of what was replaced or sent again: there are none where nothing is.
    if (bytes[at + NOTES_AT] !== 0) throw new Error('a batch has notes');
    let countAt = at + NOTES_AT + 1;
    let count = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[countAt++]!;
      count |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    this.lastTag = contiguous(this.lastTag, firstTag) + count;
    this.tally.took(count, bytes, countAt, end);
  }
}

function handOn(wire: Wire, frame: Deliver): number {
  const lastTag = contiguous(wire.lastTag, frame.firstTag) + frame.items.length;
  wire.onDeliver?.(frame);
  return lastTag;
}

/** A batch goes on where the one before it ended, or something was lost. */
function contiguous(lastTag: number, firstTag: number): number {
  if (firstTag !== lastTag + 1) throw new Error(`tag ${firstTag} after ${lastTag}`);
  return lastTag;
}

function isAt(text: Buffer, bytes: Buffer, at: number): boolean {
  return text.equals(bytes.subarray(at, at + text.length));
}
