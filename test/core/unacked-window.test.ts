/** The sent part of a queue, against an array. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import type { Entry } from '../../server/src/core/ready-ring.ts';
import { UnackedWindow } from '../../server/src/core/unacked-window.ts';
import { storedRecord } from './stored-record.ts';

describe('the window', () => {
  it('does as an array of tags does', () => {
    const op = fc.tuple(fc.constantFrom('add', 'add', 'take', 'replace'), fc.nat(30));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 150 }), (ops) => {
        const window = new UnackedWindow();
        const model: (Entry | undefined)[] = [];
        for (const [kind, n] of ops) {
          const tag = n + 1;
          if (kind === 'add') {
            const entry = storedRecord(n, { bytes: n });
            expect(window.add(entry)).toBe(model.push(entry));
          } else if (kind === 'take') {
            expect(window.take(tag)).toBe(model[tag - 1]);
            if (tag <= model.length) model[tag - 1] = undefined;
          } else if (model[tag - 1]) {
            const gap = new GapEntry();
            expect(window.replace(tag, gap)).toBe(model[tag - 1]);
            model[tag - 1] = gap;
          }
          const open = model.filter((entry) => entry !== undefined);
          const messages = open.filter((entry) => entry.kind === 'message');
          const first = model.findIndex((entry) => entry !== undefined);
          expect([window.unsettled, window.messages, window.bytes, window.span, window.lastTag]).toEqual([
            open.length,
            messages.length,
            messages.reduce((bytes, m) => bytes + m.bytes, 0),
            first < 0 ? 0 : model.length - first,
            model.length,
          ]);
          expect(window.firstTag).toBe(first < 0 ? model.length + 1 : first + 1);
        }
        for (let tag = 0; tag <= model.length + 1; tag++) expect(window.get(tag)).toBe(model[tag - 1]);
      }),
    );
  });

  it('walks what is to be sent again, past what is settled', () => {
    const window = new UnackedWindow();
    for (let i = 1; i <= 6; i++) window.add(storedRecord(i));
    for (const tag of [1, 3, 6]) window.take(tag);
    window.rewind(0);
    const again: number[] = [];
    for (let tag = window.nextResend(); tag > 0; tag = window.nextResend()) {
      again.push(tag);
      window.markSent(tag);
    }
    expect(again).toEqual([2, 4, 5]);
    expect(window.sentTag).toBe(6);
  });

  it('assigns tags without keeping anything', () => {
    const window = new UnackedWindow();
    expect([window.skip(), window.skip()]).toEqual([1, 2]);
    expect([window.span, window.unsettled, window.sentTag, window.lastTag]).toEqual([0, 0, 2, 2]);
    expect(window.get(1)).toBeUndefined();
  });

  it('uses tags again that nobody saw, while it is empty', () => {
    const window = new UnackedWindow();
    for (let i = 1; i <= 4; i++) window.add(storedRecord(i));
    expect(() => window.restartAfter(2)).toThrow('in use');
    for (let tag = 1; tag <= 4; tag++) window.take(tag);
    window.restartAfter(2);
    expect([window.firstTag, window.lastTag, window.sentTag, window.span]).toEqual([3, 2, 2, 0]);
    expect([window.add(storedRecord(9)), window.sentTag]).toEqual([3, 3]);
  });
});
