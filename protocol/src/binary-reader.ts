/**
 * A walk over the bytes of one WebSocket message.
 *
 * Every read is checked against the end of the innermost open block; nothing is allocated from a length that
 * a peer declared, and what is handed out never shares the message's memory. Damage throws {@link DAMAGED},
 * which the two codecs catch: nothing of it gets outward.
 */
import type { ShortTexts } from './short-texts.ts';

/** Thrown, and caught by the codec that called. A constant, so that damage costs no stack trace. */
export const DAMAGED = Symbol('damaged');

/**
 * Stands for text that is not UTF-8: a lone surrogate, which real UTF-8 cannot give, and which every check of
 * a client's field refuses as it refuses one in JSON.
 */
const ILL_FORMED = '\ud800';

/** Not a fatal one, although it is as strict: what that throws would cost more than a thousand good bytes. */
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });
const REPLACEMENT = '\ufffd';

const MAX_VARINT_BYTES = 8;
const U32 = 0x1_0000_0000;

export class ByteReader {
  #bytes: Uint8Array;
  #view: DataView | undefined;
  readonly #texts: ShortTexts;
  readonly #illFormed: 'damages' | 'is-marked';
  #position = 0;
  #end: number;

  /** @param illFormed whether text that is not UTF-8 is damage, or for the check of its field to refuse */
  constructor(message: Uint8Array, texts: ShortTexts, illFormed: 'damages' | 'is-marked') {
    // A plain view: Node's Buffer has methods of the same names that share memory.
    this.#bytes = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    this.#texts = texts;
    this.#illFormed = illFormed;
    this.#end = message.byteLength;
  }

  /** Takes what is left into memory of its own; between blocks only. */
  keep(): void {
    this.#bytes = this.#bytes.slice(this.#position);
    this.#view = undefined;
    this.#position = 0;
    this.#end = this.#bytes.length;
  }

  get atEnd(): boolean {
    return this.#position === this.#end;
  }

  /** Reads a length (u32) and limits all reads to as many bytes; returns what `leave` wants. */
  enter(): number {
    const length = this.u32();
    const outer = this.#end;
    if (length > this.#left) throw DAMAGED;
    this.#end = this.#position + length;
    return outer;
  }

  /** Passes over the rest of the block: fields of a later version. */
  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  u8(): number {
    if (this.#position >= this.#end) throw DAMAGED;
    return this.#bytes[this.#position++]!;
  }

  u32(): number {
    const bytes = this.#bytes;
    const at = this.#take(4);
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  /** At most 2^53 − 1. */
  u64(): number {
    const high = this.u32();
    if (high >= 0x20_0000) throw DAMAGED;
    return high * U32 + this.u32();
  }

  f64(): number {
    const at = this.#take(8);
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view.getFloat64(at);
  }

  /** At most 2^53 − 1, and in as few bytes as it needs. */
  varint(): number {
    let byte = this.u8();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < MAX_VARINT_BYTES; i++) {
      byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw DAMAGED;
  }

  /** How many elements follow, each of `minBytes` at least. */
  count(minBytes: number): number {
    const count = this.varint();
    if (count * minBytes > this.#left) throw DAMAGED;
    return count;
  }

  /** A copy of bytes behind their length. */
  block(): Uint8Array {
    const length = this.varint();
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** Text behind its length. */
  text(): string {
    const length = this.varint();
    const at = this.#take(length);
    return this.#texts.read(this.#bytes, at, length) ?? this.#decode(at, length);
  }

  /** The rest of the block as text. */
  restAsText(): string {
    const length = this.#left;
    const at = this.#take(length);
    return this.#texts.read(this.#bytes, at, length) ?? this.#decode(at, length);
  }

  /** A copy of the rest of the block. */
  rest(): Uint8Array {
    const left = this.#left;
    const at = this.#take(left);
    return this.#bytes.slice(at, at + left);
  }

  /** What stands for a text that cannot be read. */
  noText(): string {
    if (this.#illFormed === 'damages') throw DAMAGED;
    return ILL_FORMED;
  }

  /** Bytes left in the innermost block. */
  get #left(): number {
    return this.#end - this.#position;
  }

  #decode(at: number, length: number): string {
    const bytes = this.#bytes.subarray(at, at + length);
    const text = decoder.decode(bytes);
    return text.includes(REPLACEMENT) && wasReplaced(text, bytes) ? this.noText() : text;
  }

  /** Moves on by `length` bytes; returns where they begin. */
  #take(length: number): number {
    const at = this.#position;
    if (length > this.#end - at) throw DAMAGED;
    this.#position = at + length;
    return at;
  }
}

/** Whether a text has more replacement characters than were sent: then bytes that are no UTF-8 became some of them. */
function wasReplaced(text: string, bytes: Uint8Array): boolean {
  let left = text.split(REPLACEMENT).length - 1;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0xef && bytes[i + 1] === 0xbf && bytes[i + 2] === 0xbd) left--;
  }
  return left > 0;
}
