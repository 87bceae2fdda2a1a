/**
 * Bounds of a JSON text, told before it is parsed: how deep it nests, and how many arrays and objects it has. For its size nothing
 * costs a parser more than these, and what recurs over a parsed value needs its depth to have a bound.
 *
 * One walk over the text, in which strings are passed over whole. What is no JSON is for the parser to refuse.
 */

/** More than a value has that people write. */
export const MAX_JSON_DEPTH = 64;
/** Of one frame: an eighth of what fits 64 KiB. */
export const MAX_JSON_CONTAINERS = 8_192;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** With the bit in which they differ set, `[` is `{`, and `]` is `}`. */
const BRACES = 0x20;
const OPENED = 0x7b;
const CLOSED = 0x7d;

/** Whether a text has more arrays and objects than a frame may, or more within each other. */
export function exceedsJsonBounds(json: string, maxContainers = MAX_JSON_CONTAINERS): boolean {
  // As many brackets do not fit.
  if (json.length <= MAX_JSON_DEPTH) return false;
  let depth = 0;
  let containers = 0;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === QUOTE) {
      i = endOfString(json, i);
      if (i < 0) return false;
    } else if ((unit | BRACES) === OPENED) {
      if (++depth > MAX_JSON_DEPTH || ++containers > maxContainers) return true;
    } else if ((unit | BRACES) === CLOSED) depth--;
  }
  return false;
}

/** Where the string that begins at `start` has its closing quote, or -1. */
export function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

/** How many units the escape has whose backslash stands before `at`; those of a string's end cannot be among them. 0 where it is none. */
export function escapeLength(json: string, at: number): number {
  const letter = json[at] ?? '';
  if (letter === 'u') return HEX.test(json.slice(at + 1, at + 5)) ? 5 : 0;
  return letter !== '' && '"\\/bfnrt'.includes(letter) ? 1 : 0;
}

const HEX = /^[\da-f]{4}$/i;
