/**
 * Many patterns of which hardly any are wanted: each message goes to four of a hundred connections, with a key that never came before,
 * whatever else is bound. So what a delivery costs by the number of patterns is what finding them costs.
 */
import { seededRandom } from '../support/seeded-random.ts';
import type { ManyPatterns } from './many-patterns.ts';

export const CONNECTIONS = 100;
/** Connections that want the same. */
const GROUP = 4;

/** @param count of all patterns, of which one a connection is ever met; 100 and more */
export function idlePatterns(count: number): ManyPatterns {
  const random = seededRandom(1);
  const groups = CONNECTIONS / GROUP;
  const patterns = Array.from({ length: CONNECTIONS }, (_, i) => [`load.g${i % groups}.*`]);
  for (let i = 0; i < count - CONNECTIONS; i++) patterns[i % CONNECTIONS]!.push(idlePattern(i));
  let key = 0;
  return { patterns, next: () => [`load.g${Math.floor(random() * groups)}.n${key++}`, GROUP] };
}

/** Six in ten without a wildcard, as in S2. */
function idlePattern(i: number): string {
  switch (i % 10) {
    case 6:
    case 7:
      return `s${i % 97}.*.m${i}`;
    case 8:
      return `s${i % 97}.d${i}.#`;
    case 9:
      return `#.d${i}`;
    default:
      return `s${i % 97}.d${i}.m${i}`;
  }
}
