/**
 * A2: random permissions and random attempts on a real hub, against a naive reading of PROTOCOL §21. Nothing that is not
 * permitted is done or shown, and nothing permitted is refused: publish, bind, subscribe wider than granted, resume, replay,
 * history, last-per-key, dead letters, HTTP and event streams, while permissions change.
 *
 * 20,000 attempts; RINGHUB_PERMISSION_ATTEMPTS=200000 makes more of them. A seed is printed where it fails.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PermissionRule } from '../../server/src/core/permission-rules.ts';
import type { Attempt } from './support/permission-attempts.ts';
import { HOLES, type Hole } from './support/permission-holes.ts';
import { PermissionWorld } from './support/permission-world.ts';

const ATTEMPTS = Number(process.env.RINGHUB_PERMISSION_ATTEMPTS ?? 20_000);
/** On average. */
const A_CASE = 40;

const EXCHANGES = [
  't',
  't',
  't',
  'd',
  'f',
  'h',
  't2',
  'inbox.eve',
  'inbox.bob',
  'n1',
  'n2',
  'nowhere',
  'hub.events',
  '',
];
const exchange = fc.constantFrom(...EXCHANGES);
const queue = fc.constantFrom('q1', 'q2', 'eve', 'nowhere');
const key = fc.constantFrom('', 'a', 'b', 'a.a', 'a.b', 'b.a', 'eve', 'eve.a', 'bob.a', 'a.b.a', '#', 'q1');
const pattern = fc.oneof(
  key,
  fc.constantFrom('#', '*', 'a.#', 'a.*', '*.b', '#.a', '*.#', 'eve.#', 'a.#.b', 'a.*.a', 'bob.*'),
);
const granted = fc.oneof(
  { weight: 4, arbitrary: pattern },
  fc.constantFrom('{sub}', '{sub}.#', 'a.*.#', '', 'a', '*.*.#'),
);
const names = (...some: string[]) =>
  fc.option(fc.array(fc.constantFrom(...some), { maxLength: 3 }), { nil: undefined });

const rule: fc.Arbitrary<PermissionRule> = fc
  .record({
    allow: fc.subarray(['publish', 'subscribe', 'consume', 'declare', 'bind', 'delete'] as const, {
      minLength: 1,
    }),
    exchanges: names('t', 't', 't*', 'd', 'f', 'h', 't2', 'n*', '*', 'inbox.{sub}', 'inbox.*', 'hub.*', ''),
    queues: names('q1', 'q*', '{sub}', '*'),
    keys: fc.option(fc.array(granted, { minLength: 1, maxLength: 4 }), { nil: undefined }),
  })
  .map((one) => JSON.parse(JSON.stringify(one)) as PermissionRule);
const rules = fc.array(rule, { maxLength: 4 });

const reading = fc.record({
  do: fc.constantFrom('subscribe', 'subscribe', 'bind', 'history', 'http-history', 'listen'),
  exchange,
  pattern,
  since: fc.constantFrom('live', 'earliest', 'earliest', 'last-per-key'),
});
const attempt = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('publish', 'http-publish'), exchange, key }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('root-publish'), exchange, key }) },
  { weight: 6, arbitrary: reading },
  fc.record({ do: fc.constant('declare'), exchange, alternate: fc.option(exchange, { nil: undefined }) }),
  fc.record({ do: fc.constantFrom('passive', 'delete'), exchange }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('link', 'link', 'unlink'), exchange, pattern, to: exchange }),
  },
  fc.record({ do: fc.constant('bind-queue'), exchange, pattern, queue }),
  fc.record({
    do: fc.constant('declare-queue'),
    queue,
    deadLetterExchange: fc.option(fc.constantFrom('t', 't2', 'f', ''), { nil: undefined }),
    deadLetterKey: fc.option(key, { nil: undefined }),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('consume', 'consume', 'inspect', 'purge', 'delete-queue'),
      queue,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reject', 'cut', 'list') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('grant'), rules }) },
) as fc.Arbitrary<Attempt>;

const story = fc.tuple(rules, fc.array(attempt, { minLength: 1, maxLength: 2 * A_CASE, size: 'max' }));

/** What went wrong first, if anything did. */
function leaksOf(granted: readonly PermissionRule[], attempts: readonly Attempt[], hole?: Hole): string[] {
  const world = new PermissionWorld(granted, hole);
  for (const one of attempts) {
    world.attempt(one);
    if (world.leaks.length > 0) return [JSON.stringify(one), ...world.leaks];
  }
  return [];
}

describe('A2: permissions', () => {
  it(`hold in ${ATTEMPTS} attempts`, { timeout: 3_600_000 }, () => {
    fc.assert(
      fc.property(story, ([granted, attempts]) => {
        expect(leaksOf(granted, attempts)).toEqual([]);
      }),
      { numRuns: Math.ceil(ATTEMPTS / A_CASE) },
    );
  });

  it.each(HOLES)('are seen to be missing where the guard of %s is taken out', (hole) => {
    const { failed } = fc.check(
      fc.property(story, ([granted, attempts]) => leaksOf(granted, attempts, hole).length === 0),
      { numRuns: 200, endOnFailure: true },
    );
    expect(failed).toBe(true);
  });
});
