import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckBatcher } from '../../client-sdk/src/ack-batcher.ts';

/** What a hub does with acks (PROTOCOL §8): each tag in a range must be unsettled, and above `upTo`. */
class NaiveHub {
  readonly settled = new Set<number>();

  ack(upTo: number, ranges: readonly (readonly [number, number])[]): void {
    for (const [from, to] of ranges) {
      for (let tag = from; tag <= to; tag++) {
        expect(tag).toBeGreaterThan(upTo);
        expect(this.settled.has(tag)).toBe(false);
      }
    }
    this.resume(upTo, ranges);
  }

  resume(upTo: number, ranges: readonly (readonly [number, number])[]): void {
    for (let tag = 1; tag <= upTo; tag++) this.settled.add(tag);
    for (const [from, to] of ranges) for (let tag = from; tag <= to; tag++) this.settled.add(tag);
  }
}

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constantFrom('settle', 'reject'), tag: fc.integer({ min: 1, max: 60 }) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('send', 'lose', 'resume') }) },
);

describe('acks', () => {
  it('tell each settled tag, none that is not, and none twice on one connection', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const batcher = new AckBatcher();
        const hub = new NaiveHub();
        const settled = new Set<number>();
        for (const step of actions) {
          const tag = 'tag' in step ? (step.tag as number) : 0;
          if (step.type === 'settle') {
            settled.add(tag);
            batcher.settle(tag);
          } else if (step.type === 'reject' && !settled.has(tag)) {
            settled.add(tag);
            hub.settled.add(tag);
            batcher.skip(tag);
          } else if (step.type === 'send') {
            const ack = batcher.take();
            if (ack) hub.ack(ack.ackedUpTo, ack.ackedRanges);
            expect(hub.settled).toEqual(settled);
          } else if (step.type === 'lose') {
            // Sent into the void: a resume follows before anything else is sent.
            batcher.take();
            const { ackedUpTo, ackedRanges } = batcher.resume();
            hub.resume(ackedUpTo, ackedRanges);
            expect(hub.settled).toEqual(settled);
          } else if (step.type === 'resume') {
            const { ackedUpTo, ackedRanges } = batcher.resume();
            hub.resume(ackedUpTo, ackedRanges);
            expect(hub.settled).toEqual(settled);
          }
        }
      }),
    );
  });

  it('are due after a quarter of the prefetch, 64 at most', () => {
    for (const [prefetch, due] of [
      [1, 1],
      [4, 1],
      [40, 10],
      [256, 64],
      [5000, 64],
    ] as const) {
      const batcher = new AckBatcher();
      batcher.prefetch = prefetch;
      for (let tag = 1; tag < due; tag++) batcher.settle(tag);
      expect(batcher.isDue).toBe(false);
      batcher.settle(due);
      expect(batcher.isDue).toBe(true);
    }
  });

  it('keep to the ranges a frame may have', () => {
    const batcher = new AckBatcher();
    for (let tag = 2; tag <= 4000; tag += 2) batcher.settle(tag);
    expect(batcher.resume().ackedRanges).toHaveLength(1024);
    const rest = batcher.take();
    expect(rest?.ackedRanges).toHaveLength(2000 - 1024);
    expect(rest?.ackedRanges[0]).toEqual([2050, 2050]);
    expect(batcher.take()).toBeUndefined();
  });
});
