/**
 * Named queues and durable exchanges, held against chance: workers and hubs that die, a disk that loses what was not
 * synced, and planted faults that the account must find.
 */
import { describe, expect, it } from 'vitest';
import { WORK_FAULTS, type WorkFaultName } from './work-faults.ts';
import { playWork } from './work-simulation.ts';

const SEEDS = 100;
const SEEDS_A_TEST = 10;
/** A fault has to be found within so many seeds. */
const SEEDS_FOR_A_FAULT = 40;

/** Which invariants may be the first to break. */
const FOUND_BY: Record<WorkFaultName, RegExp> = {
  'confirm-before-flush': /^(lost|shown|books|redelivered|drained|hub-fault)$/,
  'ack-not-stored': /^(books|redelivered|hub-fault|drained|lost)$/,
  'lost-dead-letter': /^(lost|drained)$/,
  'unmarked-delivery': /^redelivered$/,
};

const WORTH_REACHING = [
  'hub killed',
  'hub restarted',
  'disk stalled',
  'worker killed',
  'connection cut',
].concat(['dead letters', 'no dead letters', 'redelivered']);
const reached = new Set<string>();

describe('work on named queues', () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    it(`keeps every promise in seeds ${from} to ${from + SEEDS_A_TEST - 1}`, async () => {
      const failures: string[] = [];
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++) {
        const { violation, trace, reached: came } = await playWork(seed);
        for (const what of came.keys()) reached.add(what);
        if (violation) failures.push([`seed ${seed}: ${violation.message}`, ...trace.slice(-30)].join('\n'));
      }
      expect(failures).toEqual([]);
    });
  }

  it('came across every kind of trouble in them', () => {
    expect(WORTH_REACHING.filter((what) => !reached.has(what))).toEqual([]);
  });

  it('runs the same way each time', async () => {
    for (const seed of [3, 4]) {
      const first = await playWork(seed);
      const second = await playWork(seed);
      expect([second.hash, second.steps]).toEqual([first.hash, first.steps]);
    }
  });
});

describe('a planted fault is found', () => {
  it.each(Object.entries(FOUND_BY))('%s', async (name, invariants) => {
    const fault = WORK_FAULTS[name as WorkFaultName];
    for (let seed = 1; seed <= SEEDS_FOR_A_FAULT; seed++) {
      const { violation } = await playWork(seed, fault);
      if (!violation) continue;
      console.log(`${name} (${fault.about}): seed ${seed}, by ${violation.invariant}`);
      expect(violation.invariant).toMatch(invariants);
      return;
    }
    expect.unreachable(`nothing found ${name} in ${SEEDS_FOR_A_FAULT} seeds`);
  });
});
