/**
 * Names of exchanges and queues in permissions: `*` stands for any characters, none and dots included (PROTOCOL §21).
 *
 * The work is at most length of the pattern × length of the name; there is no RegExp and no recursion.
 */
const STAR = 42;

export function nameMatches(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let lastStar = -1;
  let afterStar = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern.charCodeAt(p) === STAR) {
      lastStar = p++;
      afterStar = n;
    } else if (p < pattern.length && pattern.charCodeAt(p) === name.charCodeAt(n)) {
      p++;
      n++;
    } else if (lastStar >= 0) {
      // What an earlier star could take besides, the last one can take, too.
      p = lastStar + 1;
      n = ++afterStar;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}
