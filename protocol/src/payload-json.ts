/**
 * Payloads in JSON frames (PROTOCOL §11): a string for text, `{"b64": …}` for bytes. Never raw JSON, so that
 * no publisher can break a receiver's frame; only a publish may inline `{"json": value}`.
 */
import type { Payload } from './frames.ts';

const CHUNK = 8_000;

export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += CHUNK) {
    // Spread, the bytes would be read one by one: five times as slow.
    binary += String.fromCharCode.apply(null, bytes.subarray(i, i + CHUNK) as unknown as number[]);
  }
  return btoa(binary);
}

/** Bytes of a base64 text, or `undefined` where it is not valid. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** A payload as a JSON-able value. */
export const payloadToJson = (payload: Payload): string | { b64: string } =>
  typeof payload === 'string' ? payload : { b64: encodeBase64(payload) };

/** A payload from a JSON value, or `undefined` where it is neither text nor valid base64. */
export function payloadFromJson(value: unknown): Payload | undefined {
  if (typeof value === 'string') return value;
  const b64 = (value as { b64?: unknown } | null)?.b64;
  return typeof b64 === 'string' ? decodeBase64(b64) : undefined;
}
