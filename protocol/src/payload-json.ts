/**
 * Payloads in JSON frames (PROTOCOL §11): a string for text, `{"b64": …}` for bytes. Never raw JSON, so that
 * no publisher can break a receiver's frame; only a publish may inline `{"json": value}`.
 */
import type { Payload } from './frames.ts';

export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  // Short, and twice as fast as to spread pieces of 8,000, up to the size that a hub takes by default.
  for (const byte of bytes) binary += String.fromCharCode(byte);
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
