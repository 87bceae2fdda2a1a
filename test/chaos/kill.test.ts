/** A hub killed twenty times while it confirms and delivers; `kill-run.ts` does that 200 times, and longer. */
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../server/support/seeded-random.ts';
import { killRounds } from './kill.ts';
import { ChaosPlace } from './programs.ts';

const seed = Math.floor(Math.random() * 1e6);
const place = new ChaosPlace();
// Twenty starts of a process: a machine that is busy with other tests takes its time.
const DEADLINE_MS = 600_000;
const load = { minLoadMs: 50, maxLoadMs: 200, maxPerSecond: 1_500, earlyKills: 0.1 };

afterAll(() => place.remove());

describe(`a hub killed again and again (seed ${seed})`, () => {
  it(
    'loses nothing that it confirmed, and its books are exact after every start',
    async () => {
      const result = await killRounds(place, { rounds: 20, random: seededRandom(seed), ...load });
      const { confirmed, redeliveries, resentKnown, readyMs } = result;
      console.log(JSON.stringify({ confirmed, redeliveries, resentKnown, readyMs }));
      expect(result.told).toEqual([]);
      expect(result.missing).toEqual([]);
      expect(result.confirmed).toBeGreaterThan(1_000);
    },
    DEADLINE_MS,
  );

  it(
    'would be seen to lose what it confirms before it is on disk',
    async () => {
      const random = seededRandom(seed + 1);
      const result = await killRounds(place, {
        rounds: 4,
        random,
        ...load,
        // So much that some of it is always on its way to the disk.
        maxPerSecond: 12_000,
        earlyKills: 0,
        fault: 'early-confirm',
      });
      expect(result.missing.length).toBeGreaterThan(0);
    },
    DEADLINE_MS,
  );
});
