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
