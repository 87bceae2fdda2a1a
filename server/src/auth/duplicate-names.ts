/**
 * Whether a JSON text names a member of an object twice.
 *
 * `JSON.parse` takes the last one, other readers the first: of a token that says two things, who made it and who reads
 * it may not mean the same one. Linear, and only for text that `JSON.parse` has accepted.
 */

export function hasDuplicateNames(json: string): boolean {
  /** Names seen in each object that is open; `undefined` for an array. */
  const open: (Set<string> | undefined)[] = [];
  let isName = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '{':
        open.push(new Set());
        isName = true;
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        isName = false;
        break;
      case ',':
        isName = open.at(-1) !== undefined;
        break;
      case ':':
        isName = false;
        break;
      case '"': {
        const end = endOfString(json, at);
        const names = open.at(-1);
        if (isName && names) {
          // Two spellings of one name are one name.
          const name = JSON.parse(json.slice(at, end + 1)) as string;
          if (names.has(name)) return true;
          names.add(name);
        }
        at = end;
        break;
      }
      default:
    }
  }
  return false;
}

/** Index of the quote that closes the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
