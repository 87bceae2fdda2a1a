/**
 * Which setting somebody meant who wrote one that does not exist.
 */

/** The key that differs least, if it differs by little; the first of equals. */
export function nearestKey(written: string, keys: readonly string[]): string | undefined {
  const wanted = bare(written);
  let nearest: string | undefined;
  // Half of a word is another word.
  let best = Math.min(3, Math.ceil(wanted.length / 2));
  for (const key of keys) {
    const distance = editDistance(wanted, bare(key));
    if (distance < best) [nearest, best] = [key, distance];
  }
  return nearest;
}

/** However words are joined and capitals are set. */
const bare = (key: string): string => key.toLowerCase().replace(/[_-]/g, '');

/** Characters to insert, remove, replace or swap with their neighbour to make one text of the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let distance = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
