/**
 * Writing whole frames of the binary codec, and what holds for whatever it reads; the counterpart of
 * `decode-checks.ts`.
 */
import {
  ByteWriter,
  beginDeliver,
  type ClientFrame,
  decodeClientMessageBinary,
  decodeServerMessageBinary,
  type Invalid,
  type Item,
  type ServerFrame,
  writeClientFrame,
  writeGapItem,
  writeMessageItem,
  writeServerFrame,
  writeSnapshotEndItem,
} from '@ringhub/protocol';
import { expect } from 'vitest';
import { CLIENT_TYPES, checkFault, walk } from './decode-checks.ts';

export function clientFrameBytes(frame: ClientFrame): Uint8Array {
  const writer = new ByteWriter();
  writeClientFrame(writer, frame);
  return writer.slice();
}

export function writeItem(writer: ByteWriter, item: Item): void {
  switch (item.kind) {
    case 'message':
      writeMessageItem(writer, item);
      return;
    case 'gap':
      writeGapItem(writer, item.gap);
      return;
    case 'snapshot-end':
      writeSnapshotEndItem(writer, item.cursor, item.complete);
      return;
  }
}

export function hubFrameBytes(frame: ServerFrame): Uint8Array {
  const writer = new ByteWriter();
  if (frame.type === 'deliver') {
    const { queue, firstTag, items, notes } = frame;
    const start = beginDeliver(writer, queue, firstTag, items.length, notes);
    for (const item of items) writeItem(writer, item);
    writer.end(start);
  } else writeServerFrame(writer, frame);
  return writer.slice();
}

/** Reads a message as the hub does; checks that the result is frames, or faults that can be answered. */
export function readBinaryAsHub(message: Uint8Array): (ClientFrame | Invalid)[] {
  const read = decodeClientMessageBinary(message);
  if (read.length === 0) expect.fail('a message is a frame or a fault at least');
  read.forEach((frame, i) => {
    if (frame.type === 'invalid') {
      checkFault(frame);
      if (frame.fatal && i < read.length - 1) expect.fail('something was read behind a fatal fault');
      return;
    }
    if (!CLIENT_TYPES.has(frame.type)) expect.fail(`a frame of type ${frame.type}`);
    const bytes = clientFrameBytes(frame);
    const again = decodeClientMessageBinary(bytes);
    if (again.length !== 1 || again[0]!.type === 'invalid') expect.fail('not readable again');
    if (!isSame(clientFrameBytes(again[0] as ClientFrame), bytes)) expect.fail('read differently again');
  });
  return read;
}

/** Reads a message as a client does; walks over all that a client walks over. */
export function readBinaryAsClient(message: Uint8Array): ServerFrame[] | undefined {
  const read = decodeServerMessageBinary(message);
  for (const frame of read ?? []) walk(frame);
  return read;
}

export const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
