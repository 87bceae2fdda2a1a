/** The comparison itself: it finds what it is made to find. Held against a hub here, whose faults are those that were planted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ORDER_LEFT_OPEN, play, table } from './comparison.ts';
import { DIFFERENCES } from './differences.ts';
import { FAULT_NAMES, FAULTS, type FaultName } from './faults.ts';
import { topologyOf } from './generate.ts';
import type { Outcome } from './outcome.ts';
import { outcomesOf, RecordedBroker } from './recorded-broker.ts';
import { shrink } from './shrink.ts';
import type { Topology } from './topology.ts';

const SEEDS = 150;
/** Of faults that need a rare topology: a few seeds before the first that has one. */
const FROM: Partial<Record<FaultName, number>> = {
  'deaths-in-order': 28,
  'hash-needs-a-word': 46,
  'left-over-stays': 90,
};
const PAGE = join(import.meta.dirname, '../../../docs/differences-from-rabbitmq.md');

/** What a hub without a fault makes of a seed, once for all faults. */
const sound = new Map<number, readonly Outcome[]>();

function soundOf({ seed }: Topology): readonly Outcome[] {
  const known = sound.get(seed) ?? outcomesOf(topologyOf(seed));
  sound.set(seed, known);
  return known;
}

/** Whether a hub with a fault does something else than one without. */
async function isTold(topology: Topology, fault: FaultName, outcomes = soundOf(topology)): Promise<boolean> {
  const takeOut = FAULTS[fault].plant();
  try {
    return (await play(topology, new RecordedBroker(outcomes), 't-')).differs;
  } finally {
    takeOut();
  }
}

describe('the comparison', () => {
  it('makes the same of a seed each time', () => {
    expect(topologyOf(7)).toEqual(topologyOf(7));
    expect(topologyOf(7)).not.toEqual(topologyOf(8));
  });

  it('finds no difference between a hub and itself', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const topology = topologyOf(seed);
      const verdict = await play(topology, new RecordedBroker(soundOf(topology)), 't-');
      if (verdict.differs) expect(table(verdict)).toEqual([]);
    }
  });

  it.each(FAULT_NAMES)('finds a planted fault: %s', async (fault) => {
    let seed = FROM[fault] ?? 1;
    while (seed <= SEEDS && !(await isTold(topologyOf(seed), fault))) seed++;
    expect(seed).toBeLessThanOrEqual(SEEDS);
  });

  it('makes what differs smaller, to what it takes', async () => {
    const fault = 'hash-needs-a-word';
    let seed = FROM[fault] ?? 1;
    while (!(await isTold(topologyOf(seed), fault))) seed++;
    const { operations } = await shrink(topologyOf(seed), (smaller) =>
      isTold(smaller, fault, outcomesOf(smaller)),
    );
    // An exchange, a queue or two, a binding, and what is published.
    expect(operations.length).toBeLessThanOrEqual(6);
    expect(operations.map(({ does }) => does)).toEqual(
      expect.arrayContaining(['declare-exchange', 'publish']),
    );
  });

  it('knows no difference that is not explained, and the other way round', () => {
    const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| `([a-z-]+)` \|/gm);
    const explained = [...rows].map(([, name]) => name);
    expect(explained.sort()).toEqual([...DIFFERENCES.map(({ name }) => name), ORDER_LEFT_OPEN].sort());
  });
});
