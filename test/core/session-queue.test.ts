/**
 * The session queue, one rule a test (PROTOCOL §6–§9, §12); a full one is in `session-queue-overflow.test.ts`, one without acks in
 * `session-queue-unacked.test.ts`. Records weigh 100 bytes; offsets count from 1.
 */
import { describe, expect, it } from 'vitest';
import { QueueScene, type SceneOptions } from './queue-scene.ts';
import { at, EPOCH, storedRecord } from './stored-record.ts';

const scene = (options: SceneOptions = {}): QueueScene => new QueueScene(options);

describe('tags and credit', () => {
  it('gives contiguous tags from 1 on, as far as credit goes', () => {
    const s = scene({ capacity: 10, prefetch: 3 });
    s.offers(5);
    expect(s.texts()).toEqual(['1:m1', '2:m2', '3:m3']);
    expect(s.texts()).toEqual([]);
    expect(s.queue.ack(1, [])).toBeUndefined();
    expect(s.texts()).toEqual(['4:m4']);
    s.check();
  });

  it('counts unsettled items, not the span, against the credit', () => {
    const s = scene({ capacity: 10, prefetch: 2 });
    s.offers(5);
    s.send();
    s.queue.ack(0, [[2, 2]]);
    expect(s.texts()).toEqual(['3:m3']);
  });

  it('pauses with credit 0 and goes on with more', () => {
    const s = scene({ capacity: 10, prefetch: 0 });
    s.offers(2);
    expect(s.queue.hasSomethingToSend).toBe(false);
    expect(s.texts()).toEqual([]);
    s.queue.prefetch = 1;
    expect(s.queue.hasSomethingToSend).toBe(true);
    expect(s.texts()).toEqual(['1:m1']);
  });

  it('ends a batch at its bounds in items and bytes', () => {
    const s = scene({ capacity: 20, prefetch: 10 });
    s.offers(6);
    const inOne = (items: number, bytes: number): number => {
      const before = s.queue.window.lastTag;
      s.queue.fill(s.batch, items, bytes, s.nowMs);
      return s.queue.window.lastTag - before;
    };
    expect(inOne(2, 1e9)).toBe(2);
    // At least one item, however large: else it would never go out.
    expect(inOne(10, 1)).toBe(1);
    expect(inOne(10, 150)).toBe(2);
  });

  it('never lets the span outgrow the capacity because of one forgotten ack', () => {
    const s = scene({ capacity: 4, prefetch: 3 });
    s.offers(3);
    s.send();
    for (let tag = 2; tag < 20; tag++) {
      s.offer();
      s.send();
      if (tag <= s.queue.window.lastTag) s.queue.ack(0, [[tag, tag]]);
      s.check();
    }
    expect(s.queue.window.span).toBe(4);
    s.queue.ack(1, []);
    expect(s.queue.window.span).toBe(0);
    s.offer();
    expect(s.send().some(({ entry }) => entry.kind === 'message')).toBe(true);
  });
});

describe('reading from the log', () => {
  it.each(['drop-oldest', 'drop-newest', 'conflate', 'catch-up', 'disconnect'] as const)(
    'loses nothing with %s: what has no room waits',
    (overflow) => {
      const s = scene({ overflow, start: 'reading', capacity: 3, prefetch: 2, capacityBytes: 250 });
      const keys = ['a', 'b', 'c'];
      const took = keys.map((key, i) => s.queue.takeRead(storedRecord(i + 1, { key }), s.nowMs));
      expect(took).toEqual([true, true, false]);
      expect(s.waiting).toEqual(['m1', 'm2']);
      expect(s.queue.ledger.routed).toBe(2);
    },
  );

  it.each(['drop-oldest', 'drop-newest', 'conflate', 'catch-up', 'disconnect'] as const)(
    'with %s, what can never fit becomes a gap and costs nothing else',
    (overflow) => {
      const s = scene({ overflow, start: 'reading', capacity: 3, prefetch: 2, capacityBytes: 250 });
      s.queue.takeRead(storedRecord(1, { key: 'a' }), s.nowMs);
      expect(s.queue.takeRead(storedRecord(2, { key: 'a', bytes: 251 }), s.nowMs)).toBe(true);
      expect(s.waiting).toEqual(['m1', expect.stringMatching(/^gap \S+ 1 \[2-2:1\]$/)]);
      s.check();
      // The next live message finds a healthy ring.
      s.reader.passed(2);
      s.reader.reachHead();
      expect(s.queue.offer(storedRecord(3, { key: 'b' }), s.nowMs)).toBe('changed');
    },
  );

  it('reads as far as credit goes; with ack none, as far as the ring goes', () => {
    const room = (over: SceneOptions) =>
      scene({ start: 'reading', capacity: 10, prefetch: 3, ...over }).queue.roomToRead;
    expect(room({})).toBe(3);
    expect(room({ ack: 'none' })).toBe(10);
    expect(room({ prefetch: 0 })).toBe(0);
  });

  it('takes nothing live until it is at the head, and then each once', () => {
    const s = scene({ start: 'reading', capacity: 10 });
    expect(s.offer()).toBe('passed');
    s.queue.takeRead(storedRecord(1), s.nowMs);
    s.reader.passed(1);
    s.reader.reachHead();
    expect(s.queue.offer(storedRecord(1), s.nowMs)).toBe('passed');
    expect(s.offer()).toBe('changed');
    expect(s.waiting).toEqual(['m1', 'm2']);
  });
});

describe('time to live', () => {
  it('of the queue expires what waits longer, into a gap in place', () => {
    const s = scene({ ttlMs: 50, capacity: 10, prefetch: 5 });
    s.offers(2);
    s.nowMs += 30;
    s.offer();
    s.nowMs += 21;
    s.queue.expire(s.nowMs);
    expect(s.waiting).toEqual(['gap expired 2 [1-2:2]', 'm3']);
    expect(s.queue.ledger.expired).toBe(2);
    s.check();
  });

  it('of a message holds when it is sent, also where it did not wait at the head', () => {
    const s = scene({ capacity: 10, prefetch: 10 });
    s.offer();
    s.offer({ expiresMs: 1010 });
    s.offer();
    s.nowMs = 1020;
    expect(s.texts()).toEqual(['1:m1', '2:gap expired 1 [2-2:1]', '3:m3']);
    s.check();
  });

  it('lets through what has waited exactly as long as it may', () => {
    const s = scene({ ttlMs: 0, capacity: 10 });
    s.offer();
    expect(s.texts()).toEqual(['1:m1']);
  });

  it('does not touch what was sent', () => {
    const s = scene({ ttlMs: 50, capacity: 10 });
    s.offer();
    s.send();
    s.nowMs += 1000;
    s.queue.expire(s.nowMs);
    s.queue.resume(0, 0, [], [at(0)]);
    expect(s.texts()).toEqual(['1:m1']);
  });

  it('counts from the newest of a conflation key', () => {
    const s = scene({ overflow: 'conflate', ttlMs: 50, capacity: 10 });
    s.offer({ key: 'a' });
    s.nowMs += 40;
    s.offer({ key: 'a' });
    s.nowMs += 40;
    expect(s.texts()).toEqual(['1:m2']);
  });
});

describe('settling', () => {
  const sent = (count: number, over: SceneOptions = {}) => {
    const s = scene({ capacity: 20, prefetch: 10, ...over });
    s.offers(count);
    s.send();
    return s;
  };

  it('acks cumulatively and in ranges', () => {
    const s = sent(6);
    expect(
      s.queue.ack(2, [
        [4, 4],
        [6, 6],
      ]),
    ).toBeUndefined();
    expect([3, 5].every((tag) => s.queue.window.get(tag))).toBe(true);
    expect(s.queue.window.unsettled).toBe(2);
    expect(s.queue.ledger.acked).toBe(4);
    s.check();
  });

  it('takes an upTo below what is settled already', () => {
    const s = sent(3);
    s.queue.ack(3, []);
    expect(s.queue.ack(1, [])).toBeUndefined();
    expect(s.queue.ledger.acked).toBe(3);
  });

  it.each<[string, (s: QueueScene) => unknown]>([
    ['an upTo never sent', (s) => s.queue.ack(4, [])],
    ['a range never sent', (s) => s.queue.ack(0, [[3, 4]])],
    ['a range over settled tags', (s) => s.queue.ack(0, [[1, 2]])],
    ['a range below upTo', (s) => s.queue.ack(2, [[2, 3]])],
    ['an endless range', (s) => s.queue.ack(0, [[2, Number.MAX_SAFE_INTEGER]])],
    ['a reject of a settled tag', (s) => s.queue.reject([[1, 1]])],
    [
      'a nack of a tag never sent',
      (s) =>
        s.queue.nack([
          [2, 2],
          [9, 9],
        ]),
    ],
  ])('refuses %s and changes nothing', (_, command) => {
    const s = sent(3);
    s.queue.ack(1, []);
    expect(command(s)).toBeTypeOf('number');
    expect(s.queue.ledger).toMatchObject({ acked: 1, rejected: 0 });
    expect(s.queue.window.unsettled).toBe(2);
    expect(s.texts()).toEqual([]);
  });

  it('refuses to settle what a resume will send again first', () => {
    const s = sent(3);
    s.queue.resume(1, 0, [], [at(0)]);
    expect(s.queue.ack(2, [])).toBeDefined();
    s.send();
    expect(s.queue.ack(2, [])).toBeUndefined();
  });

  it('rejects unprocessed', () => {
    const s = sent(3);
    expect(s.queue.reject([[2, 3]])).toBeUndefined();
    expect(s.queue.ledger.rejected).toBe(2);
    s.check();
  });

  it('acks gaps like messages, without an obligation', () => {
    const s = scene({ capacity: 2, prefetch: 1 });
    s.offers(3);
    expect(s.texts()).toEqual(['1:gap overflow 1 [1-1:1]']);
    s.queue.ack(1, []);
    expect(s.queue.ledger.acked).toBe(0);
    expect(s.texts()).toEqual(['2:m2']);
    s.check();
  });

  it('nacks: the same tag again, and after five times a gap in its place', () => {
    const s = sent(3);
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(s.queue.nack([[2, 2]])).toBeUndefined();
      expect(s.queue.hasSomethingToSend).toBe(true);
      expect(s.send()).toEqual([
        { tag: 2, entry: expect.objectContaining({ offset: 2 }), note: { redelivered: attempt } },
      ]);
    }
    s.queue.nack([[2, 2]]);
    expect(s.texts()).toEqual(['2:gap redelivery-limit 1 [2-2:1]']);
    expect(s.queue.ledger.droppedBy?.get('redelivery-limit')).toBe(1);
    s.queue.nack([[2, 2]]);
    expect(s.texts()).toEqual(['2:gap redelivery-limit 1 [2-2:1]']);
    s.check();
  });

  it('counts a second nack before the resend once', () => {
    const s = sent(1);
    s.queue.nack([[1, 1]]);
    s.queue.nack([[1, 1]]);
    expect(s.send()).toMatchObject([{ note: { redelivered: 1 } }]);
    expect(s.texts()).toEqual([]);
  });

  it('takes the ack of a nacked tag before its resend: nothing is sent then', () => {
    const s = sent(2);
    s.queue.nack([[1, 2]]);
    s.queue.ack(1, []);
    expect(s.texts()).toEqual(['2:m2']);
  });

  it('sends a nacked tag once where a resume covers it too', () => {
    const s = sent(3);
    s.queue.nack([[2, 2]]);
    s.queue.resume(1, 0, [], [at(0)]);
    expect(s.texts()).toEqual(['2:m2', '3:m3']);
  });
});

describe('resume', () => {
  it('applies acks and sends everything after lastTag again, same tags, then goes on', () => {
    const s = scene({ capacity: 20, prefetch: 5 });
    s.offers(7);
    s.send();
    expect(s.queue.mayResume(3, 1, [[3, 3]])).toBe(true);
    s.queue.resume(3, 1, [[3, 3]], [at(0)]);
    expect(s.queue.ledger.acked).toBe(2);
    expect(s.texts()).toEqual(['4:m4', '5:m5', '6:m6', '7:m7']);
    s.check();
  });

  it('resends in batches of contiguous tags around settled ones', () => {
    const s = scene({ capacity: 20, prefetch: 6 });
    s.offers(6);
    s.send();
    s.queue.ack(0, [
      [3, 3],
      [5, 5],
    ]);
    s.queue.resume(0, 0, [], [at(0)]);
    const batches: string[][] = [];
    for (;;) {
      s.queue.fill(s.batch, 512, 1e9, s.nowMs);
      if (s.batch.count === 0) break;
      batches.push(s.batch.toArray().map((_, i) => String(s.batch.firstTag + i)));
    }
    expect(batches).toEqual([['1', '2'], ['4'], ['6']]);
  });

  it('works before anything was received, three times in a row', () => {
    const s = scene({ capacity: 10, prefetch: 2 });
    s.offers(3);
    for (let i = 0; i < 3; i++) {
      expect(s.texts()).toEqual(['1:m1', '2:m2']);
      expect(s.queue.mayResume(0, 0, [])).toBe(true);
      s.queue.resume(0, 0, [], [at(0)]);
    }
    s.send();
    s.queue.ack(2, []);
    expect(s.texts()).toEqual(['3:m3']);
  });

  it('refuses claims beyond what was sent', () => {
    const s = scene({ capacity: 10, prefetch: 2 });
    s.offers(3);
    s.send();
    expect(s.queue.mayResume(3, 0, [])).toBe(false);
    expect(s.queue.mayResume(1, 2, [])).toBe(false);
    expect(s.queue.mayResume(1, 0, [[1, 2]])).toBe(false);
    expect(s.queue.mayResume(2, 1, [[2, 2]])).toBe(true);
  });

  it('brings a gap at a tag again too', () => {
    const s = scene({ capacity: 2, prefetch: 1 });
    s.offers(4);
    expect(s.texts()).toEqual(['1:gap overflow 2 [1-2:2]']);
    s.queue.resume(0, 0, [], [at(0)]);
    s.offers(2);
    expect(s.texts()).toEqual(['1:gap overflow 2 [1-2:2]']);
  });
});

describe('told losses and snapshot ends', () => {
  it('stand in order, and merge with a gap next to them only', () => {
    const s = scene({ capacity: 10, prefetch: 9 });
    s.queue.tellLoss({ log: 'v', epoch: 'old', from: 5, to: null, count: null, reason: 'epoch' });
    s.queue.tellLoss({ log: 'v', epoch: EPOCH, from: 1, to: 3, count: null, reason: 'trimmed' });
    s.queue.endSnapshot({ kind: 'snapshot-end', cursor: 'c', complete: false });
    s.queue.tellLoss({ log: 'v', epoch: EPOCH, from: 7, to: 8, count: null, reason: 'trimmed' });
    s.offer();
    expect(s.texts()).toEqual([
      '1:gap several null [epoch 5-null:null trimmed 1-3:null]',
      '2:end c incomplete',
      '3:gap trimmed null [7-8:null]',
      '4:m1',
    ]);
    s.check();
  });

  it('have overflow behind a snapshot end stay behind it', () => {
    const s = scene({ capacity: 2, prefetch: 1 });
    s.queue.endSnapshot({ kind: 'snapshot-end', cursor: 'c', complete: true });
    s.offers(4);
    expect(s.waiting).toEqual(['end c', 'gap overflow 2 [1-2:2]', 'm3', 'm4']);
  });
});

describe('the place up to which all was sent', () => {
  it('is the feed where nothing waits, else just before what waits', () => {
    const s = scene({ capacity: 10, prefetch: 2 });
    expect(s.sentUpTo(7)).toBe(7);
    s.offers(3);
    expect(s.sentUpTo(7)).toBe(0);
    s.send();
    expect(s.sentUpTo(7)).toBe(2);
  });

  it('is unknown while something is to be sent again, and in a snapshot', () => {
    const s = scene({ capacity: 10, prefetch: 3 });
    s.offers(2);
    s.send();
    s.queue.nack([[1, 1]]);
    expect(s.sentUpTo(2)).toBeUndefined();
    s.send();
    expect(s.sentUpTo(2)).toBe(2);
    s.queue.resume(0, 0, [], [at(0)]);
    expect(s.sentUpTo(2)).toBeUndefined();
    s.send();
    s.queue.endSnapshot({ kind: 'snapshot-end', cursor: 'c', complete: true });
    expect(s.sentUpTo(2)).toBeUndefined();
  });

  it('with conflation is before the lowest offset that waits, wherever it stands', () => {
    const s = scene({ overflow: 'conflate', capacity: 10, prefetch: 1 });
    s.offer({ key: 'a' });
    s.offer({ key: 'b' });
    s.offer({ key: 'a' });
    expect(s.waiting).toEqual(['m3', 'm2']);
    expect(s.sentUpTo(3)).toBe(1);
  });

  it('stops before a gap that waits', () => {
    const s = scene({ capacity: 2, prefetch: 0 });
    s.offers(3);
    expect(s.sentUpTo(3)).toBe(0);
  });

  it('while reading is where the reader stands', () => {
    const s = scene({ start: 'reading', after: 4 });
    expect(s.sentUpTo(9)).toBe(4);
  });
});

describe('close', () => {
  it('settles everything that is left, once', () => {
    const s = scene({ capacity: 4, prefetch: 2 });
    s.offers(7);
    s.send();
    s.queue.nack([[2, 2]]);
    s.queue.close('unsubscribed');
    expect(s.queue.ledger.droppedBy?.get('unsubscribed')).toBe(4);
    expect(s.queue.residual).toBe(0);
    expect([s.budget.heldBytes, s.sessionBytes.held, s.queue.bytes]).toEqual([0, 0, 0]);
    expect(s.texts()).toEqual([]);
    s.queue.close('closed');
    expect(s.queue.ledger.dropped).toBe(7);
  });

  it('is the end: a message that comes afterwards is not taken', () => {
    const s = scene();
    s.queue.close('evicted');
    expect(s.offer()).toBe('passed');
    expect(s.budget.heldBytes).toBe(0);
    expect(s.queue.ledger.routed).toBe(0);
  });
});
