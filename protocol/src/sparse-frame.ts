/** Which frames of JSON the engine's parser reads the faster: those that are text for the most part. */
import { endOfString } from './json-bounds.ts';
import type { NameBudget } from './name-budget.ts';

/** Where a publish has its payload. */
export const PAYLOAD_AT = 4;

/** A frame of fewer units is read the faster by hand. */
const SHORT = 64;
/** What a frame has at most that the engine's parser reads. */
const SPARSE_CONTAINERS = 4;
const SPARSE_COMMAS = 16;
const SPARSE_NAMES = 8;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Whether the frame between `start` and `end` has few values, and names within the message's budget, which then has them counted. Not one
 * that inlines a value, which stays as it was written.
 */
export function isSparse(json: string, start: number, end: number, budget: NameBudget): boolean {
  if (end - start <= SHORT) return false;
  let depth = 0;
  let containers = 0;
  let commas = 0;
  let fields = 0;
  let names = 0;
  let text = 0;
  const row: string[] | undefined = budget.asksRows ? [] : undefined;
  for (let i = start; i < end; i++) {
    const unit = json.charCodeAt(i);
    if (unit === QUOTE) {
      text = i;
      i = endOfString(json, i);
      if (i < 0 || i >= end) return false;
    } else if (unit === COMMA) {
      if (++commas > SPARSE_COMMAS) return false;
      if (depth === 1) fields++;
    } else if (unit === COLON) {
      if (++names > SPARSE_NAMES) return false;
      row?.push(json.slice(text, i));
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      if (++containers > SPARSE_CONTAINERS) return false;
      if (++depth === 2 && fields === PAYLOAD_AT && unit === OPEN_OBJECT && !json.startsWith('{"b64":', i))
        return false;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
  }
  if (row) return budget.takes(row);
  budget.add(names);
  return true;
}
