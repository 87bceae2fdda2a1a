/**
 * The units of a text as bytes, as far as they are ASCII: an engine reads an element of an array several times as fast as a unit of a text,
 * whose representation it asks for each.
 */

/** Stands for every unit that is not ASCII. */
const NOT_ASCII = 0xff;
/** A text of fewer is copied unit by unit before the engine's encoder has begun. */
const SHORT = 32;
/** Of UTF-8, for a unit. */
const MAX_UNIT_BYTES = 3;
/** For the texts of most messages; memory for larger ones is not kept. */
const KEPT_BYTES = MAX_UNIT_BYTES * 64 * 1024 + 1;

const encoder = /* @__PURE__ */ new TextEncoder();
const kept = /* @__PURE__ */ new Uint8Array(KEPT_BYTES);

/**
 * The units of `text` from `start` to `end`, and a 0 behind them, in memory that the next call may use again. What stands behind the 0 is of
 * no meaning.
 */
export function asciiUnits(text: string, start: number, end: number): Uint8Array {
  const length = end - start;
  const bytes = MAX_UNIT_BYTES * length + 1;
  const units = bytes <= KEPT_BYTES ? kept : new Uint8Array(bytes);
  if (length >= SHORT) encode(text.slice(start, end), units);
  else {
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(start + i);
      units[i] = unit < 0x80 ? unit : NOT_ASCII;
    }
  }
  units[length] = 0;
  return units;
}

/** By way of UTF-8, whose sequences of several bytes then become the units that they were: two for one of four. */
function encode(text: string, bytes: Uint8Array): void {
  const { written } = encoder.encodeInto(text, bytes);
  if (written === text.length) return;
  let unit = 0;
  for (let i = 0; i < written; ) {
    const byte = bytes[i]!;
    if (byte < 0x80) {
      bytes[unit++] = byte;
      i++;
      continue;
    }
    bytes[unit++] = NOT_ASCII;
    if (byte >= 0xf0) bytes[unit++] = NOT_ASCII;
    i += byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
  }
}
