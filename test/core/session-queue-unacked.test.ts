/**
 * A session queue of a subscription that does not ack (PROTOCOL §8, §12). Records weigh 100 bytes; offsets count from 1.
 */
import { describe, expect, it } from 'vitest';
import { REMEMBERED } from '../../server/src/core/written-log.ts';
import { QueueScene, type SceneOptions } from './queue-scene.ts';
import { at, EPOCH } from './stored-record.ts';

const scene = (options: SceneOptions = {}): QueueScene => new QueueScene(options);

describe('ack none', () => {
  const none = (over: SceneOptions = {}) => scene({ ack: 'none', capacity: 2000, ...over });

  it('settles when written, ignores acks, and needs no credit', () => {
    const s = none({ prefetch: 1 });
    s.offers(3);
    expect(s.texts()).toEqual(['1:m1', '2:m2', '3:m3']);
    expect(s.queue.ledger.written).toBe(3);
    expect(s.queue.ack(99, [])).toBeUndefined();
    expect(s.queue.reject([[1, 1]])).toBeUndefined();
    expect(s.queue.nack([[1, 1]])).toBeUndefined();
    expect(s.budget.heldBytes).toBe(0);
    s.check();
  });

  it('tells on resume what was written and not received, before what waits', () => {
    const s = none();
    s.offers(5);
    s.send();
    s.offer();
    s.queue.resume(2, 0, [], [at(2)]);
    expect(s.texts()).toEqual(['6:gap not-received 3 [3-5:3]', '7:m6']);
    s.check();
  });

  it('tells it once, however often the client comes back before the gap was written', () => {
    const s = none();
    s.offers(5);
    s.send();
    for (let i = 0; i < 3; i++) s.queue.resume(2, 0, [], [at(2)]);
    expect(s.texts()).toEqual(['6:gap not-received 3 [3-5:3]']);
  });

  it('tells it again where the gap itself was lost, and counts nothing twice', () => {
    const s = none();
    s.offers(5);
    s.send();
    s.queue.resume(2, 0, [], [at(2)]);
    s.send();
    s.offer();
    s.send();
    s.queue.resume(2, 0, [], [at(2)]);
    expect(s.texts()).toEqual(['8:gap not-received 4 [3-6:4]']);
    s.queue.resume(8, 0, [], [at(6)]);
    expect(s.texts()).toEqual([]);
  });

  it('puts an overflow gap that was lost into the new one', () => {
    const s = none({ capacity: 2 });
    s.offers(4);
    expect(s.texts()).toEqual(['1:gap overflow 2 [1-2:2]', '2:m3', '3:m4']);
    s.queue.resume(0, 0, [], [at(0)]);
    expect(s.texts()).toEqual(['4:gap several 4 [overflow 1-2:2 not-received 3-4:2]']);
  });

  it('gives a lost snapshot end again', () => {
    const s = none();
    s.offer();
    s.queue.endSnapshot({ kind: 'snapshot-end', cursor: 'v:e1:1', complete: true });
    s.offer();
    s.send();
    s.queue.resume(1, 0, [], [at(1)]);
    expect(s.texts()).toEqual(['4:gap not-received 1 [2-2:1]', '5:end v:e1:1']);
    s.queue.resume(1, 0, [], [at(1)]);
    expect(s.texts()).toEqual(['6:gap not-received 1 [2-2:1]', '7:end v:e1:1']);
  });

  it('says nothing where everything was received', () => {
    const s = none();
    s.offers(3);
    s.send();
    s.queue.resume(3, 0, [], [at(3)]);
    expect(s.texts()).toEqual([]);
  });

  it('beyond what it remembers, names the range between cursor and what it knows', () => {
    const s = none();
    const total = REMEMBERED + 50;
    s.offers(total);
    s.send();
    s.queue.resume(10, 0, [], [at(10)]);
    const [gap] = s.send();
    if (gap?.entry.kind !== 'gap') throw new Error('no gap');
    const { ranges } = gap.entry.toGap();
    expect(ranges[0]).toMatchObject({ from: 11, epoch: EPOCH });
    expect(ranges.at(-1)).toMatchObject({ to: total });
    expect([null, total - 10]).toContain(gap.entry.count);
  });

  it('conflated and out of order, names no range that covers what arrived', () => {
    const s = none({ overflow: 'conflate' });
    s.offer({ key: 'a' });
    s.offer({ key: 'b' });
    s.offer({ key: 'c' });
    s.offer({ key: 'a' });
    // a (4), b (2), c (3)
    s.send();
    s.offer({ key: 'd' });
    s.offer({ key: 'e' });
    s.offer({ key: 'd' });
    // d (7), e (6): between 2 and 7 lies what was received
    s.send();
    s.queue.resume(1, 0, [], [at(0)]);
    const [gap] = s.send();
    if (gap?.entry.kind !== 'gap') throw new Error('no gap');
    const covered = gap.entry.ranges.flatMap(({ from, to }) =>
      Array.from({ length: to! - from + 1 }, (_, i) => from + i),
    );
    expect(covered.toSorted()).toEqual([2, 3, 6, 7]);
  });
});
