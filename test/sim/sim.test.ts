/**
 * The promise, held against chance: many seeds of the simulation, and planted faults that the checks must find. More
 * seeds, and the trace of one: `node scripts/run-ts.mjs test/sim/run.ts --help`.
 */
import { describe, expect, it } from 'vitest';
import { FAULTS, type FaultName, faultNamed } from './faults.ts';
import { REGRESSION_SEEDS } from './regression-seeds.ts';
import { playSeed } from './seed.ts';

const SEEDS = 200;
const SEEDS_A_TEST = 10;
/** Of the time of trouble that a seed draws: all of it takes twice as long and finds little more. `run.ts` plays all. */
const SHARE = 0.5;
/** A fault has to be found within so many seeds. */
const SEEDS_FOR_A_FAULT = 20;

/**
 * Which invariants may be the first to break, and the seed to begin with: one that found it when this was written, as those
 * before it need not be played each time.
 */
const FOUND_BY: Record<FaultName, readonly [invariants: RegExp, from: number]> = {
  'silent-drop': [/^(told|gap-exact|mark|accounted|snapshot)$/, 2],
  'no-resend': [/^(client-tags|resend|cursor|drained|accounted)$/, 14],
  'ack-on-receipt': [/^(ack-processed|cursor)$/, 1],
  'cursor-ahead': [/^(cursor|start|epoch-once)$/, 2],
  'early-confirm': [/^(confirmed|refused|log-once)$/, 7],
  'double-settle': [/^(ledger|hub-fault)$/, 14],
  'silent-trim': [/^(told|gap-exact|mark|accounted)$/, 6],
  'forgotten-ids': [/^log-once$/, 7],
  'held-for-ever': [/^budget$/, 4],
  'stale-route': [/^(routing|binding)$/, 17],
  'old-records': [/^(binding|history|start)$/, 10],
  'copy-each-way': [/^(sent-once|queue-order|gap-exact)$/, 10],
  'alternate-always': [/^(routing|binding|history|gap-exact)$/, 10],
  'history-hole': [/^history$/, 4],
  'id-ahead': [/^(listen|start)$/, 17],
};

const fault = faultNamed(process.env.RINGHUB_SIM_FAULT);

/** What 200 seeds must have come across, or they prove little. */
const WORTH_REACHING = [
  ...['overflow', 'refused', 'slow-consumer', 'session-bytes', 'memory', 'expired'].map((r) => `gap ${r}`),
  ...['redelivery-limit', 'not-received', 'trimmed', 'epoch', 'several'].map((r) => `gap ${r}`),
  ...['draining', 'taken-over', 'slow-consumer', 'heartbeat-timeout', 'session-evicted'].map(
    (n) => `close ${n}`,
  ),
  ...[
    'note replaced',
    'note redelivered',
    'resumed',
    'begun anew',
    'confirm duplicate',
    'refused unroutable',
  ],
  ...['bind number', 'unbind number', 'bind string', 'unbind string', 'delete', 'declared anew'],
  ...['publish through several exchanges', 'listened', 'listened again', 'listener closed draining'],
  ...['forward', 'back', 'ranges', 'more', 'trimmed', 'epoch'].map((what) => `history ${what}`),
];
const reached = new Set<string>();

async function failuresOf(seeds: readonly number[], share = 1): Promise<string[]> {
  const failures: string[] = [];
  for (const seed of seeds) {
    const { violation, trace, reached: came } = await playSeed(seed, fault, share);
    for (const what of came.keys()) reached.add(what);
    if (violation) failures.push([`seed ${seed}: ${violation.message}`, ...trace.slice(-30)].join('\n'));
  }
  return failures;
}

describe('the simulation', () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    const to = from + SEEDS_A_TEST - 1;
    it(`keeps every promise in seeds ${from} to ${to}`, async () => {
      const seeds = Array.from({ length: SEEDS_A_TEST }, (_, i) => from + i);
      expect(await failuresOf(seeds, SHARE)).toEqual([]);
    });
  }

  it('keeps them in seeds that once failed', async () => {
    const seeds = REGRESSION_SEEDS.map(([seed]) => seed).filter((seed) => seed > SEEDS);
    expect(await failuresOf(seeds)).toEqual([]);
  });

  it('came across every kind of trouble in them', () => {
    expect(WORTH_REACHING.filter((what) => !reached.has(what))).toEqual([]);
  });

  it('runs the same way each time', async () => {
    for (const seed of [7, 8, 9]) {
      const first = await playSeed(seed, fault, SHARE);
      const second = await playSeed(seed, fault, SHARE);
      expect(second.hash).toBe(first.hash);
      expect(second.steps).toBe(first.steps);
      expect((await playSeed(seed + 1_000, fault, SHARE)).hash).not.toBe(first.hash);
    }
  });
});

describe('a planted fault is found', () => {
  it.each(Object.entries(FOUND_BY))('%s', async (name, [invariants, from]) => {
    for (let seed = from; seed < from + SEEDS_FOR_A_FAULT; seed++) {
      const { violation } = await playSeed(seed, FAULTS[name as FaultName]);
      if (!violation) continue;
      console.log(`${name} (${FAULTS[name as FaultName].about}): seed ${seed}, by ${violation.invariant}`);
      expect(violation.invariant).toMatch(invariants);
      return;
    }
    expect.unreachable(`nothing found ${name} in ${SEEDS_FOR_A_FAULT} seeds from ${from}`);
  });
});
