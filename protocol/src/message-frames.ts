/**
 * The frames of one WebSocket message of a client, read one at a time as they are asked for, up to the first fatal fault.
 */
import type { FieldFault } from './client-fields.ts';
import type { ClientFrame } from './frames.ts';

/** A line that is no frame, or a frame with a wrong field. */
export type Invalid = FieldFault;

/** What is no frame at all. */
export const BAD_FRAME: Invalid = { type: 'invalid', error: 'bad-frame', fatal: true };

/**
 * Frames with a wrong field that one message may hold. Finding a fault costs ten times what a good frame does, and who is wrong so often
 * speaks another protocol.
 */
export const MAX_FAULTS = 256;

/** A message on its way through its reader. */
export interface ClientMessage {
  /** The next frame, which costs what it takes to read that one; `undefined` behind the last, or a fatal one. Never throws. */
  next(): ClientFrame | Invalid | undefined;
  /** Takes what is left into memory of its own: from then on the bytes it was made of may change. */
  keep(): void;
}

/** A message of the wrong kind: text for bytes, or bytes for text. */
export class NoFrames implements ClientMessage {
  #isRead = false;

  next(): Invalid | undefined {
    if (this.#isRead) return undefined;
    this.#isRead = true;
    return BAD_FRAME;
  }

  keep(): void {}
}

/** Counts the faults of a message, which most do not have. */
export class FaultCount {
  #faults = 0;

  /** The fault, or what ends the message where it is one too many. */
  add(fault: Invalid): Invalid {
    return ++this.#faults > MAX_FAULTS ? BAD_FRAME : fault;
  }
}

/** All that is left of a message. */
export function restOf(message: ClientMessage): (ClientFrame | Invalid)[] {
  const frames: (ClientFrame | Invalid)[] = [];
  for (let frame = message.next(); frame; frame = message.next()) frames.push(frame);
  return frames;
}
