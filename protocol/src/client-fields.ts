/**
 * Checks the fields of client frames, by hand and strictly: a wrong type or a value out of range is told by
 * the field's name and costs only the command it stands in (PROTOCOL §2, §14).
 */
import type { ErrorName } from './errors.ts';
import {
  boolean,
  count,
  durationMs,
  exchangeName,
  Fault,
  fail,
  isCount,
  line,
  list,
  object,
  oneOf,
  positive,
  printable,
  ref,
  routingKey,
  text,
} from './field-checks.ts';
import {
  ACK_MODES,
  type AckMode,
  type BindingSpec,
  type ClientFrame,
  type ErrorDetail,
  EXCHANGE_TYPES,
  type ExchangeOptions,
  type ExchangeType,
  type Headers,
  type HistoryRange,
  type HistoryRequest,
  MAX_RESUME_EXCHANGES,
  MAX_RESUME_NAMED_QUEUES,
  OVERFLOW_POLICIES,
  type OverflowPolicy,
  type PassiveDeclare,
  type Payload,
  type PublishProperties,
  type Resume,
  type ResumeNamedQueue,
  type ResumeQueue,
  type Since,
  type SubscribeOptions,
  type TagRanges,
} from './frames.ts';
import { isInline, payloadOf } from './payload-fields.ts';
import { type LogId, parseCursor } from './position.ts';
import {
  consumeOptions,
  deleteQueueOptions,
  namedQueue,
  queueDeclaration,
  queueName,
  queueOptions,
} from './queue-fields.ts';
import type { NamedQueue } from './queue-frames.ts';
import { hasControlCharacter, patternFault, utf8Length } from './topic-pattern.ts';

export type Fields = [type: string, ...rest: unknown[]];

export interface FieldFault {
  readonly type: 'invalid';
  readonly error: ErrorName;
  /** Ends the connection rather than one command. */
  readonly fatal: boolean;
  readonly ref?: number;
  readonly seq?: number;
  readonly detail?: ErrorDetail;
}

/** What is put together field by field: on the way of every publish, spreading costs more than reading. */
type Draft<T> = { -readonly [Field in keyof T]: T[Field] };

/** Bounds of what a frame may list, so that checking stays linear and small. */
const MAX_RANGES = 1024;
const MAX_RESUME_QUEUES = 1024;
/** The node's own bound on bindings is lower; this one only keeps a frame sane. */
const MAX_BINDINGS = 8_000;
/** More than a gap ever has. */
const MAX_HISTORY_RANGES = 64;
const MAX_HISTORY_LIMIT = 1000;
const MAX_HEADERS = 32;
const MAX_HEADER_BYTES = 8192;
const MAX_ID_BYTES = 128;
const MAX_CONTENT_TYPE_BYTES = 128;
const MAX_TOKEN_LENGTH = 8192;

/** Frames with a ref, by which their fault is answered. */
const COMMANDS = new Set([
  'declare',
  'subscribe',
  'unsubscribe',
  'credit',
  'bind',
  'unbind',
  'delete',
  'list',
  'stats',
  'history',
  'declareQueue',
  'deleteQueue',
  'purge',
  'inspect',
  'consume',
  'auth',
]);

/** Reads one frame's fields, or says which field is wrong. */
export function readClientFields(fields: Fields): ClientFrame | FieldFault {
  try {
    return read(fields);
  } catch (fault) {
    if (fault instanceof Fault) return toFieldFault(fault, fields);
    throw fault;
  }
}

function toFieldFault({ error, field }: Fault, [type, number]: Fields): FieldFault {
  // Its name is the sender's text, of any length: it is not repeated.
  if (field === 'type') return { type: 'invalid', error, fatal: true };
  const detail = { field: `${type}.${field}` };
  // There is no command to answer: the connection ends, so the error is one that ends a connection.
  if (error === 'bad-frame' || type === 'hello') {
    return { type: 'invalid', error: 'bad-frame', fatal: true, detail };
  }
  if (isCount(number)) {
    if (type === 'publish') return { type: 'invalid', error, fatal: false, seq: number, detail };
    if (COMMANDS.has(type)) {
      return { type: 'invalid', error, fatal: false, ref: number, detail };
    }
  }
  return { type: 'invalid', error, fatal: false, detail };
}

function read(fields: Fields): ClientFrame {
  // One by one: to take an array apart costs as much as the rest, once arrays of many kinds have been met.
  const type = fields[0];
  const a = fields[1];
  const b = fields[2];
  const c = fields[3];
  const d = fields[4];
  const e = fields[5];
  switch (type) {
    case 'publish': {
      const seq = isCount(a) && a > 0 ? a : fail('bad-frame', 'seq');
      const exchange = text(b, 'exchange', 1024);
      const key = routingKey(c);
      const o = e === undefined ? undefined : object(e, 'properties');
      const payload = payloadOf(d);
      return { type, seq, exchange, key, payload, properties: publishProperties(o, payload, isInline(d)) };
    }
    case 'ack':
      return {
        type,
        queue: count(a, 'queue'),
        upTo: count(b, 'upTo'),
        ranges: c === undefined ? [] : tagRanges(c),
      };
    case 'reject':
      return { type, queue: count(a, 'queue'), ranges: tagRanges(b) };
    case 'nack':
      return {
        type,
        queue: count(a, 'queue'),
        ranges: tagRanges(b),
        ...(c === undefined ? {} : nackOptions(c)),
      };
    case 'ping':
    case 'pong':
    case 'bye':
      return { type };
    case 'subscribe':
      return { type, ref: ref(a), options: subscribeOptions(b) };
    case 'unsubscribe':
      return { type, ref: ref(a), queue: count(b, 'queue') };
    case 'credit':
      return { type, ref: ref(a), queue: count(b, 'queue'), prefetch: count(c, 'prefetch') };
    case 'declare':
      return { type, ref: ref(a), exchange: exchangeName(b), options: declareOptions(c) };
    case 'bind':
    case 'unbind':
      return { type, ref: ref(a), to: destination(b), binding: bindingSpec(c, d, e) };
    case 'delete':
      return {
        type,
        ref: ref(a),
        exchange: exchangeName(b),
        ifUnused: c === undefined ? false : boolean(c, 'ifUnused'),
      };
    case 'declareQueue':
      return { type, ref: ref(a), name: queueName(b, 'name'), options: queueDeclaration(c) };
    case 'deleteQueue':
      return { type, ref: ref(a), name: queueName(b, 'name'), options: deleteQueueOptions(c) };
    case 'purge':
    case 'inspect':
      return { type, ref: ref(a), name: queueName(b, 'name') };
    case 'consume':
      return { type, ref: ref(a), options: consumeOptions(object(b, 'options')) };
    case 'list':
    case 'stats':
      return { type, ref: ref(a) };
    case 'history':
      return { type, ref: ref(a), options: historyRequest(b) };
    case 'auth':
      return { type, ref: ref(a), token: text(object(b, 'fields').token, 'token', MAX_TOKEN_LENGTH) };
    case 'hello':
      return hello(object(a, 'fields'));
    default:
      return fail('bad-frame', 'type');
  }
}

function hello(fields: Record<string, unknown>): ClientFrame {
  const { version, token, client, resume } = fields;
  return {
    type: 'hello',
    version: count(version, 'version'),
    ...(token === undefined ? {} : { token: text(token, 'token', MAX_TOKEN_LENGTH) }),
    ...(client === undefined ? {} : { client: line(client, 'client', 128) }),
    ...(resume === undefined ? {} : { resume: resumeFrom(object(resume, 'resume')) }),
  };
}

function resumeFrom(fields: Record<string, unknown>): Resume {
  return {
    session: text(fields.session, 'resume.session', 64),
    token: text(fields.token, 'resume.token', 128),
    queues: list(fields.queues, 'resume.queues', MAX_RESUME_QUEUES).map(resumeQueue),
    exchanges: list(fields.exchanges, 'resume.exchanges', MAX_RESUME_EXCHANGES).map((pair) => {
      const [name, options] = list(pair, 'resume.exchanges', 2);
      return [exchangeName(name), exchangeOptions(options)] as const;
    }),
    ...(fields.namedQueues === undefined
      ? {}
      : {
          namedQueues: list(fields.namedQueues, 'resume.namedQueues', MAX_RESUME_NAMED_QUEUES).map(
            resumeNamedQueue,
          ),
        }),
  };
}

function resumeNamedQueue(value: unknown): ResumeNamedQueue {
  const [name, options, bindings] = list(value, 'resume.namedQueues', 3);
  return [queueName(name, 'resume.namedQueues'), queueOptions(options), bindingSpecs(bindings, 0)];
}

function resumeQueue(value: unknown): ResumeQueue {
  const fields = object(value, 'resume.queues');
  const { cursor } = fields;
  const options = object(fields.options, 'options');
  return {
    queue: count(fields.queue, 'resume.queue'),
    lastTag: count(fields.lastTag, 'resume.lastTag'),
    ackedUpTo: count(fields.ackedUpTo, 'resume.ackedUpTo'),
    ackedRanges: tagRanges(fields.ackedRanges),
    cursor: cursor === null ? null : cursorText(cursor, 'resume.cursor'),
    options: options.consume === undefined ? subscribeOptions(options) : consumeOptions(options),
  };
}

const nackOptions = (value: unknown): { delayMs?: number } => {
  const { delayMs } = object(value, 'options');
  return delayMs === undefined ? {} : { delayMs: durationMs(delayMs, 'options.delayMs') };
};

function subscribeOptions(value: unknown): SubscribeOptions {
  const o = object(value, 'options');
  return {
    bindings: bindingSpecs(o.bindings),
    ...(o.overflow === undefined
      ? {}
      : { overflow: oneOf<OverflowPolicy>(o.overflow, OVERFLOW_POLICIES, 'overflow') }),
    ...(o.ack === undefined ? {} : { ack: oneOf<AckMode>(o.ack, ACK_MODES, 'ack') }),
    ...(o.capacity === undefined ? {} : { capacity: positive(o.capacity, 'capacity') }),
    ...(o.capacityBytes === undefined ? {} : { capacityBytes: positive(o.capacityBytes, 'capacityBytes') }),
    ...(o.prefetch === undefined ? {} : { prefetch: count(o.prefetch, 'prefetch') }),
    ...(o.ttlMs === undefined ? {} : { ttlMs: count(o.ttlMs, 'ttlMs') }),
    ...(o.since === undefined ? {} : { since: since(o.since) }),
    ...(o.conflationHeader === undefined
      ? {}
      : { conflationHeader: line(o.conflationHeader, 'conflationHeader', 128) }),
  };
}

function historyRequest(value: unknown): HistoryRequest {
  const { bindings, after, before, ranges, limit } = object(value, 'options');
  const given = Number(after !== undefined) + Number(before !== undefined) + Number(ranges !== undefined);
  if (given !== 1) fail('bad-argument', 'after');
  if (limit !== undefined && positive(limit, 'limit') > MAX_HISTORY_LIMIT) fail('bad-argument', 'limit');
  const request: Draft<HistoryRequest> = { bindings: bindingSpecs(bindings) };
  if (after !== undefined) request.after = cursorText(after, 'after');
  if (before !== undefined) request.before = before === null ? null : cursorText(before, 'before');
  if (ranges !== undefined) request.ranges = list(ranges, 'ranges', MAX_HISTORY_RANGES).map(historyRange);
  if (limit !== undefined) request.limit = limit as number;
  return request;
}

function historyRange(value: unknown): HistoryRange {
  const [log, epoch, from, to] = list(value, 'ranges', 4);
  if (to !== null && count(to, 'ranges') < count(from, 'ranges')) fail('bad-argument', 'ranges');
  return [
    oneOf<LogId>(log, ['v', 'd'], 'ranges'),
    typeof epoch === 'string' && parseCursor(`v:${epoch}:0`)?.length === 1
      ? epoch
      : fail('bad-argument', 'ranges'),
    count(from, 'ranges'),
    to as number | null,
  ];
}

function since(value: unknown): Since {
  if (value === 'live' || value === 'earliest' || value === 'last-per-key') return value;
  if (typeof value !== 'object' || value === null) return fail('bad-cursor', 'since');
  const { cursor, timeMs } = value as Record<string, unknown>;
  if (cursor !== undefined) return { cursor: cursorText(cursor, 'since') };
  return isCount(timeMs) ? { timeMs } : fail('bad-cursor', 'since');
}

/** Of publishes that say nothing of themselves, which most are: shared, as they wait in numbers for the disk. */
const PLAIN = {
  inline: { contentType: 'application/json' },
  text: { contentType: 'text/plain' },
  bytes: { contentType: 'application/octet-stream' },
} as const;

function publishProperties(
  o: Record<string, unknown> | undefined,
  payload: Payload,
  inline: boolean,
): PublishProperties {
  const plain = inline ? PLAIN.inline : typeof payload === 'string' ? PLAIN.text : PLAIN.bytes;
  if (o === undefined) return plain;
  const properties: Draft<PublishProperties> = {
    contentType: printable(o.contentType ?? plain.contentType, 'contentType', MAX_CONTENT_TYPE_BYTES),
  };
  if (o.headers !== undefined) properties.headers = headers(o.headers);
  if (o.id !== undefined) properties.id = printable(o.id, 'id', MAX_ID_BYTES);
  if (o.ttlMs !== undefined) properties.ttlMs = count(o.ttlMs, 'ttlMs');
  if (o.mandatory !== undefined) properties.mandatory = boolean(o.mandatory, 'mandatory');
  if (o.resent !== undefined) properties.resent = resent(o.resent);
  return properties;
}

function resent(value: unknown): [session: string, seq: number] {
  const [session, seq] = list(value, 'resent', 2);
  return [text(session, 'resent', 64), positive(seq, 'resent')];
}

function headers(value: unknown): Headers {
  const fields = object(value, 'headers', 'bad-headers');
  const names = Object.keys(fields);
  if (names.length > MAX_HEADERS) fail('bad-headers', 'headers');
  let bytes = 0;
  for (const name of names) {
    const v = fields[name];
    if (name === '' || name === '__proto__') fail('bad-headers', 'headers');
    if (v !== null && typeof v !== 'string' && typeof v !== 'boolean' && !Number.isFinite(v)) {
      fail('bad-headers', 'headers');
    }
    if (hasControlCharacter(name) || (typeof v === 'string' && !v.isWellFormed()))
      fail('bad-headers', 'headers');
    bytes += utf8Length(name) + (typeof v === 'string' ? utf8Length(v) : 8);
  }
  if (bytes > MAX_HEADER_BYTES) fail('bad-headers', 'headers');
  return value as Headers;
}

function tagRanges(value: unknown): TagRanges {
  let previous = 0;
  const ranges = list(value, 'ranges', MAX_RANGES);
  for (const pair of ranges) {
    const range = list(pair, 'ranges', 2);
    // One by one, as above: there may be thousands.
    const from = range[0];
    const to = range[1];
    // Ascending and apart, so that no tag can be named twice.
    if (!isCount(from) || !isCount(to) || from <= previous || to < from) fail('bad-argument', 'ranges');
    previous = to as number;
  }
  // As it was read, it is nobody else's.
  return ranges as unknown as TagRanges;
}

function declareOptions(value: unknown): ExchangeOptions | PassiveDeclare {
  return object(value, 'options').passive === true ? { passive: true } : exchangeOptions(value);
}

function exchangeOptions(value: unknown): ExchangeOptions {
  const { type, internal, autoDelete, alternate, durable } = object(value, 'options');
  return {
    type: oneOf<ExchangeType>(type, EXCHANGE_TYPES, 'options.type'),
    ...(durable === undefined ? {} : { durable: boolean(durable, 'options.durable') }),
    ...(internal === undefined ? {} : { internal: boolean(internal, 'options.internal') }),
    ...(autoDelete === undefined ? {} : { autoDelete: boolean(autoDelete, 'options.autoDelete') }),
    ...(alternate === undefined ? {} : { alternate: exchangeName(alternate) }),
  };
}

function destination(value: unknown): number | string | NamedQueue {
  if (value === '') fail('default-exchange', 'to');
  if (typeof value === 'string') return exchangeName(value);
  return typeof value === 'object' ? namedQueue(value, 'to') : count(value, 'to');
}

function bindingSpecs(value: unknown, atLeast = 1): BindingSpec[] {
  const bindings = list(value, 'bindings', MAX_BINDINGS, 'too-many-bindings').map((pair) => {
    const fields = list(pair, 'bindings', 3);
    return bindingSpec(fields[0], fields[1], fields[2]);
  });
  return bindings.length >= atLeast ? bindings : fail('bad-argument', 'bindings');
}

/** The key is a pattern wherever it may be one; what a direct exchange is bound with, it matches letter for letter. */
function bindingSpec(exchange: unknown, key: unknown, args: unknown): BindingSpec {
  const name = text(exchange, 'bindings.exchange', 1024);
  const pattern = bindingPattern(key);
  if (args === undefined || args === null) return [name, pattern];
  const values = headers(args);
  const match = values['x-match'];
  if (match !== undefined && match !== 'all' && match !== 'any') fail('bad-argument', 'bindings.x-match');
  return [name, pattern, values];
}

function bindingPattern(value: unknown): string {
  const pattern = typeof value === 'string' ? value : fail('bad-argument', 'bindings.pattern');
  const fault = patternFault(pattern);
  return fault ? fail(fault, 'bindings.pattern') : pattern;
}

function cursorText(value: unknown, field: string): string {
  return typeof value === 'string' && parseCursor(value) ? value : fail('bad-cursor', field);
}
