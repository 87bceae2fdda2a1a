/**
 * Bytes on their way into binary frames: a buffer that grows by doubling and is used again after `reset`.
 *
 * It writes what it is given and checks nothing: its callers write values of this program, not of a peer.
 * Numbers are counts up to 2^53 − 1; a lone surrogate is written as U+FFFD.
 */
import { HEAD_BYTES } from './binary-layout.ts';

const encoder = /* @__PURE__ */ new TextEncoder();

const INITIAL_BYTES = 512;
/** A buffer that grew larger than this is not kept for the next use. */
const MAX_KEPT_BYTES = 512 * 1024;
/** Up to here a loop is faster than a call of the encoder. */
const MAX_LOOPED = 32;
const U32 = 0x1_0000_0000;

/** Writes the UTF-8 of a text, which has room, and returns how many bytes it took. */
export type WriteUtf8 = (text: string, bytes: Uint8Array, at: number) => number;

const writeUtf8: WriteUtf8 = (text, bytes, at) => encoder.encodeInto(text, bytes.subarray(at)).written;

export class ByteWriter {
  readonly #writeUtf8: WriteUtf8;
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** @param utf8 where there is a faster way than the one that is there everywhere */
  constructor(utf8: WriteUtf8 = writeUtf8) {
    this.#writeUtf8 = utf8;
  }

  /** Begins anew; what `subarray` gave before is overwritten from now on. */
  reset(): void {
    this.length = 0;
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#replaceBuffer(INITIAL_BYTES);
  }

  /** Begins anew, as `reset`, but what was written stands until it is written over: `restore` takes it back. */
  restart(): void {
    this.length = 0;
  }

  /** Takes back what was written before `restart`, up to `length`; nothing may have been written since. */
  restore(length: number): void {
    this.length = length;
  }

  /** All of the buffer, to overwrite what was written. */
  get buffer(): Uint8Array {
    return this.#bytes;
  }

  /** Whether a view is one of the buffer that is written to now. */
  isIn(view: Uint8Array): boolean {
    return view.buffer === this.#bytes.buffer;
  }

  /**
   * Begins behind what was written, which is not overwritten any more, or in a new buffer of `size` bytes where fewer
   * than `room` are left; returns where.
   */
  next(room: number, size: number): number {
    if (this.#bytes.length - this.length >= room) return this.length;
    this.length = 0;
    this.#replaceBuffer(Math.max(room, size));
    return 0;
  }

  /** What was written from `start` on, without a copy: it holds until the next write or reset. */
  subarray(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.length);
  }

  /** A copy of what was written from `start` on. */
  slice(start = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(start, this.length);
  }

  /** Writes the head of a frame or an item; `end` with what this returns writes the length of its body. */
  begin(kind: number): number {
    const start = this.length;
    this.u8(kind);
    this.#reserve(4);
    this.length += 4;
    return start;
  }

  end(start: number): void {
    this.#view.setUint32(start + 1, this.length - start - HEAD_BYTES);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  u64(value: number): void {
    this.#reserve(8);
    patchU64(this.#bytes, this.length, value);
    this.length += 8;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** Seven bits a byte, the lowest first; all but the last have their top bit set. */
  varint(value: number): void {
    this.#reserve(8);
    const bytes = this.#bytes;
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Length and bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Length and UTF-8 of a text. */
  text(text: string): void {
    if (text.length <= MAX_LOOPED && this.#shortText(text)) return;
    const start = this.length;
    // Behind the length of as many bytes as units, which is right for ASCII; otherwise it is put right.
    this.varint(text.length);
    const from = this.length;
    const written = this.utf8(text);
    if (written === text.length) return;
    const shift = varintBytes(written) - (from - start);
    this.#reserve(shift);
    if (shift > 0) this.#bytes.copyWithin(from + shift, from, this.length);
    const end = this.length + shift;
    this.length = start;
    this.varint(written);
    this.length = end;
  }

  /** The UTF-8 of a text, without a length; returns how many bytes it took. */
  utf8(text: string): number {
    this.#reserve(text.length * 3);
    const written = this.#writeUtf8(text, this.#bytes, this.length);
    this.length += written;
    return written;
  }

  /** Writes a short text of ASCII; false, and nothing written, for any other. */
  #shortText(text: string): boolean {
    this.#reserve(MAX_LOOPED + 1);
    const bytes = this.#bytes;
    const start = this.length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[start + 1 + i] = unit;
    }
    bytes[start] = text.length;
    this.length = start + 1 + text.length;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#replaceBuffer(Math.max(needed, before.length * 2));
    this.#bytes.set(before.subarray(0, this.length));
  }

  #replaceBuffer(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) bytes++;
  return bytes;
}

/** Overwrites a fixed-width number in bytes written before. */
export function patchU64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / U32);
  const low = value % U32;
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = high >>> (24 - 8 * i);
    bytes[at + 4 + i] = low >>> (24 - 8 * i);
  }
}
