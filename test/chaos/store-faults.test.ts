/** A disk that refuses, is full, or stands still: nothing is confirmed that is not on it, and every commit is answered. */
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newStore } from './power-cut.ts';
import { ChaosPlace, requireStrace, traced } from './programs.ts';
import { Verifier } from './verifier.ts';

const place = new ChaosPlace();
const SEED = 11;
const BATCHES = 60;
let workload: string;
let verifier: Verifier;

beforeAll(async () => {
  requireStrace();
  workload = await place.program('store-workload');
  verifier = new Verifier([await place.program('store-verifier'), String(SEED), String(BATCHES)]);
});
afterAll(async () => {
  await verifier.end();
  place.remove();
});

/**
 * Runs the workload with a fault put into its system calls; says how every batch ended, and what is on the disk.
 * Strace counts calls per thread: of 15 transactions on four threads, one thread has at least four.
 */
async function runWith(inject: string, flushDeadlineMs: number) {
  const path = place.at('faulty.mdb');
  for (const file of [path, `${path}-lock`]) rmSync(file, { force: true });
  await newStore(path);
  const trace = ['-o', place.at('strace'), '-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`];
  const numbers = [SEED, 1, BATCHES, 4, flushDeadlineMs].map(String);
  const lines = (await traced(trace, [workload, path, ...numbers])).map((line) => line.split(' '));
  if (inject.includes('error=')) expect(readFileSync(place.at('strace'), 'utf8')).toContain('INJECTED');
  const numbersOf = (word: string) => lines.flatMap(([first, n]) => (first === word ? [Number(n)] : []));
  const [begun, done, failed] = ['begun', 'done', 'failed'].map(numbersOf) as [number[], number[], number[]];
  // Each answered, once, in order: first those that are on disk, then those that failed.
  expect([...done, ...failed]).toEqual(begun);
  expect(lines.findLastIndex(([word]) => word === 'done')).toBeLessThan(
    failed.length > 0 ? lines.findIndex(([word]) => word === 'failed') : Number.POSITIVE_INFINITY,
  );
  rmSync(`${path}-lock`, { force: true });
  const verdict = await verifier.verify({
    kind: 'crash',
    path,
    confirmed: done.length,
    begun: begun.length,
  });
  expect(verdict).toMatchObject({ kind: 'sound' });
  const reasons = new Set(lines.flatMap(([word, , reason]) => (word === 'failed' ? [reason] : [])));
  return { done: done.length, failed: failed.length, reasons: [...reasons], lines };
}

describe('a store in LMDB', () => {
  it.each([
    ['a sync is refused', 'fdatasync:error=EIO:when=3', 'io'],
    ['a write of pages finds the disk full', 'writev:error=ENOSPC:when=3', 'disk-full'],
    ['the write of the meta page is refused', 'pwrite64:error=EIO:when=3', 'io'],
  ])('fails for good when %s, and confirms nothing more', async (_, inject, reason) => {
    const { done, failed, reasons, lines } = await runWith(inject, 20_000);
    expect(failed).toBeGreaterThan(0);
    expect(done).toBeLessThan(BATCHES);
    expect(reasons).toEqual([reason]);
    expect(lines.at(-1)).toEqual(['end', reason]);
  });

  it('fails by its deadline when the disk stands still, and the process can end', async () => {
    const { failed, reasons, lines } = await runWith('fdatasync:delay_enter=1500ms:when=3', 400);
    expect(failed).toBeGreaterThan(0);
    expect(reasons).toEqual(['deadline']);
    expect(lines.at(-1)).toEqual(['end', 'deadline']);
  });

  it('leaves the loop turning while the disk stands still, and goes on when it is done', async () => {
    const { done, failed, lines } = await runWith('fdatasync:delay_enter=600ms:when=4..4', 20_000);
    expect([done, failed]).toEqual([BATCHES, 0]);
    // A timer of 5 ms, counted from commit to done: it cannot have come round often if the thread had waited, too.
    const mostTurns = Math.max(
      ...lines.flatMap(([word, , turns]) => (word === 'done' ? [Number(turns)] : [])),
    );
    expect(mostTurns).toBeGreaterThan(20);
    expect(lines.at(-1)).toEqual(['end', 'well']);
  });
});
