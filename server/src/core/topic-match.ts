/**
 * Does this one pattern match this key? (PROTOCOL §5)
 *
 * Both come as words, to be compared from the first or from a later one on. `*` takes exactly one word, also an empty one; `#` takes zero or more. Where the words
 * after a `#` do not fit, only the *last* `#` passed needs to take one word more: what an earlier one could
 * take beyond that, the last one can take too. So the work is at most pattern words × key words, whatever the
 * number of `#`, without memory or recursion.
 */
export function topicMatches(
  pattern: readonly string[],
  key: readonly string[],
  patternFrom = 0,
  keyFrom = 0,
): boolean {
  let p = patternFrom;
  let k = keyFrom;
  let lastHash = -1;
  let afterHash = 0;
  while (k < key.length) {
    const word = p < pattern.length ? pattern[p] : undefined;
    if (word === '#') {
      lastHash = p++;
      afterHash = k;
    } else if (word !== undefined && (word === '*' || word === key[k])) {
      p++;
      k++;
    } else if (lastHash >= 0) {
      p = lastHash + 1;
      k = ++afterHash;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === '#') p++;
  return p === pattern.length;
}

/** True where a pattern has `*` or `#` as a word; `a#b` and `*x` are literal. */
export function isWildcard(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern.charCodeAt(at);
    if ((unit === STAR || unit === HASH) && isWordEdge(pattern, at - 1) && isWordEdge(pattern, at + 1)) {
      return true;
    }
  }
  return false;
}

const STAR = 42;
const HASH = 35;
const DOT = 46;

const isWordEdge = (text: string, at: number): boolean =>
  at < 0 || at === text.length || text.charCodeAt(at) === DOT;
