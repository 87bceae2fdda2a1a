/**
 * Texts read lately: keys, exchange and header names come again and again, and finding one is several times
 * cheaper than decoding it. A found text is also the same string as before, with its hash at hand for a Map.
 *
 * A table of fixed size, one text a slot, the latest wins. Short ASCII only, so that it stays small and a
 * text can be compared with bytes unit by unit.
 */
const SLOTS = 512;
const MAX_LENGTH = 48;

export class ShortTexts {
  private readonly slots = new Array<string>(SLOTS).fill('');

  /** The text of `length` bytes from `at` on, or `undefined` where it is long or not ASCII. */
  read(bytes: Uint8Array, at: number, length: number): string | undefined {
    if (length > MAX_LENGTH) return undefined;
    let hash = length;
    let all = 0;
    const end = at + length;
    for (let i = at; i < end; i++) {
      const byte = bytes[i]!;
      all |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (all >= 0x80) return undefined;
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
    const known = this.slots[slot]!;
    if (isSame(known, bytes, at, length)) return known;
    const text = textOf(bytes, at, length);
    this.slots[slot] = text;
    return text;
  }

  /** The text of `length` units of printable ASCII from `at` on, by a hash of them, or `undefined` where it is long. */
  find(text: string, at: number, length: number, hash: number): string | undefined {
    if (length > MAX_LENGTH) return undefined;
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
    const known = this.slots[slot]!;
    if (isPart(known, text, at, length)) return known;
    const units = new Array<number>(length);
    for (let i = 0; i < length; i++) units[i] = text.charCodeAt(at + i);
    // Not a slice, which would keep the whole message in memory.
    const found = String.fromCharCode.apply(null, units);
    this.slots[slot] = found;
    return found;
  }
}

/** By way of an array: several times faster than from the bytes directly. */
function textOf(bytes: Uint8Array, at: number, length: number): string {
  const units = new Array<number>(length);
  for (let i = 0; i < length; i++) units[i] = bytes[at + i]!;
  return String.fromCharCode.apply(null, units);
}

function isSame(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}

function isPart(known: string, text: string, at: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known.charCodeAt(i) !== text.charCodeAt(at + i)) return false;
  return true;
}
