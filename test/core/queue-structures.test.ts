/** The lists a named queue is made of, against arrays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryHeap } from '../../server/src/core/binary-heap.ts';
import { DelayedEntries } from '../../server/src/core/delayed-entries.ts';
import { Fifo } from '../../server/src/core/fifo.ts';
import { newEntry, type QueueEntry } from '../../server/src/core/queue-entry.ts';
import { ReadyEntries } from '../../server/src/core/ready-entries.ts';
import { storedRecord } from './stored-record.ts';

const entry = (seq: number, bytes = 10): QueueEntry =>
  newEntry(seq, storedRecord(seq, { bytes }), undefined, 0);

describe('a first-in-first-out list', () => {
  it('does as an array does', () => {
    const op = fc.constantFrom('push', 'push', 'push', 'shift', 'shift', 'pop', 'many', 'clear');
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200, size: 'max' }), (ops) => {
        const list = new Fifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const op of ops) {
          if (op === 'push') {
            list.push(next);
            model.push(next++);
          } else if (op === 'shift') expect(list.shift()).toBe(model.shift());
          else if (op === 'pop') expect(list.pop()).toBe(model.pop());
          else if (op === 'clear' && next % 7 === 0) {
            list.clear();
            model.length = 0;
          } else {
            for (let i = 0; i < 70; i++) list.push(next);
            model.push(...new Array<number>(70).fill(next));
            next++;
          }
          expect([list.length, list.peek()]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });
});

describe('a heap', () => {
  it('gives the least first', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(50), { freq: 3 })), (steps) => {
        const heap = new BinaryHeap<number>((a, b) => a < b);
        let model: number[] = [];
        for (const step of steps) {
          if (step === null) expect(heap.pop()).toBe(model.shift());
          else {
            heap.push(step);
            model = [...model, step].sort((a, b) => a - b);
          }
          expect([heap.length, heap.peek()]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });
});

describe('delayed entries', () => {
  it('come out when they are due, in order of seq where that is at once', () => {
    const delayed = new DelayedEntries();
    for (const [seq, dueMs] of [
      [3, 10],
      [1, 20],
      [2, 10],
    ] as const)
      delayed.add(entry(seq), dueMs);
    expect([delayed.nextDueMs, delayed.takeDue(9), delayed.messages, delayed.bytes]).toEqual([
      10,
      undefined,
      3,
      30,
    ]);
    expect([1, 2, 3].map(() => delayed.takeDue(10)?.seq)).toEqual([2, 3, undefined]);
    expect([delayed.take()?.seq, delayed.take(), delayed.nextDueMs, delayed.bytes]).toEqual([
      1,
      undefined,
      Infinity,
      0,
    ]);
  });

  it('are bounded: of too many, what is due next is due now', () => {
    const byCount = new DelayedEntries(2, 1000);
    for (const seq of [1, 2, 3]) byCount.add(entry(seq), 100 - seq);
    expect([byCount.takeDue(0)?.seq, byCount.takeDue(0)]).toEqual([3, undefined]);
    const byBytes = new DelayedEntries(10, 25);
    for (const seq of [1, 2, 3]) byBytes.add(entry(seq), seq);
    expect([byBytes.takeDue(0)?.seq, byBytes.takeDue(0)]).toEqual([1, undefined]);
  });
});

describe('ready entries', () => {
  it('come out in order of seq, whether they were loaded or came back', () => {
    const ready = new ReadyEntries();
    for (const seq of [1, 2, 3, 5]) ready.push(entry(seq));
    const [one, two] = [ready.shift()!, ready.shift()!];
    ready.giveBack(two);
    expect(ready.peek()).toBe(two);
    ready.giveBack(one);
    expect([1, 2, 3, 4, 5].map(() => ready.shift()?.seq)).toEqual([1, 2, 3, 5, undefined]);
    expect([ready.messages, ready.bytes, ready.after]).toEqual([0, 0, 5]);
  });

  it('count the rest until it is read, and know no bytes of it once nothing is left', () => {
    const ready = new ReadyEntries();
    ready.pushToRest(10);
    ready.pushToRest(30);
    ready.takeFromRest(1, 10);
    ready.load(entry(1));
    expect([ready.messages, ready.bytes, ready.restMessages, ready.after]).toEqual([2, 40, 1, 1]);
    // A damaged one, of which nobody knows what it weighed.
    ready.takeFromRest(2, 0);
    expect([ready.restMessages, ready.restBytes, ready.after]).toEqual([0, 0, 2]);
  });
});
