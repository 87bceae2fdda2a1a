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
/** A fault has to be found within so many seeds. */
const SEEDS_FOR_A_FAULT = 20;

/** Which invariants may be the first to break. */
const FOUND_BY: Record<FaultName, RegExp> = {
  'silent-drop': /^(told|gap-exact|mark|accounted|snapshot)$/,
  'no-resend': /^(client-tags|resend|cursor|drained|accounted)$/,
  'ack-on-receipt': /^(ack-processed|cursor)$/,
  'cursor-ahead': /^(cursor|start|epoch-once)$/,
  'early-confirm': /^(confirmed|refused|log-once)$/,
  'double-settle': /^(ledger|hub-fault)$/,
  'silent-trim': /^(told|gap-exact|mark|accounted)$/,
  'forgotten-ids': /^log-once$/,
  'held-for-ever': /^budget$/,
  'stale-route': /^(routing|binding)$/,
  'old-records': /^(binding|history|start)$/,
  'copy-each-way': /^(sent-once|queue-order|gap-exact)$/,
  'alternate-always': /^(routing|binding|history|gap-exact)$/,
  'history-hole': /^history$/,
  'id-ahead': /^(listen|start)$/,
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

async function failuresOf(seeds: readonly number[]): Promise<string[]> {
  const failures: string[] = [];
  for (const seed of seeds) {
    const { violation, trace, reached: came } = await playSeed(seed, fault);
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
      expect(await failuresOf(seeds)).toEqual([]);
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
      const first = await playSeed(seed, fault);
      const second = await playSeed(seed, fault);
      expect(second.hash).toBe(first.hash);
      expect(second.steps).toBe(first.steps);
      expect((await playSeed(seed + 1_000, fault)).hash).not.toBe(first.hash);
    }
  });
});

describe('a planted fault is found', () => {
  it.each(Object.entries(FOUND_BY))('%s', async (name, invariants) => {
    for (let seed = 1; seed <= SEEDS_FOR_A_FAULT; seed++) {
      const { violation } = await playSeed(seed, FAULTS[name as FaultName]);
      if (!violation) continue;
      console.log(`${name} (${FAULTS[name as FaultName].about}): seed ${seed}, by ${violation.invariant}`);
      expect(violation.invariant).toMatch(invariants);
      return;
    }
    expect.unreachable(`nothing found ${name} in ${SEEDS_FOR_A_FAULT} seeds`);
  });
});
