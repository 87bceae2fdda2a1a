/**
 * Both codecs, as a client by hand speaks them: frames as arrays in, messages out, and back.
 */
import {
  ByteWriter,
  decodeClientMessage,
  decodeServerMessage,
  decodeServerMessageBinary,
  type ServerFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
  writeClientFrame,
} from '@ringhub/protocol';
import { expect } from 'vitest';
import type { Message } from '../../../server/src/ports/transport.ts';

/** A frame as it stands on the wire; anything may be in it. */
export type RawFrame = readonly unknown[];

export interface WireCodec {
  readonly subprotocol: string;
  message(frames: readonly RawFrame[]): Message;
  /** Text that need not be a frame at all. */
  text(text: string): Message;
  read(message: Message): ServerFrame[] | undefined;
}

const lines = (frames: readonly RawFrame[]): string =>
  frames.map((frame) => JSON.stringify(frame)).join('\n');

export const JSON_WIRE: WireCodec = {
  subprotocol: SUBPROTOCOL_JSON,
  message: lines,
  text: (text) => text,
  read: (message) => (typeof message === 'string' ? decodeServerMessage(message) : undefined),
};

/** Kind 1: JSON text in a binary frame. */
function textFrame(writer: ByteWriter, text: string): void {
  const start = writer.begin(1);
  writer.utf8(text);
  writer.end(start);
}

export const BINARY_WIRE: WireCodec = {
  subprotocol: SUBPROTOCOL_BINARY,
  message: (frames) => {
    const writer = new ByteWriter();
    for (const raw of frames) {
      const text = JSON.stringify(raw);
      const [frame] = decodeClientMessage(text);
      // What is no frame can only be said as text.
      if (!frame || frame.type === 'invalid') textFrame(writer, text);
      else writeClientFrame(writer, frame);
    }
    return writer.slice();
  },
  text: (text) => {
    const writer = new ByteWriter();
    textFrame(writer, text);
    return writer.slice();
  },
  read: (message) => (typeof message === 'string' ? undefined : decodeServerMessageBinary(message)),
};

/**
 * The codecs for the clients of one test, in turn. Which one is first depends on the test's name, so that each
 * run covers both at the price of one; RINGHUB_TEST_CODEC=json|binary makes it one of them everywhere.
 */
export function codecsInTurn(): () => WireCodec {
  const fixed = process.env.RINGHUB_TEST_CODEC;
  if (fixed) return () => (fixed === 'json' ? JSON_WIRE : BINARY_WIRE);
  let next = 0;
  for (const char of expect.getState().currentTestName ?? '')
    next = (next * 31 + char.charCodeAt(0)) & 0xffff;
  return () => (next++ % 2 === 0 ? BINARY_WIRE : JSON_WIRE);
}
