/**
 * How every value of a store is sealed, so that damage is found before it is read as something else:
 *
 *     [layout u8] [CRC-32 of the body u32, big-endian] [body…]
 *
 * The layout is that of the body; a value of an unknown one is as good as damaged, as the store's format version
 * (store-format.ts) says which there may be. A CRC-32 finds every single flipped bit and every burst up to 32.
 */
import { crc32 } from 'node:zlib';

export const SEAL_BYTES = 5;

/**
 * What a sum has to begin with to be that of nothing after SEAL_BYTES zeros: so the sum of a body is had from the whole
 * value, without a view of the body, which costs as much as the sum of a small one.
 */
const BEFORE_ZEROS = 0x0b84_0633;

/** Seals in place a value whose body begins at SEAL_BYTES, behind zeros. */
export function seal(value: Uint8Array, layout: number): Uint8Array {
  const sum = crc32(value, BEFORE_ZEROS);
  value[0] = layout;
  value[1] = sum >>> 24;
  value[2] = sum >>> 16;
  value[3] = sum >>> 8;
  value[4] = sum;
  return value;
}

/** The body, not copied, of a value of this layout that is undamaged. */
export const unseal = (value: Uint8Array, layout: number): Uint8Array | undefined =>
  value[0] === layout && isIntact(value) ? value.subarray(SEAL_BYTES) : undefined;

/** Whether a body is as it was sealed; the layout is not part of the sum. */
const isIntact = (value: Uint8Array): boolean =>
  value.length >= SEAL_BYTES && crc32(value.subarray(SEAL_BYTES)) === view(value).getUint32(1);

export const TEXT_LAYOUT = 0x74;
export const BYTES_LAYOUT = 0x62;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function sealBytes(body: Uint8Array): Uint8Array {
  const value = new Uint8Array(SEAL_BYTES + body.length);
  value.set(body, SEAL_BYTES);
  return seal(value, BYTES_LAYOUT);
}

export const unsealBytes = (value: Uint8Array): Uint8Array | undefined => unseal(value, BYTES_LAYOUT);

/** A sealed text, as values of the meta table are. */
export function sealText(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const value = new Uint8Array(SEAL_BYTES + body.length);
  value.set(body, SEAL_BYTES);
  return seal(value, TEXT_LAYOUT);
}

export function unsealText(value: Uint8Array): string | undefined {
  const body = unseal(value, TEXT_LAYOUT);
  return body && decoder.decode(body);
}

/** A sealed JSON value, as the small values of all other tables are. */
export const sealJson = (value: unknown): Uint8Array => sealText(JSON.stringify(value));

/** The value, or `undefined` where there is none or its bytes are damaged. */
export function unsealJson<T>(value: Uint8Array | undefined): T | undefined {
  const text = value && unsealText(value);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

const view = (value: Uint8Array) => new DataView(value.buffer, value.byteOffset, value.byteLength);
