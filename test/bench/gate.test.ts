/**
 * The gate against slowness: CPU of the built hub for one delivery, held against a raw loop over `ws` of the same second. Ratios only,
 * with margins of about two: a machine's speed, and who else is on it, change both sides. The best of three tries counts.
 *
 * Seen to fail: the same comparison with a hub that runs without Node's compilers and inline caches is beyond the margin.
 */
import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../bench/scenarios/index.ts';
import { Limit } from '../../bench/systems/limits.ts';
import { Ringhub } from '../../bench/systems/ringhub.ts';
import type { System } from '../../bench/systems/system.ts';

const TRIES = 3;
const OPTIONS = { warmUpSeconds: 0.2, seconds: 0.3, subscribers: 50 };
const RAW = new Limit('limit-ws', 'ws', 'bench/systems/limit-ws-server.ts');
const HUB = new Ringhub('ws', 'json');
const SLOW_HUB = new Ringhub('ws', 'json', { nodeArgs: ['--no-opt', '--no-sparkplug', '--no-use-ic'] });

/** CPU for a delivery by the hub ÷ by the raw loop, at most; about twice what is reached now. */
const GATES = [
  { name: 'S1max', atMost: 1 },
  { name: 'S3', atMost: 6 },
  { name: 'S5', atMost: 0.6 },
] as const;

async function ratio(name: string, hub: System): Promise<number> {
  const scenario = SCENARIOS.find((one) => one.name === name)!;
  const own = await scenario.run(hub, OPTIONS);
  const raw = await scenario.run(RAW, OPTIONS);
  expect(own.missing).toBe(0);
  return own.serverUsPerDelivery! / raw.serverUsPerDelivery!;
}

async function best(name: string, hub: System, atMost: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && !(least <= atMost); tries++) {
    least = Math.min(least, await ratio(name, hub));
  }
  return least;
}

describe('CPU of a delivery against a raw loop over ws', () => {
  it.each(GATES)('$name: at most $atMost of it', async ({ name, atMost }) => {
    expect(await best(name, HUB, atMost)).toBeLessThanOrEqual(atMost);
  });

  it('is beyond that with a hub that is slow', async () => {
    const { atMost } = GATES[2];
    let most = 0;
    // A raw loop that was disturbed makes any hub look fast.
    for (let tries = 0; tries < TRIES && most <= atMost; tries++) {
      most = Math.max(most, await ratio('S5', SLOW_HUB));
    }
    expect(most).toBeGreaterThan(atMost);
  });
});
