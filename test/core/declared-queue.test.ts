/** What leads to a named queue: each binding once, and none of them costs more for those that are there. */
import { describe, expect, it, vi } from 'vitest';
import { DeclaredQueue, type HubExchange } from '../../server/src/core/declared-queue.ts';

const exchange = (): HubExchange & { readonly bound: Set<unknown> } => {
  const bound = new Set<unknown>();
  const table = {
    bind: (spec: object) => void bound.add(JSON.stringify(spec)),
    unbind: (spec: object) => void bound.delete(JSON.stringify(spec)),
  };
  return { queues: table, bound } as unknown as HubExchange & { readonly bound: Set<unknown> };
};
const queue = (): DeclaredQueue =>
  new DeclaredQueue(1, {} as never, { name: 'q' } as never, undefined, undefined);

describe('bindings of a named queue', () => {
  it('are each there once, by exchange, and are taken back by what they are', () => {
    const [a, b] = [exchange(), exchange()];
    const bound = queue();
    const spec = (key: string) => ({ key, args: undefined }) as never;
    expect(bound.bind({ exchange: a, spec: spec('k') })).toBe(true);
    expect(bound.bind({ exchange: a, spec: spec('k') })).toBe(false);
    expect(bound.bind({ exchange: b, spec: spec('k') })).toBe(true);
    expect(bound.bind({ exchange: a, spec: spec('l') })).toBe(true);
    expect(bound.bindings).toHaveLength(3);
    expect(bound.bindingsTo(a).map((binding) => binding.spec.key)).toEqual(['k', 'l']);
    expect(bound.unbind({ exchange: a, spec: spec('m') })).toBe(false);
    for (const binding of bound.bindings) expect(bound.unbind(binding)).toBe(true);
    expect([bound.bindings, a.bound.size, b.bound.size]).toEqual([[], 0, 0]);
  });

  it('cost the same whatever is bound: a client may ask for as many as the node may have', () => {
    const to = exchange();
    const bound = queue();
    const write = vi.spyOn(JSON, 'stringify');
    try {
      const written = (from: number): number => {
        write.mockClear();
        for (let i = from; i < from + 100; i++) bound.bind({ exchange: to, spec: { key: `k${i}` } as never });
        return write.mock.calls.length;
      };
      const first = written(0);
      for (let i = 100; i < 2_000; i += 100) expect(written(i)).toBe(first);
    } finally {
      write.mockRestore();
    }
  });
});
