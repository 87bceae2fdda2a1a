/**
 * What patterns made to be expensive cost (X5): `node scripts/run-ts.mjs bench/pattern-bomb.ts [--rounds 2000]`
 *
 * A cold match, without the cache of results. `one` is the pattern `#.*.#` alone; `mixed` are as many patterns as it says, of two `#` and up to 28
 * wildcards, each with a word of its own. Keys are words that match, or that nearly do. Besides 32 words, the most that a key may have, the trie
 * is given 128, which never come in. Time grows with the words, and with the nodes that stay active, not with the ways in which two
 * `#` can share the words: the last column is the time over that of the same with half the words.
 */
import { parseArgs } from 'node:util';
import { TopicTrie, type TrieEntry } from '../server/src/core/topic-trie.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '2000' } } });
const ROUNDS = Number(values.rounds);
const WANTED_US = 50;

const words = (count: number, word: string): string[] => Array<string>(count).fill(word);

function trieOf(patterns: number): TopicTrie<TrieEntry> {
  const trie = new TopicTrie<TrieEntry>();
  if (patterns === 1) trie.add({ words: ['#', '*', '#'] });
  else for (let i = 0; i < patterns; i++) trie.add({ words: ['#', ...words(i % 28, '*'), `w${i}`, '#'] });
  return trie;
}

/** What three quarters of the rounds stay below, in µs. */
function matchUs(trie: TopicTrie<TrieEntry>, key: readonly string[]): number {
  for (let i = 0; i < ROUNDS; i++) trie.match(key);
  const times = Array.from({ length: ROUNDS }, () => {
    const startNs = process.hrtime.bigint();
    trie.match(key);
    return Number(process.hrtime.bigint() - startNs) / 1_000;
  }).sort((a, b) => a - b);
  return times[Math.floor(ROUNDS * 0.75)] as number;
}

const rows: string[] = [];
let slowestUs = 0;
for (const patterns of [1, 1_000, 100_000]) {
  const trie = trieOf(patterns);
  for (const [kind, word] of [
    ['matching', 'w1'],
    ['nearly', 'w'],
  ] as const) {
    for (const length of [32, 128]) {
      const us = matchUs(trie, words(length, word));
      const half = matchUs(trie, words(length / 2, word));
      if (length === 32 || patterns === 1) slowestUs = Math.max(slowestUs, us);
      rows.push(
        `${patterns === 1 ? 'one' : `mixed ${patterns}`}`.padEnd(14) +
          `${kind.padEnd(10)}${String(length).padStart(5)} words ${us.toFixed(1).padStart(8)} µs ${(us / half).toFixed(1).padStart(6)} ×`,
      );
    }
  }
}
console.log(rows.join('\n'));
console.log(
  `slowest of what comes in, and of one pattern with 128 words: ${slowestUs.toFixed(1)} µs; wanted ${WANTED_US}`,
);
