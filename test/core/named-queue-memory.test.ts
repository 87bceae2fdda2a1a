/** What a long queue costs the hub, counted after collecting garbage. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { NamedQueue } from '../../server/src/core/named-queue.ts';
import type { QueueEffect } from '../../server/src/core/queue-effects.ts';
import { entryOf, newEntry } from '../../server/src/core/queue-entry.ts';
import { settingsOf } from './named-queue-scene.ts';
import { storedRecord } from './stored-record.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('the memory of a named queue', () => {
  const heapAfter = (fill: (queue: NamedQueue, effects: QueueEffect[]) => void, durable: boolean): number => {
    const settings = settingsOf({ durable, maxMessages: 1_000_000 });
    const queue = new NamedQueue('q', settings, moment);
    const effects: QueueEffect[] = [];
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    fill(queue, effects);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    expect(queue.residual).toBe(0);
    expect(effects).toEqual([]);
    return grown;
  };

  const wallMs = 1.7e12;
  const moment = { nowMs: 0, wallMs, random: 0 };
  // One record for all: what is counted is the queue and its entries.
  const record = storedRecord(1, { bytes: 100 });
  const push = (queue: NamedQueue, seq: number, effects: QueueEffect[]): void => {
    queue.admit(record.bytes);
    queue.push(newEntry(seq, record, undefined, wallMs), moment, effects);
  };

  it('for 1,000,000 messages in the store is next to nothing', () => {
    const grown = heapAfter((queue, effects) => {
      for (let seq = 1; seq <= 1_000_000; seq++) push(queue, seq, effects);
      expect(queue.messages).toBe(1_000_000);
    }, true);
    expect(grown).toBeLessThan(5 * 1024 * 1024);
  });

  it('for 300,000 messages in memory is their entries and little more', () => {
    const once = () =>
      heapAfter((queue, effects) => {
        for (let seq = 1; seq <= 300_000; seq++) push(queue, seq, effects);
      }, false);
    // A time is no small integer: V8 boxes it, in 16 bytes, and does so in all entries once one has such a time in
    // that field. Whatever other tests of this process do, all four are boxed from here on, as they are in a hub, and
    // the number is, as it is once one has passed 2^31.
    const saved = { seq: 2 ** 40, record, enqueuedMs: wallMs, expiresAtMs: wallMs, dueWallMs: wallMs };
    for (let i = 0; i < 100; i++) entryOf(saved).waitedMs += 0.5;
    // Other tests in this process leave things behind that come and go: the least of three is the queue's, and
    // with so many messages what is left of it counts for little.
    const grown = Math.min(once(), once(), once());
    // Ten fields of 8 bytes and 24 as any object has, five boxes, and its place in the queue in 8 to 16, which is 200 at most: no
    // second object, which has 32 at least. What other tests leave was 8 once.
    expect(grown / 300_000).toBeLessThan(222);
  });
});
