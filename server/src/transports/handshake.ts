/**
 * Which WebSocket handshakes are refused, and with what words: the same for every transport.
 *
 * A refusal is a plain HTTP answer. The order is fixed: size, path, upgrade, caller, no token in the URL, subprotocol, form, room.
 */
import { ERRORS, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import type { Caller, ReadHeader } from '../ports/caller.ts';

/** Why this caller may not connect, or `undefined`: then it may. */
export type Objection = (caller: Caller) => string | undefined;

/** A request to upgrade. */
export interface Handshake {
  /** Without the query. */
  readonly path: string;
  /** Behind the question mark. */
  readonly query: string;
  /** How many fields its head has, those sent twice counted twice. */
  readonly headers: number;
  /** As {@link headBytes}. */
  readonly headerBytes: number;
  readonly caller: Caller;
  readonly header: ReadHeader;
}

/** What the transport has room for now. */
export interface Room {
  readonly isAccepting: boolean;
  readonly isFull: boolean;
  /** Fields that a head may have. */
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
}

/** What a handshake's head may have, where a transport is told nothing else. */
export const DEFAULT_HEAD = { maxHeaders: 64, maxHeaderBytes: 16 * 1024 };

/** An answer instead of a WebSocket. */
export interface Refusal {
  readonly status: string;
  readonly text: string;
  readonly header?: readonly [name: string, value: string];
}

/** Of every refusal: it is a page of plain words, which nothing may make more of. */
export const REFUSAL_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Content-Type', 'text/plain; charset=utf-8'],
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
];

const RETRY_AFTER_S = 5;
const VERSION = '13';
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Servers and proxies write URLs down. */
const TOKEN_IN_QUERY = /(^|&)(token|access_token|jwt|api_key)=/;

const SUBPROTOCOLS: readonly string[] = [SUBPROTOCOL_JSON, SUBPROTOCOL_BINARY];

/** The subprotocols of the header that offers them, in the order of the client's liking. */
export const offeredIn = (header: string | undefined): string[] =>
  header?.split(',').map((name) => name.trim()) ?? [];

/** The first one offered that is spoken here; the hub's own text of it, which no header is kept in memory for. */
export function subprotocolOf(offered: Iterable<string>): string | undefined {
  for (const name of offered) {
    const spoken = SUBPROTOCOLS.find((own) => own === name);
    if (spoken) return spoken;
  }
  return undefined;
}

export function refusalOf(
  { path, query, headers, headerBytes, caller, header }: Handshake,
  objectionTo: Objection,
  room: Room,
): Refusal | undefined {
  if (headers > room.maxHeaders || headerBytes > room.maxHeaderBytes) {
    const text = `at most ${room.maxHeaders} header fields of ${room.maxHeaderBytes} bytes are taken`;
    return { status: '431 Request Header Fields Too Large', text };
  }
  if (path !== WEBSOCKET_PATH) {
    return { status: '404 Not Found', text: `WebSockets are at ${WEBSOCKET_PATH}` };
  }
  if (header('upgrade')?.toLowerCase() !== 'websocket') {
    return {
      status: '426 Upgrade Required',
      text: 'only WebSockets are here',
      header: ['Upgrade', 'websocket'],
    };
  }
  const objection = objectionTo(caller);
  if (objection) return { status: '403 Forbidden', text: objection };
  if (TOKEN_IN_QUERY.test(query)) {
    return { status: '400 Bad Request', text: 'a token never stands in a URL: send it in the hello frame' };
  }
  const offered = offeredIn(header('sec-websocket-protocol'));
  if (!subprotocolOf(offered) || new Set(offered).size < offered.length) {
    return { status: '400 Bad Request', text: `ask for the subprotocol ${SUBPROTOCOLS.join(' or ')}, once` };
  }
  if (header('sec-websocket-version') !== VERSION) {
    const text = `only version ${VERSION} of the WebSocket protocol is spoken here`;
    return { status: '400 Bad Request', text, header: ['Sec-WebSocket-Version', VERSION] };
  }
  if (!KEY.test(header('sec-websocket-key') ?? '')) {
    return { status: '400 Bad Request', text: 'Sec-WebSocket-Key is missing or malformed' };
  }
  const later = ['Retry-After', String(RETRY_AFTER_S)] as const;
  if (!room.isAccepting) {
    return { status: '503 Service Unavailable', text: ERRORS.draining.text, header: later };
  }
  if (room.isFull) {
    return { status: '503 Service Unavailable', text: ERRORS['too-many-connections'].text, header: later };
  }
  return undefined;
}
