/**
 * JSON codec, the hub's half: reads client frames, writes hub frames (PROTOCOL §2).
 *
 * Reading never throws: each line becomes a frame or an {@link Invalid}. An invalid line that names its
 * `ref` or `seq` costs only that command; `bad-frame` ends the connection. Nothing is allocated from a
 * declared length. Writing: an item's text is made once and shared by all its receivers.
 */
import { readClientFields } from './client-fields.ts';
import type { ClientFrame, Confirmed, Gap, Headers, Item, Note, Payload, ServerFrame } from './frames.ts';
import { JsonReader } from './json-reader.ts';
import { BAD_FRAME, type ClientMessage, FaultCount, type Invalid, restOf } from './message-frames.ts';
import { NameBudget } from './name-budget.ts';
import { payloadToJson } from './payload-json.ts';
import type { LogId } from './position.ts';
import type { Death } from './queue-frames.ts';
import { ShortTexts } from './short-texts.ts';

/** A message of text: a frame a line. */
export class ClientMessageJson implements ClientMessage {
  readonly #message: string;
  readonly #reader: JsonReader;
  #faults: FaultCount | undefined;
  #start = 0;
  #isFirst = true;

  /**
   * @param texts remembers keys and names from one message to the next; one for a whole hub will do
   * @param names what the message may still bring of them
   * @param faults counts on where the text is part of a message
   */
  constructor(message: string, texts = new ShortTexts(), names = new NameBudget(), faults?: FaultCount) {
    this.#message = message;
    this.#reader = new JsonReader(message, texts, names);
    this.#faults = faults;
  }

  next(): ClientFrame | Invalid | undefined {
    const message = this.#message;
    while (this.#start <= message.length) {
      const start = this.#start;
      let end = message.indexOf('\n', start);
      if (end < 0) end = message.length;
      this.#start = end + 1;
      // A trailing line break, as terminals send it, is no frame of its own.
      if (end === start && !this.#isFirst) continue;
      this.#isFirst = false;
      const fields = this.#reader.frameOf(start, end);
      const frame = fields ? readClientFields(fields) : BAD_FRAME;
      return frame.type === 'invalid' ? this.#counted(frame) : frame;
    }
    return undefined;
  }

  #counted(fault: Invalid): Invalid {
    this.#faults ??= new FaultCount();
    const counted = this.#faults.add(fault);
    if (counted.fatal) this.#start = this.#message.length + 1;
    return counted;
  }

  /** Texts do not change. */
  keep(): void {}
}

/** The frames of one WebSocket message in order; stops after the first fatal one. */
export const decodeClientMessage = (message: string, texts?: ShortTexts): (ClientFrame | Invalid)[] =>
  restOf(new ClientMessageJson(message, texts));

/** What an item's text is made from; a stored record fits. */
export interface EncodableMessage {
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly contentType: string;
  readonly log: LogId;
  readonly offset: number;
  readonly timeMs: number;
  readonly id?: string | undefined;
  readonly headers?: Headers | undefined;
  readonly xDeath?: readonly Death[] | undefined;
}

/** The item of a message, shared by all receivers: `[exchange, key, payload, contentType, log, offset, timeMs, extra?]`. */
export function encodeMessageItem(m: EncodableMessage): string {
  const fields: unknown[] = [
    m.exchange,
    m.key,
    payloadToJson(m.payload),
    m.contentType,
    m.log,
    m.offset,
    m.timeMs,
  ];
  const { id, headers, xDeath } = m;
  if (id !== undefined || headers !== undefined || xDeath !== undefined) fields.push({ id, headers, xDeath });
  return JSON.stringify(fields);
}

export const encodeGapItem = (gap: Gap): string =>
  JSON.stringify({
    gap: {
      count: gap.count,
      reason: gap.reason,
      ranges: gap.ranges.map((r) => [r.log, r.epoch, r.from, r.to, r.count, r.reason]),
    },
  });

export const encodeSnapshotEndItem = (cursor: string, complete: boolean): string =>
  JSON.stringify({ snapshotEnd: { cursor, complete } });

/** A batch from items already written; `items` is their texts joined by commas. */
export const encodeDeliver = (
  queue: number,
  firstTag: number,
  items: string,
  notes: readonly (readonly [number, Note])[],
): string =>
  notes.length === 0
    ? `["deliver",${queue},${firstTag},[${items}]]`
    : `["deliver",${queue},${firstTag},[${items}],${JSON.stringify(notes)}]`;

/** A page of history from items already written; `items` is their texts joined by commas. */
export const encodeHistory = (ref: number, items: string, cursor: string, more: boolean): string =>
  `["ok",${ref},{"items":[${items}],"cursor":${JSON.stringify(cursor)},"more":${more}}]`;

function encodeItem(item: Item): string {
  switch (item.kind) {
    case 'message':
      return encodeMessageItem(item);
    case 'gap':
      return encodeGapItem(item.gap);
    case 'snapshot-end':
      return encodeSnapshotEndItem(item.cursor, item.complete);
    default:
      return item satisfies never;
  }
}

function runToArray({ seq, count, log, offset, sessions, duplicate, queues }: Confirmed): unknown[] {
  const fields = [seq, count, log, offset, sessions];
  if (queues) return [...fields, duplicate ?? false, queues];
  return duplicate ? [...fields, true] : fields;
}

/** Every hub frame but `deliver`, which is put together from shared items. */
export function encodeServerFrame(frame: Exclude<ServerFrame, { type: 'deliver' }>): string {
  if (frame.type === 'ok' && frame.result && 'items' in frame.result) {
    const { items, cursor, more } = frame.result;
    return encodeHistory(frame.ref, items.map(encodeItem).join(','), cursor, more);
  }
  return JSON.stringify(toArray(frame));
}

function toArray(frame: Exclude<ServerFrame, { type: 'deliver' }>): unknown[] {
  switch (frame.type) {
    case 'welcome': {
      const { type, ...fields } = frame;
      return [type, fields];
    }
    case 'ping':
    case 'pong':
      return [frame.type];
    case 'ok':
      return frame.result ? [frame.type, frame.ref, frame.result] : [frame.type, frame.ref];
    case 'error':
      return frame.detail
        ? [frame.type, frame.ref, frame.code, frame.text, frame.detail]
        : [frame.type, frame.ref, frame.code, frame.text];
    case 'refused':
      return frame.detail
        ? [frame.type, frame.seq, frame.code, frame.text, frame.detail]
        : [frame.type, frame.seq, frame.code, frame.text];
    case 'mark':
      return [frame.type, frame.queue, frame.cursor];
    case 'confirm':
      return [frame.type, frame.runs.map(runToArray)];
    case 'drain':
      return [frame.type, frame.reconnectInMs];
    default:
      return frame satisfies never;
  }
}
