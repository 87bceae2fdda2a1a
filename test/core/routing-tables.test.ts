/**
 * Direct, fanout and headers tables against one naive model: a list of bindings, searched through.
 */
import { type Headers, splitWords } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DirectTable } from '../../server/src/core/direct-table.ts';
import { FanoutTable } from '../../server/src/core/fanout-table.ts';
import { HeadersTable, headersMatch } from '../../server/src/core/headers-table.ts';
import type { BindingArguments, RoutingTable } from '../../server/src/core/routing-table.ts';

interface Target {
  readonly name: string;
}
const TARGETS: readonly Target[] = ['a', 'b', 'c'].map((name) => ({ name }));
const KEYS = ['', 'k', 'k.l', '__proto__'];
const values = fc.constantFrom<Headers[string]>('x', '1', 1, true, null);
const headers = fc.dictionary(fc.constantFrom('type', 'size', 'toString'), values, { maxKeys: 3 });

const bindings: fc.Arbitrary<BindingArguments> = fc.record({
  key: fc.constantFrom(...KEYS),
  headers: fc.option(fc.record({ match: fc.constantFrom('all' as const, 'any' as const), values: headers }), {
    nil: undefined,
  }),
});
const messages = fc.record({
  key: fc.constantFrom(...KEYS),
  headers: fc.option(headers, { nil: undefined }),
});
const step = fc.record({
  op: fc.constantFrom('bind' as const, 'bind' as const, 'unbind' as const),
  binding: bindings,
  target: fc.constantFrom(...TARGETS),
  message: messages,
});

const canonical = ({ key, headers: h }: BindingArguments, byKey: boolean): string =>
  byKey ? key : `${h?.match ?? 'all'} ${JSON.stringify(Object.entries(h?.values ?? {}).sort())}`;

const tables: [string, () => RoutingTable<Target>, (binding: BindingArguments) => string][] = [
  ['direct', () => new DirectTable(), (b) => canonical(b, true)],
  ['fanout', () => new FanoutTable(), () => 'all'],
  ['headers', () => new HeadersTable(), (b) => canonical(b, false)],
];

describe.each(tables)('a %s table', (_name, make, identity) => {
  it('routes as a list of its bindings would', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const table = make();
        const model: { id: string; binding: BindingArguments; target: Target }[] = [];
        for (const { op, binding, target, message } of steps) {
          const id = identity(binding);
          const at = model.findIndex((entry) => entry.id === id && entry.target === target);
          const isThere = at >= 0;
          if (op === 'bind') {
            expect(table.bind(binding, target)).toBe(!isThere);
            model.push({ id, binding, target });
          } else {
            if (isThere) model.splice(at, 1);
            const isGone = isThere && !model.some((entry) => entry.id === id && entry.target === target);
            expect(table.unbind(binding, target)).toBe(isGone);
          }
          const due = model
            .filter((e) => table.matcher(e.binding)(splitWords(message.key), message.headers))
            .map((e) => e.target);
          expect(new Set(table.route(message.key, message.headers))).toEqual(new Set(due));
          expect(table.route(message.key, message.headers).length).toBe(new Set(due).size);
          expect(table.bindingCount).toBe(new Set(model.map((e) => `${e.id}→${e.target.name}`)).size);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('headers match', () => {
  it.each<[string, 'all' | 'any', Headers, Headers | undefined, boolean]>([
    ['all of nothing matches everything', 'all', {}, undefined, true],
    ['any of nothing matches nothing', 'any', {}, { a: 1 }, false],
    ['all need each', 'all', { a: 1, b: 2 }, { a: 1 }, false],
    ['all, with more besides', 'all', { a: 1 }, { a: 1, b: 2 }, true],
    ['any needs one', 'any', { a: 1, b: 2 }, { b: 2 }, true],
    ['a value of another type is another value', 'all', { a: 1 }, { a: '1' }, false],
    ['null asks only that it is there', 'all', { a: null }, { a: 'x' }, true],
    ['null is not there', 'all', { a: null }, { b: 'x' }, false],
    ['nothing is inherited', 'all', { toString: null }, {}, false],
  ])('%s', (_text, match, wanted, given, expected) => {
    expect(headersMatch({ match, values: wanted }, given)).toBe(expected);
  });
});
