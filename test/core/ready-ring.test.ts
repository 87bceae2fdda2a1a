/** The waiting part of a queue, against an array. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import { type Entry, ReadyRing } from '../../server/src/core/ready-ring.ts';
import { EPOCH, storedRecord, textOf } from './stored-record.ts';

const contents = (ring: ReadyRing): Entry[] => Array.from({ length: ring.length }, (_, i) => ring.peek(i)!);

describe('a ring', () => {
  it('does as an array does, counts messages and bytes, and keeps absolute indexes', () => {
    const op = fc.tuple(
      fc.constantFrom('push', 'push', 'gap', 'shift', 'unshift', 'replace', 'remove'),
      fc.nat(20),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const ring = new ReadyRing();
        const model: Entry[] = [];
        const indexes = new Map<Entry, number>();
        let offset = 0;
        for (const [kind, at] of ops) {
          const record = storedRecord(++offset, { bytes: at });
          const distance = model.length === 0 ? -1 : at % model.length;
          if (kind === 'push') {
            indexes.set(record, ring.push(record));
            model.push(record);
          } else if (kind === 'gap') {
            ring.push(new GapEntry());
            model.push(ring.peekTail()!);
          } else if (kind === 'shift') {
            expect(ring.shift()).toBe(model.shift());
          } else if (kind === 'unshift') {
            ring.unshift(record);
            model.unshift(record);
            indexes.set(record, ring.headIndex);
          } else if (distance >= 0 && kind === 'replace') {
            expect(ring.replace(ring.headIndex + distance, record)).toBe(model[distance]);
            model[distance] = record;
            indexes.set(record, ring.headIndex + distance);
          } else if (distance >= 0) {
            expect(ring.remove(distance)).toBe(model[distance]);
            // Those before it move up by one: only what stands behind keeps its index.
            for (const moved of model.slice(0, distance)) indexes.delete(moved);
            model.splice(distance, 1);
          }
          const messages = model.filter((entry) => entry.kind === 'message');
          expect([ring.length, ring.messages, ring.bytes]).toEqual([
            model.length,
            messages.length,
            messages.reduce((bytes, m) => bytes + m.bytes, 0),
          ]);
        }
        expect(contents(ring).every((entry, i) => entry === model[i])).toBe(true);
        expect(ring.peek(ring.length)).toBeUndefined();
        for (const [i, entry] of model.entries()) {
          const index = indexes.get(entry);
          if (index !== undefined) expect(index - ring.headIndex).toBe(i);
        }
      }),
    );
  });

  it('gives nothing when empty', () => {
    const ring = new ReadyRing();
    expect([ring.shift(), ring.peek(), ring.peekTail(), ring.firstMessage()]).toEqual([
      undefined,
      undefined,
      undefined,
      0,
    ]);
  });

  it('turns a message into a gap in place, or into the gap before it', () => {
    const ring = new ReadyRing();
    for (let offset = 1; offset <= 3; offset++) ring.push(storedRecord(offset));
    for (const offset of [1, 2]) {
      const gap = ring.turnIntoGap(ring.firstMessage());
      gap.addMessage('v', EPOCH, offset, 'overflow', true);
      ring.absorbNext(gap);
    }
    expect(contents(ring).map(textOf)).toEqual(['gap overflow 2 [1-2:2]', 'm3']);
  });

  it('makes one gap of neighbours at head and tail', () => {
    const ring = new ReadyRing();
    ring.tailGap().addMessage('v', EPOCH, 5, 'refused', true);
    ring.tailGap().addMessage('v', EPOCH, 6, 'refused', true);
    const notice = new GapEntry();
    notice.addMessage('v', EPOCH, 1, 'not-received', true);
    ring.unshiftNotice(notice);
    expect(contents(ring).map(textOf)).toEqual(['gap several 3 [not-received 1-1:1 refused 5-6:2]']);
  });
});
