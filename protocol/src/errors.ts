/**
 * The one error table: everything that can go wrong on the wire, with what to do about it.
 *
 * A code is both the number in an `error` or `refused` frame and, for errors that end a connection, the
 * WebSocket close code. Its range alone tells a client what to do (PROTOCOL §14):
 *
 *   4000–4099  the connection ends, the session lives: reconnect and resume
 *   4100–4199  the connection ends: stop, reconnecting would fail again
 *   4200–4299  the session ended: reconnect, subscriptions go on from their cursors
 *   4300–4399  a command failed and would fail again
 *   4400–4499  a command failed and may succeed later
 *   4500–4599  raised by the client library itself, never sent
 *
 * Callers branch on `code` or `name`, never on `text`.
 */

import type { ErrorName } from './error-codes.ts';
import { type ErrorEntry, entry } from './error-entry.ts';
import { QUEUE_ERRORS } from './queue-errors.ts';

export type { ErrorName, Retry } from './error-codes.ts';
export type { ErrorEntry, ErrorScope } from './error-entry.ts';

export const ERRORS = {
  ...QUEUE_ERRORS,
  draining: entry(
    'draining',
    'connection',
    'resume',
    503,
    '§13',
    'the hub is shutting down: reconnect, your session is resumed where it can be',
  ),
  'heartbeat-timeout': entry(
    'heartbeat-timeout',
    'connection',
    'resume',
    408,
    '§4',
    'nothing was heard for deadMs: answer every ping, then resume',
  ),
  'slow-consumer': entry(
    'slow-consumer',
    'connection',
    'resume',
    429,
    '§6',
    'a ring with overflow "disconnect" was full: resume, and read faster or choose another policy',
  ),
  'output-overflow': entry(
    'output-overflow',
    'connection',
    'resume',
    429,
    '§15',
    'answers piled up unread: read what you asked for, then resume',
  ),
  internal: entry(
    'internal',
    'connection',
    'resume',
    500,
    '§14',
    'a fault inside the hub ended this connection: resume; the hub has logged it',
  ),
  'hello-timeout': entry(
    'hello-timeout',
    'connection',
    'resume',
    408,
    '§3',
    'no hello arrived in time: send it as the first frame',
  ),
  'rate-limited': entry(
    'rate-limited',
    'connection',
    'resume',
    429,
    '§15',
    'more frames or requests than your role may send: slow down, then resume',
  ),

  'token-expired': entry(
    'token-expired',
    'connection',
    'resume',
    401,
    '§3',
    'the token has expired: get a new one, then resume',
  ),
  'locked-out': entry(
    'locked-out',
    'connection',
    'resume',
    429,
    '§3',
    'too many wrong tokens came from this address: try again in a while',
  ),
  superseded: entry(
    'superseded',
    'connection',
    'resume',
    409,
    '§12',
    'a hello with an older token resumed this session before this connection had said anything: resume',
  ),

  'taken-over': entry(
    'taken-over',
    'connection',
    'never',
    409,
    '§12',
    'another connection resumed this session: this one is finished',
  ),
  unauthorized: entry(
    'unauthorized',
    'connection',
    'never',
    401,
    '§3',
    'the token is missing or not valid: get a new one',
  ),
  'bad-frame': entry(
    'bad-frame',
    'connection',
    'never',
    400,
    '§2',
    'a frame is not a JSON array that this protocol knows: fix the client',
  ),
  'unsupported-version': entry(
    'unsupported-version',
    'connection',
    'never',
    400,
    '§3',
    'this protocol version is not spoken here: use a supported client',
  ),
  'frame-too-large': entry(
    'frame-too-large',
    'connection',
    'never',
    413,
    '§15',
    'a WebSocket message is over maxFrameBytes: send smaller or fewer frames in one',
  ),
  'hello-expected': entry(
    'hello-expected',
    'connection',
    'never',
    400,
    '§3',
    'the first frame must be hello, and there is only one',
  ),
  'publish-sequence': entry(
    'publish-sequence',
    'connection',
    'never',
    400,
    '§11',
    'publish numbers must grow by one: start at publishSeq + 1 after welcome',
  ),
  'resume-invalid': entry(
    'resume-invalid',
    'connection',
    'never',
    400,
    '§12',
    'the resume claims a tag that was never sent: start without resume',
  ),
  'too-many-connections': entry(
    'too-many-connections',
    'connection',
    'later',
    503,
    '§15',
    'this hub, address or user has all the connections it may have: try again later',
  ),

  'session-evicted': entry(
    'session-evicted',
    'session',
    'resume',
    503,
    '§15',
    'the hub needed the memory of this session: reconnect, subscriptions go on from their cursors',
  ),
  'session-revoked': entry(
    'session-revoked',
    'session',
    'resume',
    403,
    '§21',
    'an operator closed this session: reconnect with a token issued from now on',
  ),

  'unknown-exchange': entry(
    'unknown-exchange',
    'command',
    'never',
    404,
    '§5',
    'no exchange has this name: declare it first or check the spelling',
  ),
  'bad-pattern': entry(
    'bad-pattern',
    'command',
    'never',
    400,
    '§5',
    'the pattern is too long or has too many words or control characters',
  ),
  'too-many-hashes': entry(
    'too-many-hashes',
    'command',
    'never',
    400,
    '§5',
    'a pattern may hold at most two "#" words',
  ),
  'bad-argument': entry(
    'bad-argument',
    'command',
    'never',
    400,
    '§2',
    'a field has the wrong type or is out of range; the detail names it',
  ),
  'too-many-bindings': entry(
    'too-many-bindings',
    'command',
    'never',
    400,
    '§15',
    'more bindings than allowed: use wider patterns or fewer subscriptions',
  ),
  'too-many-subscriptions': entry(
    'too-many-subscriptions',
    'command',
    'never',
    400,
    '§15',
    'this session has all the subscriptions it may have: unsubscribe one first',
  ),
  'payload-too-large': entry(
    'payload-too-large',
    'command',
    'never',
    413,
    '§11',
    'the payload is over maxPayloadBytes: send a link instead, or split it',
  ),
  'unknown-tag': entry(
    'unknown-tag',
    'command',
    'never',
    400,
    '§8',
    'this tag was never sent, or is settled already',
  ),
  'unknown-queue': entry(
    'unknown-queue',
    'command',
    'never',
    404,
    '§6',
    'this session has no such queue: it was unsubscribed or belongs to another session',
  ),
  forbidden: entry('forbidden', 'command', 'never', 403, '§3', 'your token does not permit this'),
  unroutable: entry(
    'unroutable',
    'command',
    'never',
    404,
    '§11',
    'mandatory was set and nobody is subscribed to this key: nothing was published',
  ),
  'bad-key': entry(
    'bad-key',
    'command',
    'never',
    400,
    '§5',
    'a routing key is at most 255 bytes and 32 words, without control characters',
  ),
  'bad-headers': entry(
    'bad-headers',
    'command',
    'never',
    400,
    '§11',
    'headers are at most 32 strings, numbers, booleans or nulls and 8 KiB in all',
  ),
  'exchange-mismatch': entry(
    'exchange-mismatch',
    'command',
    'never',
    409,
    '§5',
    'the exchange exists with other attributes: declare it as it is, or use another name',
  ),
  'reserved-name': entry(
    'reserved-name',
    'command',
    'never',
    403,
    '§5',
    'names starting with "amq." or "hub." belong to the hub',
  ),
  'bad-cursor': entry(
    'bad-cursor',
    'command',
    'never',
    400,
    '§10',
    'since is not live, earliest, last-per-key, a time or a cursor of this hub',
  ),
  'bad-payload': entry(
    'bad-payload',
    'command',
    'never',
    400,
    '§11',
    'a payload is valid Unicode text, {"json": value} or {"b64": base64}',
  ),
  'too-many-exchanges': entry(
    'too-many-exchanges',
    'command',
    'never',
    400,
    '§15',
    'the hub, or you, have all the exchanges allowed: use routing keys instead',
  ),
  'bad-name': entry(
    'bad-name',
    'command',
    'never',
    400,
    '§5',
    'a name of an exchange or queue is 1 to 127 printable bytes',
  ),

  'internal-exchange': entry(
    'internal-exchange',
    'command',
    'never',
    403,
    '§5',
    'only the hub and other exchanges publish to an internal exchange: bind it to one of yours',
  ),
  'exchange-in-use': entry(
    'exchange-in-use',
    'command',
    'never',
    409,
    '§5',
    'the exchange has bindings: unbind them, or delete without ifUnused',
  ),
  'unknown-binding': entry(
    'unknown-binding',
    'command',
    'never',
    404,
    '§5',
    'there is no such binding: exchange, key, arguments and destination have to be the same',
  ),

  'publish-window': entry(
    'publish-window',
    'command',
    'later',
    429,
    '§11',
    'more unconfirmed publishes than the window allows: wait for confirms',
  ),
  unavailable: entry(
    'unavailable',
    'command',
    'later',
    503,
    '§11',
    'the hub cannot take this now: it is shutting down or not ready',
  ),

  'outcome-unknown': entry(
    'outcome-unknown',
    'command',
    'never',
    0,
    '§11',
    'the session was lost before a confirm came: it may have been published or not',
  ),
  'outbox-full': entry(
    'outbox-full',
    'command',
    'later',
    0,
    '§11',
    'the outbox is full: wait for earlier publishes to be confirmed',
  ),
  closed: entry('closed', 'session', 'never', 0, '§13', 'the client was closed'),
} as const satisfies Record<ErrorName, ErrorEntry>;

const byCode = new Map<number, ErrorEntry>(Object.values(ERRORS).map((e) => [e.code, e]));

/** The entry of a code, or `undefined` where this version does not know it: then go by {@link retryOfCode}. */
export const errorOfCode = (code: number): ErrorEntry | undefined => byCode.get(code);
