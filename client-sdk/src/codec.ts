/**
 * How a connection's frames are written and read; the hub learns which codec it is from the subprotocol (PROTOCOL §2).
 * A client has one for as long as it lives.
 */
import type { ServerFrame } from '@ringhub/protocol';
import type { WebSocketConstructor, WebSocketLike } from './environment.ts';
import type { ClientLine } from './line.ts';

/** Frames as they travel: text, or bytes. */
export type Wire = string | Uint8Array<ArrayBuffer>;

export interface ClientCodec {
  /** A new connection, with the subprotocol of this codec. */
  open(WebSocket: WebSocketConstructor, url: string): WebSocketLike;
  /** One frame, which is a message, too. */
  encode(line: ClientLine): Wire;
  /** Gives a publish its number; the frame given is used up. */
  number(publish: Wire, seq: number): Wire;
  /** Frames as one message. */
  join(frames: readonly Wire[]): Wire;
  /** The frames of a message, or `undefined` where it is damaged. */
  decode(message: unknown): readonly ServerFrame[] | undefined;
}
