/** A few of the power cuts and damages that `power-cut.ts` has many of. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutPower, damage, type StoreRun, tracedRun } from './power-cut.ts';
import { ChaosPlace } from './programs.ts';

const seed = Math.floor(Math.random() * 1e6);
const place = new ChaosPlace();
let run: StoreRun;

beforeAll(async () => {
  run = await tracedRun(place, { seed, batches: 60 });
});
afterAll(() => place.remove());

describe(`a store in LMDB (seed ${seed})`, () => {
  it('was traced: every batch, its writes, and syncs', () => {
    const said = run.events.flatMap((event) => (event.kind === 'said' ? [event.text] : []));
    expect(said.filter((text) => text.startsWith('done '))).toHaveLength(60);
    const count = (kind: string) => run.events.filter((event) => event.kind === kind).length;
    // Four batches a transaction, and of each at least a page and the meta page.
    expect(count('sync')).toBeGreaterThanOrEqual(15);
    expect(count('write')).toBeGreaterThanOrEqual(2 * count('sync'));
  });

  it('has after any power cut all that was confirmed, whole batches, and works on', async () => {
    const { counts, details } = await cutPower(place, run, 60);
    expect(details).toEqual([]);
    expect(counts).toEqual({ sound: 60 });
  });

  it('would be seen to lose what is confirmed without a sync', async () => {
    const unsafe = await tracedRun(place, { seed: seed + 1, batches: 60, unsafeNoSync: true });
    const { counts } = await cutPower(place, unsafe, 20);
    expect(counts.sound ?? 0).toBeLessThan(20);
    expect((counts.missing ?? 0) + (counts.damaged ?? 0) + (counts.wrong ?? 0)).toBeGreaterThan(0);
  });

  it('has damage found before anything of it is believed', async () => {
    const { counts, details } = await damage(place, run, 60);
    expect(details).toEqual([]);
    expect(counts.found).toBeGreaterThan(20);
    expect((counts.found ?? 0) + (counts.harmless ?? 0)).toBe(60);
  });
});
