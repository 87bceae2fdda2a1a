/**
 * The promise, held against chance: many seeds of the simulation, and planted faults that the checks must find. More
 * seeds, and the trace of one: `node scripts/run-ts.mjs test/sim/run.ts --help`.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FAULTS, type FaultName, faultNamed } from './faults.ts';
import { REGRESSION_SEEDS } from './regression-seeds.ts';
import { playSeed } from './seed.ts';

const SEEDS = 300;
const SEEDS_A_TEST = 20;
/** Of the time of trouble that a seed draws: all of it takes thrice as long and finds little more. `run.ts` plays all. */
const SHARE = 0.25;
/** With a fault planted, and of seeds that once failed. */
const LONGER = 0.5;
/** A fault has to be found within so many seeds. */
const SEEDS_FOR_A_FAULT = 10;

/**
 * Which invariants may be the first to break, and the seed to begin with: one that found it when this was written, as those
 * before it need not be played each time.
 */
const FOUND_BY: Record<FaultName, readonly [invariants: RegExp, from: number]> = {
  'silent-drop': [/^(told|gap-exact|mark|accounted|snapshot)$/, 2],
  'no-resend': [/^(client-tags|resend|cursor|drained|accounted)$/, 39],
  'ack-on-receipt': [/^(ack-processed|cursor)$/, 1],
  'cursor-ahead': [/^(cursor|start|epoch-once|subscription-ended)$/, 1],
  'early-confirm': [/^(confirmed|refused|log-once|hub-fault)$/, 2],
  'double-settle': [/^(ledger|hub-fault)$/, 18],
  'silent-trim': [/^(told|gap-exact|mark|accounted)$/, 8],
  'forgotten-ids': [/^log-once$/, 1],
  'held-for-ever': [/^budget$/, 2],
  'stale-route': [/^(routing|binding)$/, 23],
  'old-records': [/^(binding|history|start)$/, 22],
  'copy-each-way': [/^(sent-once|queue-order|gap-exact|hub-fault)$/, 1],
  'alternate-always': [/^(routing|binding|history|gap-exact|start)$/, 34],
  'history-hole': [/^history$/, 4],
  'id-ahead': [/^(listen|start)$/, 17],
  'confirm-before-sync': [/^(durable|log|lost|log-once|gap-true|books|redelivered|definitions)$/, 1],
  'torn-write': [/^(durable|definitions|ledger|hub-fault|books|lost)$/, 29],
  'forgotten-definition': [/^definitions$/, 1],
  'ack-not-stored': [/^(books|redelivered|hub-fault|drained|lost|ledger)$/, 1],
  'lost-dead-letter': [/^(lost|drained)$/, 4],
  'unmarked-delivery': [/^redelivered$/, 1],
  'forgotten-purge': [/^permission$/, 4],
  'unsettled-purge': [/^(ledger|session-bytes|budget)$/, 10],
  'never-asked': [/^(permission|topology)$/, 5],
  'expiry-ignored': [/^expiry$/, 39],
  'revocation-forgotten': [/^revoked$/, 45],
  'no-relief': [/^bound$/, 20],
};

const run = promisify(execFile);
const fault = faultNamed(process.env.RINGHUB_SIM_FAULT);

/** What these seeds must have come across, or they prove little. */
const WORTH_REACHING = [
  ...['overflow', 'refused', 'slow-consumer', 'session-bytes', 'memory', 'expired'].map((r) => `gap ${r}`),
  ...['redelivery-limit', 'not-received', 'trimmed', 'epoch', 'several'].map((r) => `gap ${r}`),
  ...['draining', 'taken-over', 'slow-consumer', 'heartbeat-timeout', 'session-evicted'].map(
    (n) => `close ${n}`,
  ),
  ...['token-expired', 'session-revoked', 'unauthorized'].map((n) => `close ${n}`),
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
  ...['forward', 'back', 'ranges', 'more', 'trimmed', 'epoch', 'log d'].map((what) => `history ${what}`),
  ...['kept unseen', 'lost unseen', 'torn', 'memory relief', 'clock set', 'hundreds of sessions'],
  ...['purged', 'refused forbidden', 'session closed', 'subject revoked', 'listener closed session-revoked'],
  ...['dead letters', 'no dead letters', 'redelivered', 'consumer forbidden', 'worker killed'],
];
const reached = new Set<string>();

async function failuresOf(seeds: readonly number[], share: number): Promise<string[]> {
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
    const long = REGRESSION_SEEDS.filter(([, , isLong]) => isLong).map(([seed]) => seed);
    expect(await failuresOf(long, 1)).toEqual([]);
    const seeds = REGRESSION_SEEDS.map(([seed]) => seed).filter((seed) => seed > SEEDS);
    expect(await failuresOf(seeds, LONGER)).toEqual([]);
  });

  it('came across every kind of trouble in them', () => {
    expect(WORTH_REACHING.filter((what) => !reached.has(what))).toEqual([]);
  });

  it('runs the same way each time, in another process too', async () => {
    const seeds = [7, 8, 9];
    const here: string[] = [];
    for (const seed of seeds) {
      const { hash, steps } = await playSeed(seed, undefined, SHARE);
      here.push(`${seed} ${hash} ${steps}`);
      expect((await playSeed(seed + 1_000, undefined, SHARE)).hash).not.toBe(hash);
    }
    const args = [
      'scripts/run-ts.mjs',
      'test/sim/run.ts',
      '--from',
      '7',
      '--seeds',
      '3',
      '--share',
      `${SHARE}`,
    ];
    const { stdout } = await run(process.execPath, [...args, '--digests', '--workers', '2'], {
      timeout: 60_000,
      env: { ...process.env, RINGHUB_SIM_FAULT: '' },
    });
    expect(
      stdout
        .split('\n')
        .filter((line) => /^\d+ [0-9a-f]{8} \d+$/.test(line))
        .sort(),
    ).toEqual(here);
  });
});

describe('a planted fault is found', () => {
  it.each(Object.entries(FOUND_BY))('%s', async (name, [invariants, from]) => {
    for (let seed = from; seed < from + SEEDS_FOR_A_FAULT; seed++) {
      const { violation } = await playSeed(seed, FAULTS[name as FaultName], LONGER);
      if (!violation) continue;
      console.log(`${name} (${FAULTS[name as FaultName].about}): seed ${seed}, by ${violation.invariant}`);
      expect(violation.invariant).toMatch(invariants);
      return;
    }
    expect.unreachable(`nothing found ${name} in ${SEEDS_FOR_A_FAULT} seeds from ${from}`);
  });
});
