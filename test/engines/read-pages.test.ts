/** Pages of the durable log that are kept decoded, and a log that reads through them. */
import { describe, expect, it } from 'vitest';
import { PAGE_RECORDS, ReadPages } from '../../server/src/engines/read-pages.ts';
import type { LogEntry } from '../../server/src/ports/engine.ts';
import { HubScene } from '../server/support/hub-scene.ts';

const pageOf = (number: number, bytes = 1): LogEntry[] =>
  Array.from({ length: PAGE_RECORDS }, (_, i) => {
    return { kind: 'message', offset: number * PAGE_RECORDS + i, bytes } as LogEntry;
  });

describe('pages', () => {
  it('are given back, and forgotten one by one', () => {
    const pages = new ReadPages();
    pages.put(3, pageOf(3));
    expect(pages.get(3)).toHaveLength(PAGE_RECORDS);
    pages.forget(3);
    expect(pages.get(3)).toBeUndefined();
  });

  it('are bounded in number: the one asked for longest ago goes', () => {
    const pages = new ReadPages();
    for (let i = 0; i < 128; i++) pages.put(i, pageOf(i));
    pages.get(0);
    pages.put(128, pageOf(128));
    expect([pages.get(0) !== undefined, pages.get(1), pages.get(128) !== undefined]).toEqual([
      true,
      undefined,
      true,
    ]);
  });

  it('are bounded in bytes', () => {
    const pages = new ReadPages();
    for (let i = 0; i < 5; i++) pages.put(i, pageOf(i, 16 * 1024));
    const kept = [0, 1, 2, 3, 4].filter((i) => pages.get(i) !== undefined);
    expect(kept).toEqual([1, 2, 3, 4]);
    pages.put(9, pageOf(9, 128 * 1024));
    expect(pages.get(9)).toBeUndefined();
    expect(pages.get(4)).toBeDefined();
  });
});

describe('a durable log that is read through pages', () => {
  const COUNT = 2_000;

  function filled() {
    const scene = new HubScene({
      durable: true,
      durableLog: { maxMessages: 1_800, maxBytes: 100_000_000 },
    });
    scene.client().send(['declare', 1, 'stored', { type: 'topic', durable: true }]);
    scene.flush();
    for (let i = 1; i <= COUNT; i++) {
      scene.publishNow(`k${i}`, 'x', { exchange: 'stored' });
      if (i % 500 === 0) scene.flush();
    }
    // Trimming goes with commits, behind what the hub has stored of last values.
    for (let i = 0; i < 3; i++) {
      scene.clock.advance(6_000);
      scene.publishNow('last', 'x', { exchange: 'stored' });
      scene.flush();
    }
    return scene;
  }

  it('gives what is there from any place, the first time as the second', () => {
    const { engine } = filled();
    const { first, last } = engine.bounds('d');
    expect(first).toBeGreaterThan(1);
    for (let time = 0; time < 2; time++)
      for (const [after, limit] of [
        [0, 256],
        [first, 255],
        [first + 100, 600],
        [511, 256],
        [512, 2],
        [last - 1_300, 256],
        [last - 3, 100],
        [last, 10],
      ] as const) {
        let offsets: number[] = [];
        engine.read('d', after, limit, (entries) => {
          offsets = entries.map(({ offset }) => offset);
        });
        const from = Math.max(after + 1, first);
        const count = Math.max(0, Math.min(limit, last - from + 1));
        expect(offsets).toEqual(Array.from({ length: count }, (_, i) => from + i));
      }
  });

  it('decodes once what many read', () => {
    const { engine } = filled();
    const read = () => {
      const found: LogEntry[] = [];
      engine.read('d', engine.bounds('d').first + 300, 256, (entries) => found.push(...entries));
      return found;
    };
    const again = read();
    for (const [i, entry] of read().entries()) expect(entry).toBe(again[i]);
  });
});
