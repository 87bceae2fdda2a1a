/**
 * The definition of topic matching (PROTOCOL §5), as short as it can be said; slow, recursive and independent of
 * what it tests.
 */
export function matchesByDefinition(pattern: string, key: string): boolean {
  return wordsMatch(words(pattern), words(key));
}

const words = (text: string): string[] => (text === '' ? [] : text.split('.'));

/** The same of words; a key of one empty word, which cannot be written, has one word here. */
export function wordsMatch(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return key.length === 0;
  if (first === '#') return wordsMatch(rest, key) || (key.length > 0 && wordsMatch(pattern, key.slice(1)));
  return key.length > 0 && (first === '*' || first === key[0]) && wordsMatch(rest, key.slice(1));
}
