/**
 * The patterns of S2: ten thousand over a thousand connections, six in ten without a wildcard, and keys that hardly ever
 * come twice, so that routing is paid for. A message matches 4.35 on average; how many exactly is counted here, by
 * arithmetic, not by asking a system.
 */
import { seededRandom } from '../support/seeded-random.ts';

export const CONNECTIONS = 1_000;
export const PATTERNS_EACH = 10;

/** Words at each of the three places of a key. */
const WORDS = 100;

export interface ManyPatterns {
  /** Of each connection. */
  readonly patterns: readonly (readonly string[])[];
  /** A key as `site.device.metric`, and how many connections want it. */
  next(): readonly [key: string, deliveries: number];
}

export function manyPatterns(seed: number): ManyPatterns {
  const random = seededRandom(seed);
  const word = (): number => Math.floor(random() * WORDS);
  const patterns: string[][] = [];
  const count = new Map<string, number>();
  for (let i = 0; i < CONNECTIONS; i++) {
    const own = new Set<string>();
    // One connection is sent a message once, whichever of its patterns match: so they must not overlap.
    const site = word();
    if (i % 5 < 2) own.add(`s${site}.#`);
    const other = (): number => (site + 1 + Math.floor(random() * (WORDS - 1))) % WORDS;
    while (own.size < 4) own.add(`s${other()}.d${word()}.*`);
    while (own.size < PATTERNS_EACH) own.add(`s${other()}.d${word()}.m${word()}`);
    patterns.push(withoutOverlap([...own]));
    for (const pattern of patterns[i]!) count.set(pattern, (count.get(pattern) ?? 0) + 1);
  }
  const of = (pattern: string): number => count.get(pattern) ?? 0;
  return {
    patterns,
    next: () => {
      const [s, d, m] = [word(), word(), word()];
      const key = `s${s}.d${d}.m${m}`;
      return [key, of(`s${s}.#`) + of(`s${s}.d${d}.*`) + of(key)];
    },
  };
}

/** Leaves out what a wider pattern of the same connection takes in. */
function withoutOverlap(patterns: readonly string[]): string[] {
  return patterns.filter(
    (pattern) =>
      !patterns.some(
        (wide) => wide !== pattern && wide.endsWith('.*') && pattern.startsWith(wide.slice(0, -1)),
      ),
  );
}
