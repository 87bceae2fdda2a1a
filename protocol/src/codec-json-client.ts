/**
 * JSON codec, the client's half: writes client frames, reads hub frames (PROTOCOL §2).
 *
 * A frame is a positional array on one line; a WebSocket message holds one line or more. Reading never
 * throws: what is not a frame comes back as `undefined`, and frames of later versions are passed over.
 */
import type {
  ClientFrame,
  Confirmed,
  ErrorDetail,
  GapRange,
  GapReason,
  Item,
  MessageItem,
  Note,
  Payload,
  ServerFrame,
  Welcome,
} from './frames.ts';
import { payloadFromJson, payloadToJson } from './payload-json.ts';
import type { LogId } from './position.ts';

type Result = NonNullable<Extract<ServerFrame, { type: 'ok' }>['result']>;

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
    case 'list':
    case 'stats':
      return [frame.type, frame.ref];
    case 'auth':
      return [frame.type, frame.ref, { token: frame.token }];
    case 'declare':
      return [frame.type, frame.ref, frame.exchange, frame.options];
    case 'delete':
      return [frame.type, frame.ref, frame.exchange, frame.ifUnused];
    case 'subscribe':
    case 'consume':
    case 'history':
      return [frame.type, frame.ref, frame.options];
    case 'unsubscribe':
      return [frame.type, frame.ref, frame.queue];
    case 'credit':
      return [frame.type, frame.ref, frame.queue, frame.prefetch];
    case 'bind':
    case 'unbind':
      return [frame.type, frame.ref, frame.to, ...frame.binding];
    case 'publish': {
      const { type, seq, exchange, key, payload, properties } = frame;
      const fields = [type, seq, exchange, key, payloadToJson(payload)];
      return Object.keys(properties).length > 0 ? [...fields, properties] : fields;
    }
    case 'ack':
      return [frame.type, frame.queue, frame.upTo, ...(frame.ranges.length > 0 ? [frame.ranges] : [])];
    case 'reject':
      return [frame.type, frame.queue, frame.ranges];
    case 'nack': {
      const { type, queue, ranges, delayMs } = frame;
      return delayMs === undefined ? [type, queue, ranges] : [type, queue, ranges, { delayMs }];
    }
    case 'declareQueue':
    case 'deleteQueue':
      return [frame.type, frame.ref, frame.name, frame.options];
    case 'purge':
    case 'inspect':
      return [frame.type, frame.ref, frame.name];
    default:
      return frame satisfies never;
  }
}

/** The frames of one message in order, or `undefined` where a line is not a frame at all. */
export function decodeServerMessage(message: string): ServerFrame[] | undefined {
  try {
    return message.split('\n').flatMap((line) => frameFrom(JSON.parse(line)));
  } catch {
    return undefined;
  }
}

/**
 * Trusts the hub for the inside of objects, but not for the shape that the SDK walks over. Only known fields
 * are taken over, so that one of a later version never hides one of this. What is damaged throws, to
 * `decodeServerMessage` only: checks nest deeply and all end the same way.
 */
function frameFrom(value: unknown): ServerFrame | [] {
  const [name, a, b, c, d = []] = list(value);
  const type = string(name);
  switch (type) {
    case 'deliver':
      return {
        type,
        queue: number(a),
        firstTag: number(b),
        items: list(c).map(itemFrom),
        notes: list(d).map(noteFrom),
      };
    case 'confirm':
      return { type, runs: list(a).map(runFrom) };
    case 'refused':
      return { type, seq: number(a), ...errorFrom(b, c, d) };
    case 'ok':
      return { type, ref: number(a), ...(isObject(b) ? { result: resultFrom(b) } : {}) };
    case 'error':
      return { type, ref: numberOrNull(a), ...errorFrom(b, c, d) };
    case 'mark':
      return { type, queue: number(a), cursor: string(b) };
    case 'welcome': {
      const fields = object(a);
      list(fields.queues).forEach(object);
      return { ...(fields as unknown as Welcome), type };
    }
    case 'drain':
      return { type, reconnectInMs: number(a) };
    case 'ping':
    case 'pong':
      return { type };
    default:
      return [];
  }
}

/** Of all results only a page of history holds items. */
const resultFrom = (result: Record<string, unknown>): Result =>
  (result.items ? { ...result, items: list(result.items).map(itemFrom) } : result) as unknown as Result;

/** A text that is none is left out rather than refused: the code says it all. */
const errorFrom = (code: unknown, text: unknown, detail: unknown) => ({
  code: number(code),
  text: typeof text === 'string' ? text : '',
  ...(isObject(detail) ? { detail: detail as ErrorDetail } : {}),
});

function noteFrom(value: unknown): [number, Note] {
  const [index, note] = list(value);
  return [number(index), object(note)];
}

function itemFrom(value: unknown): Item {
  if (Array.isArray(value)) return messageFrom(value);
  const { gap, snapshotEnd } = object(value);
  if (isObject(gap)) {
    const { count, reason, ranges } = gap;
    return {
      kind: 'gap',
      gap: {
        count: numberOrNull(count),
        reason: string(reason) as GapReason,
        ranges: list(ranges).map(rangeFrom),
      },
    };
  }
  const { cursor, complete } = object(snapshotEnd);
  return { kind: 'snapshot-end', cursor: string(cursor), complete: !!complete };
}

function messageFrom([exchange, key, raw, contentType, log, offset, timeMs, extra]: unknown[]): MessageItem {
  const { id, headers, xDeath } = isObject(extra) ? extra : {};
  const payload = payloadFromJson(raw);
  return {
    kind: 'message',
    exchange: string(exchange),
    key: string(key),
    payload: expected<Payload>(payload !== undefined, payload),
    contentType: string(contentType),
    log: string(log) as LogId,
    offset: number(offset),
    timeMs: number(timeMs),
    xDeath: xDeath && list(xDeath),
    id,
    headers,
  } as MessageItem;
}

function rangeFrom(value: unknown): GapRange {
  const [log, epoch, from, to, count, reason] = list(value);
  return {
    log: string(log) as LogId,
    epoch: string(epoch),
    from: number(from),
    to: numberOrNull(to),
    count: numberOrNull(count),
    reason: string(reason) as GapReason,
  };
}

function runFrom(value: unknown): Confirmed {
  const [seq, count, log, offset, sessions, duplicate, queues] = list(value);
  return {
    seq: number(seq),
    count: number(count),
    log: string(log) as LogId,
    offset: number(offset),
    sessions: number(sessions),
    duplicate: duplicate || undefined,
    queues: queues && object(queues),
  } as Confirmed;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function expected<T>(holds: boolean, value: unknown): T {
  if (!holds) throw new TypeError();
  return value as T;
}

const string = (value: unknown) => expected<string>(typeof value === 'string', value);
const number = (value: unknown) => expected<number>(typeof value === 'number', value);
const numberOrNull = (value: unknown) => (value === null ? value : number(value));
const list = (value: unknown) => expected<unknown[]>(Array.isArray(value), value);
const object = (value: unknown) => expected<Record<string, unknown>>(isObject(value), value);
