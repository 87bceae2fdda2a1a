/**
 * Transport port: sockets that carry messages, text or bytes, and nothing about what they mean.
 *
 * Invariants every adapter keeps (test/contract/transport-suite.ts): messages arrive whole and in order; after
 * `closed` nothing more is called; a socket accepts sends until it is closed and ignores them afterwards;
 * bytes belong to whoever gave them again once `send` or `message` returns; `bufferedBytes` counts what was sent and not yet handed to the operating system; `drained` comes once
 * after it has fallen below {@link DRAINED_BELOW_BYTES} from above.
 */

/** A socket with less than this buffered is worth writing to again. */
export const DRAINED_BELOW_BYTES = 256 * 1024;

/** A text message or a binary one. */
export type Message = string | Uint8Array;

/** One connection, as the gateway sees it. */
export interface Socket {
  /** Of the client: behind trusted proxies not theirs. Equal addresses are equal texts (`ports/caller.ts`). */
  readonly address: string;
  /** The one both sides agreed on in the handshake. */
  readonly subprotocol: string;
  readonly bufferedBytes: number;
  send(message: Message): void;
  /** Has nothing more read until `resume`; messages that were read already still come. Absent where an adapter cannot. */
  pause?(): void;
  resume?(): void;
  /** Starts a closing handshake; `reason` is at most 123 bytes of UTF-8. Ends anyway if the peer does not answer. */
  close(code: number, reason: string): void;
  /** Drops the connection at once, without a handshake. */
  terminate(): void;
}

/** What the gateway does with one connection's events. */
export interface SocketHandler {
  message(message: Message): void;
  drained(): void;
  /** `cause` is given where a limit broke the connection and the peer could not be told by a close code. */
  closed(cause?: 'frame-too-large'): void;
}

export interface Transport {
  readonly name: string;
  /** Begins to accept; `accept` is called once a connection, before its first message. */
  start(accept: (socket: Socket) => SocketHandler, limits: TransportLimits): void;
  /** Refuses new connections from now on (503); those there stay. */
  stopAccepting(): void;
  /** Drops what is still open, lets closing handshakes that have begun end (about a second), and frees everything. */
  close(): Promise<void>;
}

export interface TransportLimits {
  /** Larger messages close their connection with `frame-too-large`. */
  readonly maxFrameBytes: number;
  readonly maxConnections: number;
  /** A message in more pieces closes its connection with `frame-too-large`, where the adapter can tell; 64 by default. */
  readonly maxFragments?: number;
}
