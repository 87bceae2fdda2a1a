/**
 * How a network cuts a message is nobody's fault: `ws` keeps the pieces of a frame that is not there in whole, each an object,
 * and would refuse a message for their number. Here so many of them become one: a message costs memory by its bytes.
 */
import type { WebSocket } from 'ws';

/** Pieces kept apart. */
const MAX_CHUNKS = 1_024;

/** What is used of the receiver of `ws`, whose version is pinned; without it, `ws` refuses what has too many pieces. */
interface Receiver {
  _buffers: Buffer[];
  _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void;
}

/** To be called before anything was read. */
export function joinChunks(ws: WebSocket): void {
  const receiver = (ws as unknown as { _receiver?: Receiver })._receiver;
  if (receiver && '_write' in receiver && Array.isArray(receiver._buffers)) receiver._write = writeJoined;
}

/** One for all receivers. */
function writeJoined(this: Receiver, ...given: Parameters<Receiver['_write']>): void {
  if (this._buffers.length >= MAX_CHUNKS) this._buffers = [Buffer.concat(this._buffers)];
  (Object.getPrototypeOf(this) as Receiver)._write.apply(this, given);
}
