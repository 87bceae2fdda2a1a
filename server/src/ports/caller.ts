/**
 * Who is behind a connection or a request: read once, when it arrives, in the same way by every transport and over HTTP.
 */

/** The other end of the connection itself, be it a proxy. */
export interface Peer {
  readonly address: string;
  /** Whether the connection is TLS that ends here. */
  readonly isSecure: boolean;
}

export interface Caller {
  /** The client's address, without port, IPv6 in its short form; where a proxy is trusted, the one that it tells. */
  readonly address: string;
  /** Of the page that calls, if one does. */
  readonly origin: string | undefined;
  /** Under which name the caller reached the hub, port included where it is not the usual one. */
  readonly host: string | undefined;
  /** Whether the caller speaks TLS; `undefined` where a trusted proxy does not say. */
  readonly isSecure: boolean | undefined;
}

/** The header of this name in small letters; sent twice, its values are joined by commas. */
export type ReadHeader = (name: string) => string | undefined;

export type ReadCaller = (peer: Peer, header: ReadHeader) => Caller;

/** Believes no header about addresses, and leaves the peer's as it is written. */
export const directCaller: ReadCaller = ({ address, isSecure }, header) => ({
  address,
  origin: header('origin'),
  host: header('host'),
  isSecure,
});

/** A colon, a space, and the line's end. */
const FIELD_BYTES = 4;

/** What fields take of a head, from a list of names and values in turn. */
export function headBytes(namesAndValues: readonly string[]): number {
  let bytes = (namesAndValues.length / 2) * FIELD_BYTES;
  for (const text of namesAndValues) bytes += text.length;
  return bytes;
}

/** Which peers a server takes TCP connections of, before they have said anything. */
export interface Doorkeeper {
  /** Whether one more may come from there; then it is counted. */
  admit(address: string): boolean;
  left(address: string): void;
}
