/** The map that knows its oldest entry, against a plain Map in order of insertion. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OldestFirstMap } from '../../server/src/core/oldest-first-map.ts';
import { same } from '../same.ts';

type Step = readonly ['put', string, number] | readonly ['delete', string] | readonly ['forget-oldest'];

const key = fc.constantFrom(...'abcdef');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('put' as const), key, fc.nat(9)),
  fc.tuple(fc.constant('delete' as const), key),
  fc.tuple(fc.constant('forget-oldest' as const)),
);

describe('a map that knows its oldest entry', () => {
  it('is as a Map whose keys move to the end when they are put again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const map = new OldestFirstMap<string, number>();
        const model = new Map<string, number>();
        for (const one of steps) {
          switch (one[0]) {
            case 'put':
              map.put(one[1], one[2]);
              model.delete(one[1]);
              model.set(one[1], one[2]);
              break;
            case 'delete':
              same(map.delete(one[1]), model.delete(one[1]));
              break;
            case 'forget-oldest': {
              const { oldest } = map;
              same(oldest && [oldest.key, oldest.value], [...model][0]);
              if (oldest) map.delete(oldest.key);
              if (oldest) model.delete(oldest.key);
              break;
            }
            default:
              one satisfies never;
          }
          same(map.size, model.size);
          same(
            [...map].map(({ key, value }) => [key, value]),
            [...model],
          );
          for (const name of 'abcdef') same(map.get(name), model.get(name));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('may lose the entry that a walk has reached', () => {
    const map = new OldestFirstMap<string, number>();
    for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) map.put(key, i);
    for (const { key, value } of map) if (value < 3) map.delete(key);
    expect([...map].map(({ key }) => key)).toEqual(['d']);
    expect([map.size, map.oldest?.key]).toEqual([1, 'd']);
  });
});
