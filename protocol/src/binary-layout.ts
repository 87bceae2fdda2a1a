/**
 * The numbers of the binary codec that both sides must agree on (PROTOCOL §19).
 *
 * A frame, and an item inside a `deliver`, begins with a head: kind (u8), length of the body (u32). All
 * fixed-width numbers are big-endian. What differs by receiver stands at fixed places, to be overwritten.
 */

export const SUBPROTOCOL_BINARY = 'ringhub.v1.bin';

export const HEAD_BYTES = 5;

/** Both directions share one numbering. What has no layout of its own travels as `json`: its array as text. */
export const FRAME = {
  json: 1,
  ping: 2,
  pong: 3,
  publish: 4,
  ack: 5,
  deliver: 6,
  confirm: 7,
  mark: 8,
} as const;

export const ITEM = { message: 1, json: 2 } as const;

/**
 * Flags of publishes and messages, whose columns differ where a comment says so. Optional fields follow the fixed ones in the order of their bits, so that
 * a field of a later version stands behind all that is known and is passed over.
 */
export const FLAG = {
  /** The payload is text. */
  text: 1,
  headers: 2,
  id: 4,
  /** Of a publish; a message always has one, behind its payload. */
  contentType: 8,
  /** Of a message. */
  xDeath: 8,
  ttlMs: 16,
  mandatory: 32,
  /** Of a publish: the session and the number it was sent under before. */
  resent: 64,
  /** Of a message and of a confirmed run: its log is `d`, not `v`. */
  durable: 64,
} as const;

export const RUN_FLAG = { durable: 1, duplicate: 2, queues: 4 } as const;

export const DEATH_FLAG = { originalTtlMs: 1 } as const;

export const NOTE_FLAG = { replaced: 1, redelivered: 2 } as const;

export const HEADER_KIND = { null: 0, false: 1, true: 2, number: 3, string: 4 } as const;

/** The content types that are written as their index; 0 stands for any other, whose text follows. */
export const CONTENT_TYPES = ['', 'text/plain', 'application/octet-stream', 'application/json'] as const;

/** Where the number of a publish stands in its frame. */
export const PUBLISH_SEQ_AT = HEAD_BYTES;
/** Where queue and first tag stand in a `deliver` frame. */
export const DELIVER_QUEUE_AT = HEAD_BYTES;
export const DELIVER_TAG_AT = HEAD_BYTES + 8;
