/**
 * The frames of one WebSocket message of a client, as they are read, up to the first fatal fault.
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

export class MessageFrames {
  readonly frames: (ClientFrame | Invalid)[] = [];
  #faults = 0;

  /** Says whether the message goes on: nothing behind would be handled. */
  add(frame: ClientFrame | Invalid): boolean {
    if (frame.type !== 'invalid') {
      this.frames.push(frame);
      return true;
    }
    const fault = ++this.#faults > MAX_FAULTS ? BAD_FRAME : frame;
    this.frames.push(fault);
    return !fault.fatal;
  }
}
