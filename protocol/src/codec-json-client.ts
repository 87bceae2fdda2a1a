/**
 * JSON codec, the client's half: writes client frames, reads hub frames (PROTOCOL §2).
 *
 * A frame is a positional array on one line; a WebSocket message holds one line or more. Reading never
 * throws: what is not a frame comes back as `undefined`, and frames of later versions are passed over.
 */
import type {
  ClientFrame,
  Confirmed,
  Gap,
  GapRange,
  Headers,
  Item,
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

/** Trusts the hub for the inside of objects, but not for the shape that the SDK walks over. */
function fromArray([type, a, b, c, d]: [string, ...unknown[]]): ServerFrame | 'damaged' | undefined {
  switch (type) {
    case 'deliver':
      return deliverFrom(a, b, c, d);
    case 'confirm':
      return Array.isArray(a) ? { type, runs: a.map(runFrom) } : 'damaged';
    case 'refused':
      return numbers(a, b)
        ? withDetail({ type, seq: a as number, code: b as number, text: String(c) }, d)
        : 'damaged';
    case 'ok':
      return numbers(a) ? { type, ref: a as number, ...(b ? { result: b as Subscribed } : {}) } : 'damaged';
    case 'error':
      return numbers(b)
        ? withDetail({ type, ref: typeof a === 'number' ? a : null, code: b as number, text: String(c) }, d)
        : 'damaged';
    case 'mark':
      return numbers(a) && typeof b === 'string' ? { type, queue: a as number, cursor: b } : 'damaged';
    case 'welcome':
      return isObject(a) && Array.isArray(a.queues) ? ({ type, ...a } as unknown as Welcome) : 'damaged';
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

const numbers = (...values: unknown[]): boolean => values.every((v) => typeof v === 'number');

const withDetail = <F extends object>(frame: F, detail: unknown): F =>
  isObject(detail) ? { ...frame, detail } : frame;

function deliverFrom(
  queue: unknown,
  firstTag: unknown,
  list: unknown,
  notes: unknown,
): ServerFrame | 'damaged' {
  if (!numbers(queue, firstTag) || !Array.isArray(list)) return 'damaged';
  const items: Item[] = [];
  for (const fields of list) {
    const item = itemFrom(fields);
    if (!item) return 'damaged';
    items.push(item);
  }
  return {
    type: 'deliver',
    queue: queue as number,
    firstTag: firstTag as number,
    items,
    notes: Array.isArray(notes) ? (notes as [number, Note][]) : [],
  };
}

type MessageFields = [
  string,
  string,
  unknown,
  string,
  LogId,
  number,
  number,
  { id?: string; headers?: Headers }?,
];

function itemFrom(fields: unknown): Item | undefined {
  if (Array.isArray(fields)) {
    const [exchange, key, raw, contentType, log, offset, timeMs, extra] = fields as MessageFields;
    const payload = payloadFromJson(raw);
    return payload === undefined || !numbers(offset)
      ? undefined
      : { kind: 'message', exchange, key, payload, contentType, log, offset, timeMs, ...extra };
  }
  if (!isObject(fields)) return undefined;
  if (isObject(fields.gap)) return { kind: 'gap', gap: gapFrom(fields.gap as unknown as WireGap) };
  if (isObject(fields.snapshotEnd)) {
    return { kind: 'snapshot-end', ...(fields.snapshotEnd as { cursor: string; complete: boolean }) };
  }
  return undefined;
}

type WireRange = [
  GapRange['log'],
  GapRange['epoch'],
  GapRange['from'],
  GapRange['to'],
  GapRange['count'],
  GapRange['reason'],
];
type WireGap = { count: Gap['count']; reason: Gap['reason']; ranges: WireRange[] };

const gapFrom = ({ count, reason, ranges }: WireGap): Gap => ({
  count,
  reason,
  ranges: ranges.map(([log, epoch, from, to, lost, why]) => ({
    log,
    epoch,
    from,
    to,
    count: lost,
    reason: why,
  })),
});

const runFrom = ([seq, count, log, offset, sessions, duplicate]: [
  number,
  number,
  LogId,
  number,
  number,
  boolean?,
]): Confirmed => ({ seq, count, log, offset, sessions, ...(duplicate ? { duplicate } : {}) });
