/**
 * Application data to payloads and back (PROTOCOL §11): text stays text, bytes stay bytes, everything else
 * travels as JSON text. The content type says which.
 */
import type { Payload } from '@ringhub/protocol';
import { errorNamed } from './errors.ts';

const JSON_TYPE = /[/+]json\b/i;
const TEXT_TYPE = /^text\//i;

/** Payload and content type of what an application publishes; the content type is absent where the hub's default holds. */
export function toPayload(data: unknown): { payload: Payload; contentType?: string } {
  if (typeof data === 'string') return { payload: data };
  if (data instanceof ArrayBuffer) return { payload: new Uint8Array(data) };
  if (ArrayBuffer.isView(data)) {
    return { payload: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
  const payload: string | undefined = JSON.stringify(data);
  if (!payload) throw new TypeError('no JSON');
  return { payload, contentType: 'application/json' };
}

/** The application's view of a payload: a JSON value, a string, or bytes. */
export function fromPayload(payload: Payload, contentType: string): unknown {
  if (JSON_TYPE.test(contentType)) {
    try {
      return JSON.parse(textOf(payload));
    } catch (cause) {
      throw errorNamed('bad-payload', cause);
    }
  }
  if (TEXT_TYPE.test(contentType)) return textOf(payload);
  return bytesOf(payload);
}

/** Length on the wire: of text, that of its UTF-8. */
export const byteLength = (data: Payload): number => bytesOf(data).length;

const bytesOf = (payload: Payload): Uint8Array =>
  typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;

const textOf = (payload: Payload): string =>
  typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
