/**
 * Durable exchanges on a disk in memory: what is confirmed or shown is on disk, and everything goes on after a restart.
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { logKey, metaKey, tableOf, valueKey } from '../../server/src/engines/store-keys.ts';
import { ALL, BOTH, codesOf, itemsOf, KEPT, publish, rot, scene } from './support/durable-scene.ts';
import type { HubScene } from './support/hub-scene.ts';

describe('a durable exchange', () => {
  it('confirms and delivers only what is on disk', () => {
    const made = scene();
    const subscriber = made.client('bob');
    subscriber.subscribe(ALL);
    const publisher = made.client();
    made.disk.stall();
    publisher.send(['publish', 1, KEPT, 'a', 'x']);
    made.clock.advance(100);
    expect([publisher.takeOf('confirm'), subscriber.deliveries()]).toEqual([[], []]);
    expect(made.hub.stats().logs).toMatchObject([{ log: 'v' }, { log: 'd', last: 0 }]);
    made.disk.resume();
    made.clock.settle();
    expect(publisher.takeOf('confirm')).toMatchObject([
      { runs: [{ seq: 1, log: 'd', offset: 1, sessions: 1 }] },
    ]);
    expect(subscriber.deliveries()).toEqual(['1:a']);
  });

  it('knows an id that its name was published with when it was volatile', () => {
    const made = scene();
    const client = made.client();
    client.send(['declare', 1, 'turned', { type: 'topic' }]);
    client.send(['publish', 1, 'turned', 'a', 'x', { id: 'one' }]);
    client.send(['delete', 2, 'turned', false], ['declare', 3, 'turned', { type: 'topic', durable: true }]);
    made.flush();
    client.send(['publish', 2, 'turned', 'a', 'x', { id: 'one' }]);
    made.flush();
    expect(client.takeOf('confirm').flatMap(({ runs }) => runs)).toMatchObject([
      { seq: 1, log: 'v' },
      { seq: 2, log: 'v', duplicate: true },
    ]);
    expect(made.hub.stats().logs).toMatchObject([
      { log: 'v', last: 1 },
      { log: 'd', last: 0 },
    ]);
  });

  it.each([
    ['an orderly end', (made: HubScene) => made.restart()],
    ['a power cut', (made: HubScene) => made.crash()],
  ])('is there after %s, with its bindings and messages', (_, end) => {
    const made = scene();
    const operator = made.client();
    operator.send(['declare', 1, 'other', { type: 'fanout', durable: true }]);
    operator.send(['declare', 2, 'spare', { type: 'direct', durable: true, alternate: 'other' }]);
    operator.send(['bind', 3, 'other', KEPT, 'a.#']);
    made.flush();
    publish(made, 'a.1', 'b.1');
    end(made);
    const client = made.client();
    client.send(['list', 1]);
    const [ok] = client.takeOf('ok');
    expect(ok!.result).toMatchObject({
      exchanges: expect.arrayContaining([
        expect.objectContaining({ name: KEPT, type: 'topic', durable: true }),
        expect.objectContaining({ name: 'spare', alternate: 'other', durable: true }),
      ]),
      bindings: [{ exchange: KEPT, key: 'a.#', to: { exchange: 'other' } }],
    });
    client.subscribe({ bindings: [['other', '']], since: 'earliest' });
    client.subscribe({ ...ALL, since: 'earliest' });
    publish(made, 'a.2');
    expect(client.deliveries(1)).toEqual(['1:a.1', '2:a.2']);
    expect(made.hub.stats().ledger.residual).toBe(0);
    expect(made.faults).toEqual([]);
  });

  it('forgets what was declared, bound or published and not on disk', () => {
    const made = scene();
    const client = made.client();
    made.disk.stall();
    client.send(['declare', 1, 'late', { type: 'topic', durable: true }]);
    client.send(['bind', 2, 'late', KEPT, '#']);
    client.send(['publish', 1, KEPT, 'late', 'x']);
    made.clock.advance(50);
    expect(client.take().slice(1)).toEqual([]);
    made.crash();
    const again = made.client();
    again.subscribe({ ...ALL, since: 'earliest' });
    expect(again.deliveries()).toEqual([]);
    again.send(['declare', 1, 'late', { passive: true }]);
    expect(codesOf(again, 'error')).toEqual([ERRORS['unknown-exchange'].code]);
  });

  it('that is declared anew shows nothing from before, also across restarts', () => {
    const made = scene();
    publish(made, 'old');
    const client = made.client();
    client.send(['delete', 1, KEPT]);
    made.flush();
    made.crash();
    const again = made.client();
    again.send(['declare', 1, KEPT, { type: 'topic', durable: true }]);
    made.flush();
    for (const since of ['earliest', 'last-per-key', { timeMs: 0 }] as const) {
      const { queue } = again.subscribe({ ...ALL, since });
      expect(again.deliveries(queue).filter((text) => text.includes('old'))).toEqual([]);
    }
    again.send(['history', 9, { bindings: ALL.bindings, before: null }]);
    expect(again.takeOf('ok')).toMatchObject([{ result: { items: [] } }]);
    publish(made, 'new');
    expect(again.deliveries().toSorted()).toEqual(['1:new', '1:new', '2:new']);
  });

  it('does not mix with volatile ones', () => {
    const made = scene();
    const client = made.client();
    client.send(['bind', 1, KEPT, 'amq.topic', '#']);
    client.send(['bind', 2, 'amq.topic', KEPT, '#']);
    client.send(['declare', 3, 'x', { type: 'topic', alternate: KEPT }]);
    client.send(['declare', 4, 'y', { type: 'topic', durable: true, alternate: 'amq.topic' }]);
    client.send(['history', 5, { bindings: BOTH.bindings, before: null }]);
    expect(codesOf(client, 'error')).toEqual(Array(5).fill(ERRORS['durability-mismatch'].code));
  });
});

describe('a cursor into the durable log', () => {
  it.each(['restart', 'crash'] as const)('gets after a %s exactly what was missed', (end) => {
    const made = scene();
    const client = made.client();
    const welcome = client.all('welcome')[0]!;
    const { queue } = client.subscribe(ALL);
    publish(made, 'a', 'b', 'c');
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c']);
    client.cut();
    publish(made, 'd', 'e');
    made[end]();
    publish(made, 'f');
    const again = made.connect();
    const { resumed, queues } = again.resume(welcome, [
      { queue, lastTag: 3, ackedUpTo: 2, cursor: 'd:stored:2', options: ALL },
    ]);
    expect([resumed, queues]).toMatchObject([false, [{ was: queue, cursor: 'd:stored:2' }]]);
    publish(made, 'g');
    expect(again.deliveries()).toEqual(['1:c', '2:d', '3:e', '4:f', '5:g']);
  });

  it('beyond the end of the log is a gap', () => {
    const made = scene();
    publish(made, 'a');
    made.restart();
    const client = made.client();
    client.subscribe({ ...ALL, since: { cursor: 'd:stored:5' } });
    publish(made, 'b');
    expect(client.deliveries()).toEqual(['1:gap epoch null [stored 2-5]', '2:b']);
  });

  it('below what is kept is a gap', () => {
    const made = scene({ durableLog: { maxMessages: 3 } });
    publish(made, 'a', 'b', 'c', 'd', 'e');
    made.clock.advance(6_000);
    publish(made, 'f');
    made.crash();
    const client = made.client();
    client.subscribe({ ...ALL, since: { cursor: 'd:stored:1' } });
    const { first } = made.engine.bounds('d');
    expect(first).toBeGreaterThan(2);
    const kept = ['a', 'b', 'c', 'd', 'e', 'f'].slice(first - 1);
    expect(client.deliveries()).toEqual([
      `1:gap trimmed null [stored 2-${first - 1}]`,
      ...kept.map((key, i) => `${i + 2}:${key}`),
    ]);
    client.send(['history', 1, { bindings: ALL.bindings, after: 'd:stored:0' }]);
    expect(client.takeOf('ok')[0]!.result).toMatchObject({
      items: [{ kind: 'gap', gap: { reason: 'trimmed' } }, ...kept.map((key) => ({ key }))],
    });
  });
});

describe('since', () => {
  it('time and earliest start where they say, after a restart', () => {
    const made = scene();
    publish(made, 'a');
    made.clock.advance(1_000);
    const timeMs = made.clock.wallMs();
    publish(made, 'b', 'c');
    made.crash();
    const client = made.client();
    const byTime = client.subscribe({ ...ALL, since: { timeMs } }).queue;
    expect(client.deliveries(byTime)).toEqual(['1:b', '2:c']);
    client.subscribe({ ...ALL, since: 'earliest' });
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c']);
  });

  it.each(['restart', 'crash'] as const)(
    'last-per-key has values that the log let go of, after a %s',
    (end) => {
      const made = scene({ durableLog: { maxMessages: 2 } });
      publish(made, 'a', 'b', 'a', 'c', 'd', 'e');
      made.clock.advance(6_000);
      // Trims what the checkpoint covers.
      publish(made, 'f');
      made.clock.advance(2_000);
      expect(made.engine.bounds('d').first).toBeGreaterThan(4);
      made[end]();
      const client = made.client();
      client.subscribe({ ...ALL, since: 'last-per-key' });
      publish(made, 'g');
      expect(client.deliveries()).toEqual([
        '1:b',
        '2:a',
        '3:c',
        '4:d',
        '5:e',
        '6:f',
        '7:end d:stored:7 true',
        '8:g',
      ]);
    },
  );

  it('last-per-key says what is damaged is missing', () => {
    const made = scene();
    publish(made, 'a', 'b');
    made.clock.advance(6_000);
    made.restart();
    const keys = made.disk.all().filter(({ key }) => tableOf(key) === 'values');
    expect(keys).toHaveLength(2);
    expect(keys[0]!.key.slice(0, 5)).toEqual(valueKey(1));
    made.disk.damage(keys[0]!.key, rot);
    made.crash();
    expect(made.faults).toMatchObject([expect.stringContaining('damaged')]);
    const client = made.client();
    client.subscribe({ ...ALL, since: 'last-per-key' });
    const texts = client.deliveries();
    expect(texts).toHaveLength(2);
    expect(texts[1]).toBe('2:end d:stored:2 false');
  });
});

describe('a damaged checkpoint of last values', () => {
  it('is made up for from values and log, which are said not to be all; the next one is whole', () => {
    const made = scene({ durableLog: { maxMessages: 2 } });
    publish(made, 'a', 'b', 'c', 'd');
    made.clock.advance(6_000);
    // Trims what the checkpoint covers.
    publish(made, 'e');
    made.clock.advance(2_000);
    expect(made.engine.bounds('d').first).toBeGreaterThan(1);
    made.disk.damage(metaKey('values'), rot);
    made.crash();
    expect(made.faults).toMatchObject([expect.stringContaining('checkpoint of last values is damaged')]);
    const client = made.client();
    client.subscribe({ ...ALL, since: 'last-per-key' });
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c', '4:d', '5:e', '6:end d:stored:5 false']);
    made.restart();
    expect(made.faults).toHaveLength(1);
  });
});

describe('a damaged record', () => {
  it('is a gap in replay, catch-up and history, and is counted', () => {
    const made = scene();
    publish(made, 'a', 'b', 'c');
    made.restart();
    made.disk.damage(logKey(2), rot);
    const client = made.client();
    client.subscribe({ ...ALL, since: 'earliest' });
    expect(client.deliveries()).toEqual(['1:a', '2:gap corrupt null [stored 2-2]', '3:c']);
    for (const way of [{ after: 'd:stored:0' }, { before: null }]) {
      client.send(['history', 1, { bindings: ALL.bindings, ...way }]);
      const items = itemsOf(client);
      expect(items).toMatchObject([{ key: 'a' }, { gap: { reason: 'corrupt' } }, { key: 'c' }]);
    }
    client.subscribe({
      ...ALL,
      since: { cursor: 'd:stored:1' },
      overflow: 'catch-up',
      capacity: 2,
      prefetch: 1,
    });
    expect(client.deliveries()).toEqual(['1:gap corrupt null [stored 2-2]']);
    expect([made.counters.corrupt, made.hub.stats().ledger.residual]).toEqual([4, 0]);
  });

  it('ages as the one behind it does, and keeps no others from going', () => {
    const made = scene({ durableLog: { maxAgeMs: 20_000 } });
    publish(made, 'a', 'b');
    made.clock.advance(6_000);
    made.restart();
    made.disk.damage(logKey(1), rot);
    made.clock.advance(8_000);
    publish(made, 'c');
    expect(made.engine.bounds('d').first).toBe(1);
    made.clock.advance(8_000);
    expect(made.engine.bounds('d')).toMatchObject({ first: 3, last: 3 });
  });

  it('of another offset is not taken for the one that should be there', () => {
    const made = scene();
    publish(made, 'a', 'b');
    made.restart();
    const other = made.disk.entries.get(logKey(1))!;
    made.disk.damage(logKey(2), () => other);
    const client = made.client();
    client.subscribe({ ...ALL, since: 'earliest' });
    expect(client.deliveries()).toEqual(['1:a', '2:gap corrupt null [stored 2-2]']);
  });
});

describe('a publish', () => {
  it('with an id is stored once, whatever happens in between', () => {
    const made = scene();
    const taken = [made.publishNow('a', 'x', { exchange: KEPT, id: 'one' })];
    // Under way, and not answered before the first.
    expect(made.publishNow('a', 'x', { exchange: KEPT, id: 'one' })).toBeUndefined();
    made.flush();
    made.crash();
    for (let life = 0; life < 2; life++) {
      const client = made.client();
      client.send(['publish', 1, KEPT, 'a', 'x', { id: 'one' }]);
      made.flush();
      // Ids are remembered for each subject.
      expect(client.takeOf('confirm')).toMatchObject([
        { runs: [{ offset: 2, ...(life > 0 && { duplicate: true }) }] },
      ]);
      made.restart();
    }
    expect(taken).toEqual([undefined]);
    expect(made.engine.bounds('d').last).toBe(2);
  });

  it('of a lost session is published once', () => {
    const made = scene();
    const client = made.client();
    const { session } = client.all('welcome')[0]!;
    client.send(['publish', 1, KEPT, 'stored', 'x']);
    made.flush();
    made.disk.stall();
    client.send(['publish', 2, KEPT, 'lost', 'x'], ['publish', 3, 'amq.topic', 'volatile', 'x']);
    made.clock.advance(10);
    made.crash();
    const again = made.client();
    again.send(
      ['publish', 1, KEPT, 'stored', 'x', { resent: [session, 1] }],
      ['publish', 2, KEPT, 'lost', 'x', { resent: [session, 2] }],
      ['publish', 3, 'amq.topic', 'volatile', 'x', { resent: [session, 3] }],
    );
    made.flush();
    const frames = again.take();
    const runs = frames.flatMap((frame) => (frame.type === 'confirm' ? frame.runs : []));
    expect(runs).toMatchObject([
      { seq: 1, count: 1, duplicate: true },
      { seq: 2, count: 1, log: 'd', offset: 2 },
    ]);
    expect(runs[1]).not.toHaveProperty('duplicate', true);
    expect(frames.filter(({ type }) => type === 'refused')).toMatchObject([
      { seq: 3, code: ERRORS['fate-unknown'].code },
    ]);
    // Sent a third time, by yet another session.
    const third = made.client();
    const second = again.all('welcome')[0]!.session;
    third.send(
      ['publish', 1, KEPT, 'lost', 'x', { resent: [session, 2] }],
      ['publish', 2, KEPT, 'lost', 'x', { resent: [second, 2] }],
    );
    made.flush();
    expect(third.takeOf('confirm')).toMatchObject([
      {
        runs: [
          { seq: 1, duplicate: true },
          { seq: 2, duplicate: true },
        ],
      },
    ]);
    expect(made.engine.bounds('d').last).toBe(2);
    expect(made.hub.stats().publishes.duplicate).toBeGreaterThanOrEqual(3);
  });

  it('sent among volatile ones are told apart after a crash, as many as may be unconfirmed', () => {
    const made = scene();
    const client = made.client();
    const { session } = client.all('welcome')[0]!;
    const window = 600;
    const frames = (seqs: readonly number[], properties: (seq: number) => object) =>
      seqs.map((seq, i) => {
        const exchange = seq % 2 ? KEPT : 'amq.topic';
        return ['publish', i + 1, exchange, 'key', `${seq}`, properties(seq)];
      });
    const all = Array.from({ length: window }, (_, i) => i + 1);
    client.send(...frames(all, () => ({})));
    made.flush();
    // All is on disk, and the client heard of nothing.
    made.crash();
    const again = made.client();
    again.send(...frames(all, (seq) => ({ resent: [session, seq] })));
    made.flush();
    const said = again.take();
    const confirmed = said.flatMap((frame) => (frame.type === 'confirm' ? frame.runs : []));
    expect(confirmed.every(({ duplicate }) => duplicate)).toBe(true);
    expect(confirmed.flatMap(({ seq, count }) => all.slice(seq - 1, seq - 1 + count))).toEqual(
      all.filter((seq) => seq % 2),
    );
    // These may have been published, or not.
    expect(said.flatMap((frame) => (frame.type === 'refused' ? [[frame.seq, frame.code]] : []))).toEqual(
      all.filter((seq) => seq % 2 === 0).map((seq) => [seq, ERRORS['fate-unknown'].code]),
    );
    expect(made.engine.bounds('d').last).toBe(window / 2);
  });

  it('sent again while it is on its way is not confirmed before it is on disk', () => {
    const made = scene();
    const client = made.client();
    const { session } = client.all('welcome')[0]!;
    made.disk.stall();
    client.send(['publish', 1, KEPT, 'a', 'x']);
    const other = made.client();
    other.take();
    other.send(['publish', 1, KEPT, 'a', 'x', { resent: [session, 1] }]);
    made.clock.advance(100);
    expect(other.take()).toEqual([]);
    made.disk.resume();
    made.flush();
    expect(other.takeOf('confirm')).toMatchObject([{ runs: [{ seq: 1, duplicate: true }] }]);
    expect(made.engine.bounds('d').last).toBe(1);
  });
});
