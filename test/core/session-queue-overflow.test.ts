/**
 * What a session queue does when it is full, one rule a test (PROTOCOL §6, §7): the five policies, and the bounds beyond the
 * ring. Records weigh 100 bytes; offsets count from 1.
 */
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import { QueueScene, type SceneOptions } from './queue-scene.ts';
import { at, storedRecord } from './stored-record.ts';

const scene = (options: SceneOptions = {}): QueueScene => new QueueScene(options);

describe('drop-oldest', () => {
  it('turns the oldest waiting message into a gap where it stood', () => {
    const s = scene({ capacity: 4, prefetch: 1 });
    s.offers(2);
    expect(s.texts()).toEqual(['1:m1']);
    s.offers(4);
    expect(s.waiting).toEqual(['gap overflow 2 [2-3:2]', 'm4', 'm5', 'm6']);
    s.queue.ack(1, []);
    expect(s.texts()).toEqual(['2:gap overflow 2 [2-3:2]']);
    s.check();
  });

  it('touches nothing that was sent', () => {
    const s = scene({ capacity: 4, prefetch: 3 });
    s.offers(3);
    s.send();
    s.offers(5);
    expect(s.waiting).toEqual(['gap overflow 4 [4-7:4]', 'm8']);
    expect(s.queue.window.messages).toBe(3);
    s.check();
  });

  it('keeps what waits where a message can never fit', () => {
    const s = scene({ capacity: 10, capacityBytes: 500, prefetch: 1 });
    s.offers(3);
    s.offer({ bytes: 501 });
    s.offer();
    expect(s.waiting).toEqual(['m1', 'm2', 'm3', 'gap overflow 1 [4-4:1]', 'm5']);
    s.check();
  });

  it('keeps what waits where what is unacknowledged leaves too little room', () => {
    const s = scene({ capacity: 10, capacityBytes: 500, prefetch: 1 });
    s.offer({ bytes: 300 });
    s.send();
    s.offer();
    s.offer({ bytes: 250 });
    expect(s.waiting).toEqual(['m2', 'gap overflow 1 [3-3:1]']);
    s.check();
  });

  it('merges gaps that become neighbours', () => {
    const s = scene({ capacity: 2, prefetch: 1, capacityBytes: 200 });
    s.offer();
    s.offer({ bytes: 300 });
    s.offer({ bytes: 200 });
    // 1 gave way to 3, and 2 between them never fitted.
    expect(s.waiting).toEqual(['gap overflow 2 [1-1:1 2-2:1]', 'm3']);
    s.check();
  });
});

describe('drop-newest', () => {
  it('refuses the new one into a gap at the end', () => {
    const s = scene({ overflow: 'drop-newest', capacity: 2, prefetch: 1 });
    s.offers(4);
    expect(s.waiting).toEqual(['m1', 'm2', 'gap refused 2 [3-4:2]']);
    s.send();
    s.queue.ack(1, []);
    s.send();
    s.queue.ack(2, []);
    s.offer();
    expect(s.waiting).toEqual(['gap refused 2 [3-4:2]', 'm5']);
    s.check();
  });
});

describe('conflate', () => {
  const conflating = (over: SceneOptions = {}) =>
    scene({ overflow: 'conflate', capacity: 3, prefetch: 1, ...over });

  it('puts the new one in the place of the waiting one of its key, and says how many it replaced', () => {
    const s = conflating();
    s.offer({ key: 'a' });
    s.offer({ key: 'b' });
    s.offer({ key: 'a' });
    s.offer({ key: 'a' });
    expect(s.waiting).toEqual(['m4', 'm2']);
    expect(s.send()).toMatchObject([{ tag: 1, note: { replaced: 2 } }]);
    expect(s.queue.ledger.droppedBy?.get('conflated')).toBe(2);
    s.check();
  });

  it('leaves what was sent alone: the next of its key waits anew', () => {
    const s = conflating();
    s.offer({ key: 'a' });
    s.send();
    s.offer({ key: 'a' });
    s.offer({ key: 'a' });
    expect(s.waiting).toEqual(['m3']);
    s.queue.ack(1, []);
    expect(s.send()).toMatchObject([{ tag: 2, note: { replaced: 1 } }]);
  });

  it('is drop-oldest when full of different keys', () => {
    const s = conflating();
    for (const key of ['a', 'b', 'c', 'd', 'b', 'e']) s.offer({ key });
    expect(s.waiting).toEqual(['gap overflow 2 [1-1:1 5-5:1]', 'm3', 'm4', 'm6']);
    s.offer({ key: 'a' });
    expect(s.waiting.at(-1)).toBe('m7');
    s.check();
  });

  it('goes by a header where one is named, and by the key where it is absent', () => {
    const s = conflating({ conflationHeader: 'sku', capacity: 10 });
    s.offer({ key: 'a', headers: { sku: '1' } });
    s.offer({ key: 'b', headers: { sku: '1' } });
    s.offer({ key: 'b', headers: { sku: 1 } });
    s.offer({ key: 'b', headers: { sku: null } });
    s.offer({ key: 'b', headers: { other: 'x' } });
    s.offer({ key: 'b' });
    s.offer({ key: '1' });
    expect(s.waiting).toEqual(['m2', 'm3', 'm4', 'm6', 'm7']);
  });

  it('reads no inherited property as a header', () => {
    const s = conflating({ conflationHeader: 'toString', capacity: 10 });
    s.offer({ key: 'a', headers: { x: 1 } });
    s.offer({ key: 'b', headers: { x: 1 } });
    expect(s.waiting).toEqual(['m1', 'm2']);
  });

  it('makes room for a larger newcomer', () => {
    const s = conflating({ capacity: 10, capacityBytes: 350 });
    for (const key of ['a', 'b', 'c']) s.offer({ key });
    s.offer({ key: 'c', bytes: 200 });
    expect(s.waiting).toEqual(['gap overflow 1 [1-1:1]', 'm2', 'm4']);
    s.check();
  });

  it('refuses a newcomer that can never fit, and keeps what waits', () => {
    const s = conflating({ capacity: 10, capacityBytes: 350 });
    for (const key of ['a', 'b', 'c']) s.offer({ key });
    s.offer({ key: 'b', bytes: 400 });
    expect(s.waiting).toEqual(['m1', 'm2', 'm3', 'gap overflow 1 [4-4:1]']);
    s.check();
  });

  it('keeps the note for a resend, beside that of a nack', () => {
    const s = conflating();
    s.offer({ key: 'a' });
    s.offer({ key: 'a' });
    s.send();
    s.queue.resume(0, 0, [], [at(0)]);
    expect(s.send()).toMatchObject([{ tag: 1, note: { replaced: 1 } }]);
    s.queue.nack([[1, 1]]);
    expect(s.send()).toEqual([expect.objectContaining({ tag: 1, note: { replaced: 1, redelivered: 1 } })]);
  });

  it('finds a waiting one again behind gaps that moved it', () => {
    const s = conflating({ capacity: 10, prefetch: 5 });
    for (const key of ['a', 'b', 'c']) s.offer({ key });
    s.queue.trim(200);
    s.offer({ key: 'c' });
    expect(s.waiting).toEqual(['gap memory 2 [1-2:2]', 'm4']);
    s.check();
  });
});

describe('catch-up', () => {
  it('takes no more live messages when full, and reads on where it stopped', () => {
    const s = scene({ overflow: 'catch-up', capacity: 3, prefetch: 2 });
    expect(s.offers(5)).toEqual(['changed', 'changed', 'changed', 'passed', 'passed']);
    expect(s.reader).toMatchObject({ phase: 'reading', after: 3 });
    expect(s.queue.ledger.routed).toBe(3);
    expect(s.queue.roomToRead).toBe(0);
    s.send();
    s.queue.ack(2, []);
    expect(s.queue.roomToRead).toBe(1);
    expect(s.queue.takeRead(storedRecord(4), s.nowMs)).toBe(true);
    expect(s.texts()).toEqual(['3:m3', '4:m4']);
    s.check();
  });

  it('passes over a message that can never fit, with a gap', () => {
    const s = scene({ overflow: 'catch-up', capacity: 3, prefetch: 2, capacityBytes: 150 });
    expect(s.offer({ bytes: 151 })).toBe('passed');
    expect(s.queue.takeRead(storedRecord(1, { bytes: 151 }), s.nowMs)).toBe(true);
    expect(s.waiting).toEqual(['gap overflow 1 [1-1:1]']);
    s.check();
  });
});

describe('disconnect', () => {
  it('empties what waits into one gap and says so', () => {
    const s = scene({ overflow: 'disconnect', capacity: 3, prefetch: 1 });
    expect(s.offers(3)).toEqual(['changed', 'changed', 'changed']);
    s.send();
    expect(s.offer()).toBe('disconnect');
    expect(s.waiting).toEqual(['gap slow-consumer 2 [2-3:2]', 'm4']);
    expect(s.offer()).toBe('changed');
    s.check();
  });

  it('refuses the newcomer too where what is unacknowledged fills the ring', () => {
    const s = scene({ overflow: 'disconnect', capacity: 3, prefetch: 2, capacityBytes: 200 });
    s.offers(2);
    s.send();
    expect(s.offer()).toBe('disconnect');
    expect(s.waiting).toEqual(['gap slow-consumer 1 [3-3:1]']);
    s.check();
  });
});

describe('bounds beyond the ring', () => {
  it('the session’s bytes: what other rings of it hold counts', () => {
    const sessionBytes = { held: 0, max: 500 };
    const other = scene({ sessionBytes, capacity: 10 });
    const s = scene({ sessionBytes, capacity: 10 });
    other.offers(3);
    s.offers(3);
    expect(s.waiting).toEqual(['gap overflow 1 [1-1:1]', 'm2', 'm3']);
    other.offers(2);
    expect(other.waiting).toEqual(['gap overflow 2 [1-2:2]', 'm3', 'm4', 'm5']);
    s.check();
  });

  it('the session’s bytes: a ring that holds nothing itself says session-bytes', () => {
    const sessionBytes = { held: 0, max: 300 };
    const other = scene({ sessionBytes, capacity: 10 });
    const s = scene({ sessionBytes, capacity: 10 });
    other.offers(3);
    s.offer();
    expect(s.waiting).toEqual(['gap session-bytes 1 [1-1:1]']);
    expect(s.queue.ledger.droppedBy?.get('session-bytes')).toBe(1);
    s.check();
  });

  it('trim loses the oldest waiting until the bytes are free', () => {
    const s = scene({ capacity: 10, prefetch: 1 });
    s.offers(5);
    s.send();
    expect(s.queue.trim(150)).toBe(200);
    expect(s.waiting).toEqual(['gap memory 2 [2-3:2]', 'm4', 'm5']);
    expect(s.queue.trim(1e9)).toBe(200);
    expect(s.waiting).toEqual(['gap memory 4 [2-5:4]']);
    expect(s.queue.window.messages).toBe(1);
    s.check();
  });

  it('a record in two rings counts once in the budget', () => {
    const budget = new MemoryBudget(1000);
    const [a, b] = [scene({ budget }), scene({ budget })];
    const record = storedRecord(1);
    a.queue.offer(record, 0);
    b.queue.offer(record, 0);
    expect(budget.heldBytes).toBe(100);
    a.queue.close('closed');
    expect(budget.heldBytes).toBe(100);
    b.queue.close('closed');
    expect(budget.heldBytes).toBe(0);
  });
});
