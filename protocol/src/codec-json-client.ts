/**
 * JSON codec, the client's half: writes client frames, reads hub frames (PROTOCOL §2).
 *
 * A frame is a positional array on one line; a WebSocket message holds one line or more. Reading never
 * throws: what is not a frame comes back as `undefined`, and frames of later versions are passed over.
 */
import type {
  ClientFrame,
  Confirmed,
  GapItem,
  GapRange,
  GapReason,
  Headers,
  Item,
  MessageItem,
  Note,
  PublishProperties,
  ServerFrame,
  Subscribed,
  Welcome,
} from './frames.ts';
import { payloadFromJson, payloadToJson } from './payload-json.ts';
import type { LogId } from './position.ts';

/** One line of text, without a line break in it. */
export function encodeClientFrame(frame: ClientFrame): string {
  return JSON.stringify(toArray(frame));
}

function toArray(frame: ClientFrame): unknown[] {
  switch (frame.type) {
    case 'hello': {
      const { type, ...fields } = frame;
      return [type, fields];
    }
    case 'ping':
    case 'pong':
    case 'bye':
      return [frame.type];
    case 'declare':
      return [frame.type, frame.ref, frame.exchange, frame.options];
    case 'subscribe':
      return [frame.type, frame.ref, frame.options];
    case 'unsubscribe':
      return [frame.type, frame.ref, frame.queue];
    case 'credit':
      return [frame.type, frame.ref, frame.queue, frame.prefetch];
    case 'publish': {
      const fields: unknown[] = [
        frame.type,
        frame.seq,
        frame.exchange,
        frame.key,
        payloadToJson(frame.payload),
      ];
      if (!isEmpty(frame.properties)) fields.push(frame.properties);
      return fields;
    }
    case 'ack':
      return frame.ranges.length === 0
        ? [frame.type, frame.queue, frame.upTo]
        : [frame.type, frame.queue, frame.upTo, frame.ranges];
    case 'reject':
    case 'nack':
      return [frame.type, frame.queue, frame.ranges];
    default:
      return frame satisfies never;
  }
}

const isEmpty = (properties: PublishProperties): boolean => {
  for (const _ in properties) return false;
  return true;
};

/** The frames of one message in order, or `undefined` where a line is not a frame at all. */
export function decodeServerMessage(message: string): ServerFrame[] | undefined {
  const frames: ServerFrame[] = [];
  for (const line of message.split('\n')) {
    let fields: unknown;
    try {
      fields = JSON.parse(line);
    } catch {
      return undefined;
    }
    if (!Array.isArray(fields) || typeof fields[0] !== 'string') return undefined;
    const frame = fromArray(fields as [string, ...unknown[]]);
    if (frame === 'damaged') return undefined;
    if (frame) frames.push(frame);
  }
  return frames;
}

/**
 * Trusts the hub for the inside of objects, but not for the shape that the SDK walks over. Only known fields
 * are taken over, so that one of a later version never hides one of this.
 */
function fromArray([type, a, b, c, d]: [string, ...unknown[]]): ServerFrame | 'damaged' | undefined {
  switch (type) {
    case 'deliver':
      return deliverFrom(a, b, c, d);
    case 'confirm':
      return listFrom(a, runFrom, (runs) => ({ type, runs }));
    case 'refused':
      return numbers(a, b)
        ? withDetail({ type, seq: a as number, code: b as number, text: textFrom(c) }, d)
        : 'damaged';
    case 'ok':
      return numbers(a)
        ? { type, ref: a as number, ...(isObject(b) ? { result: b as unknown as Subscribed } : {}) }
        : 'damaged';
    case 'error':
      return numbers(b)
        ? withDetail({ type, ref: typeof a === 'number' ? a : null, code: b as number, text: textFrom(c) }, d)
        : 'damaged';
    case 'mark':
      return numbers(a) && typeof b === 'string' ? { type, queue: a as number, cursor: b } : 'damaged';
    case 'welcome':
      return isObject(a) && Array.isArray(a.queues) && a.queues.every(isObject)
        ? ({ ...a, type } as unknown as Welcome)
        : 'damaged';
    case 'drain':
      return numbers(a) ? { type, reconnectInMs: a as number } : 'damaged';
    case 'ping':
    case 'pong':
      return { type };
    default:
      return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const strings = (...values: unknown[]): boolean => values.every((v) => typeof v === 'string');

const numbers = (...values: unknown[]): boolean => values.every((v) => typeof v === 'number');

/** Not `String(value)`: that throws for `{"toString": 1}`. */
const textFrom = (value: unknown): string => (typeof value === 'string' ? value : '');

const withDetail = <F extends object>(frame: F, detail: unknown): F =>
  isObject(detail) ? { ...frame, detail } : frame;

/** A frame from its list, each element of which must be readable. */
function listFrom<T>(
  list: unknown,
  read: (value: unknown) => T | undefined,
  frame: (elements: T[]) => ServerFrame,
): ServerFrame | 'damaged' {
  const elements = readAll(list, read);
  return elements ? frame(elements) : 'damaged';
}

function readAll<T>(list: unknown, read: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const elements: T[] = [];
  for (const value of list) {
    const element = read(value);
    if (element === undefined) return undefined;
    elements.push(element);
  }
  return elements;
}

function deliverFrom(
  queue: unknown,
  firstTag: unknown,
  list: unknown,
  rawNotes: unknown = [],
): ServerFrame | 'damaged' {
  const notes = readAll(rawNotes, noteFrom);
  if (!numbers(queue, firstTag) || !notes) return 'damaged';
  return listFrom(list, itemFrom, (items) => ({
    type: 'deliver',
    queue: queue as number,
    firstTag: firstTag as number,
    items,
    notes,
  }));
}

const noteFrom = (value: unknown): [number, Note] | undefined =>
  Array.isArray(value) && numbers(value[0]) && isObject(value[1])
    ? [value[0] as number, value[1] as Note]
    : undefined;

function itemFrom(fields: unknown): Item | undefined {
  if (Array.isArray(fields)) return messageFrom(fields);
  if (!isObject(fields)) return undefined;
  if (isObject(fields.gap)) return gapFrom(fields.gap);
  if (isObject(fields.snapshotEnd)) {
    const { cursor, complete } = fields.snapshotEnd;
    return typeof cursor === 'string'
      ? { kind: 'snapshot-end', cursor, complete: complete === true }
      : undefined;
  }
  return undefined;
}

function messageFrom(fields: unknown[]): MessageItem | undefined {
  const [exchange, key, raw, contentType, log, offset, timeMs, extra] = fields;
  const payload = payloadFromJson(raw);
  if (
    payload === undefined ||
    typeof exchange !== 'string' ||
    typeof key !== 'string' ||
    typeof contentType !== 'string' ||
    typeof log !== 'string' ||
    typeof offset !== 'number' ||
    typeof timeMs !== 'number'
  ) {
    return undefined;
  }
  const item = {
    kind: 'message',
    exchange,
    key,
    payload,
    contentType,
    log: log as LogId,
    offset,
    timeMs,
  } as const;
  if (!isObject(extra)) return item;
  const { id, headers } = extra;
  return {
    ...item,
    ...(typeof id === 'string' ? { id } : {}),
    ...(isObject(headers) ? { headers: headers as Headers } : {}),
  };
}

function gapFrom({ count, reason, ranges: list }: Record<string, unknown>): GapItem | undefined {
  const ranges = readAll(list, rangeFrom);
  return ranges && isCountOrNull(count) && typeof reason === 'string'
    ? { kind: 'gap', gap: { count, reason: reason as GapReason, ranges } }
    : undefined;
}

function rangeFrom(value: unknown): GapRange | undefined {
  if (!Array.isArray(value)) return undefined;
  const [log, epoch, from, to, count, reason] = value as unknown[];
  return strings(log, epoch, reason) && numbers(from) && isCountOrNull(to) && isCountOrNull(count)
    ? {
        log: log as LogId,
        epoch: epoch as string,
        from: from as number,
        to,
        count,
        reason: reason as GapReason,
      }
    : undefined;
}

const isCountOrNull = (value: unknown): value is number | null => value === null || typeof value === 'number';

function runFrom(value: unknown): Confirmed | undefined {
  if (!Array.isArray(value)) return undefined;
  const [seq, count, log, offset, sessions, duplicate] = value as unknown[];
  return numbers(seq, count, offset, sessions) && strings(log)
    ? {
        seq: seq as number,
        count: count as number,
        log: log as LogId,
        offset: offset as number,
        sessions: sessions as number,
        ...(duplicate === true ? { duplicate } : {}),
      }
    : undefined;
}
