/** The parts that a publish and a message have in common: payload, content type, headers (PROTOCOL §19). */
import { CONTENT_TYPES, HEADER_KIND } from './binary-layout.ts';
import { type ByteReader, DAMAGED } from './binary-reader.ts';
import type { ByteWriter } from './binary-writer.ts';
import type { Headers, HeaderValue, Payload } from './frames.ts';
import type { NameBudget } from './name-budget.ts';
import { PeerObject } from './peer-object.ts';

export function writePayload(writer: ByteWriter, payload: Payload): void {
  if (typeof payload === 'string') writer.text(payload);
  else writer.block(payload);
}

export const readPayload = (reader: ByteReader, isText: boolean): Payload =>
  isText ? reader.text() : reader.block();

export function writeContentType(writer: ByteWriter, contentType: string): void {
  const code = Math.max(0, (CONTENT_TYPES as readonly string[]).indexOf(contentType));
  writer.u8(code);
  if (code === 0) writer.text(contentType);
}

export function readContentType(reader: ByteReader): string {
  const code = reader.u8();
  return code === 0 ? reader.text() : (CONTENT_TYPES[code] ?? reader.noText());
}

export function writeHeaders(writer: ByteWriter, headers: Headers): void {
  const entries = Object.entries(headers);
  writer.varint(entries.length);
  for (const [name, value] of entries) {
    writer.text(name);
    writeValue(writer, value);
  }
}

function writeValue(writer: ByteWriter, value: HeaderValue): void {
  if (typeof value === 'string') {
    writer.u8(HEADER_KIND.string);
    writer.text(value);
  } else if (typeof value === 'number' && Number.isFinite(value)) {
    writer.u8(HEADER_KIND.number);
    // As in JSON, there is no negative zero, and what is no number is null.
    writer.f64(value + 0);
  } else {
    writer.u8(value === true ? HEADER_KIND.true : value === false ? HEADER_KIND.false : HEADER_KIND.null);
  }
}

/** Every name becomes a property of the object's own, also `__proto__`; of a name given twice the last holds. */
export function readHeaders(reader: ByteReader): Headers {
  const entries: [string, HeaderValue][] = [];
  for (let left = reader.count(2); left > 0; left--) entries.push([reader.text(), readValue(reader)]);
  return Object.fromEntries(entries);
}

/** The same of a client, within the budget of its message. */
export function readClientHeaders(reader: ByteReader, budget: NameBudget): unknown {
  const count = reader.count(2);
  const headers = new PeerObject<HeaderValue>(budget, count);
  for (let left = count; left > 0; left--) headers.add(reader.text(), readValue(reader));
  return headers.end();
}

function readValue(reader: ByteReader): HeaderValue {
  switch (reader.u8()) {
    case HEADER_KIND.null:
      return null;
    case HEADER_KIND.false:
      return false;
    case HEADER_KIND.true:
      return true;
    case HEADER_KIND.number:
      return reader.f64();
    case HEADER_KIND.string:
      return reader.text();
    default:
      throw DAMAGED;
  }
}
