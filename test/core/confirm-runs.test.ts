/** Runs say no more and no less than the confirms they were made of (PROTOCOL §11). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConfirmRuns } from '../../server/src/core/confirm-runs.ts';

const confirm = fc.record({
  step: fc.constantFrom(1, 1, 1, 2),
  jump: fc.constantFrom(1, 1, 1, 3, -5),
  sessions: fc.constantFrom(0, 0, 0, 1),
  log: fc.constantFrom('v' as const, 'v' as const, 'd' as const),
  duplicate: fc.constantFrom(undefined, undefined, false, true),
});

it('expand to what was put in, in order, and are taken out once', () => {
  fc.assert(
    fc.property(fc.array(confirm, { maxLength: 60 }), (list) => {
      const runs = new ConfirmRuns();
      let [seq, offset] = [0, 100];
      let begun = 0;
      const put = list.map(({ step, jump, sessions, log, duplicate }) => {
        seq += step;
        offset += jump;
        const outcome = { log, offset, sessions, ...(duplicate === undefined ? {} : { duplicate }) };
        if (runs.add(seq, outcome)) begun++;
        return { seq, log, offset, sessions, duplicate: duplicate ?? false };
      });
      expect(runs.isEmpty).toBe(list.length === 0);
      const out = runs.drain();
      expect(out).toHaveLength(begun);
      const expanded = out.flatMap(({ seq: first, count, log, offset: at, sessions, duplicate = false }) =>
        Array.from({ length: count }, (_, i) => ({
          seq: first + i,
          log,
          offset: at + i,
          sessions,
          duplicate,
        })),
      );
      expect(expanded).toEqual(put);
      expect([runs.isEmpty, runs.drain()]).toEqual([true, []]);
    }),
  );
});

it('join what goes on', () => {
  const runs = new ConfirmRuns();
  for (let i = 0; i < 1_000; i++) runs.add(i + 1, { log: 'v', offset: i + 7, sessions: 2 });
  expect(runs.drain()).toEqual([{ seq: 1, count: 1_000, log: 'v', offset: 7, sessions: 2 }]);
});
