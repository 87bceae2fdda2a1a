/** Frames as text, `ringhub.v1.json`: a line each (PROTOCOL §2). What is undefined in an object does not appear. */
import { decodeServerMessage, encodeBase64, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import type { ClientCodec, Wire } from './codec.ts';
import type { ClientLine } from './line.ts';

export const jsonCodec: ClientCodec = {
  open: (WebSocket, url) => new WebSocket(url, [SUBPROTOCOL_JSON]),
  encode: (line: ClientLine): Wire =>
    JSON.stringify(line, (_, value) => (value instanceof Uint8Array ? { b64: encodeBase64(value) } : value)),
  number: (publish: Wire, seq: number): Wire => `["publish",${seq}${publish.slice('["publish",0'.length)}`,
  join: (frames: readonly Wire[]): Wire => frames.join('\n'),
  // What is no text is damaged like any other text that is no frame.
  decode: decodeServerMessage as ClientCodec['decode'],
};
