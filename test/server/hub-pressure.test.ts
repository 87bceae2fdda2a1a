/**
 * Too much of everything: full turns, slow readers, full memory.
 */
import { ByteWriter, ERRORS } from '@ringhub/protocol';
import { describe, expect, it, vi } from 'vitest';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { HubScene } from './support/hub-scene.ts';
import { BINARY_WIRE, JSON_WIRE } from './support/wire-codec.ts';

const TEXT = 'x'.repeat(1_000);

describe('one turn', () => {
  it('is one frame and one write a session, whatever came in it', () => {
    const scene = new HubScene();
    const clients = [scene.client('a'), scene.client('b')];
    for (const client of clients) client.subscribe();
    const before = clients.map(({ writes }) => writes);
    scene.publish(...Array.from({ length: 100 }, (_, i) => `k${i}`));
    expect(clients.map(({ writes }, i) => writes - before[i]!)).toEqual([1, 1]);
    expect(clients.map((client) => client.takeOf('deliver').map(({ items }) => items.length))).toEqual([
      [100],
      [100],
    ]);
  });

  it('writes answers, confirms and deliveries together', () => {
    const client = new HubScene().client();
    const { writes } = client;
    client.send(
      ['subscribe', 1, { bindings: [['amq.topic', '#']] }],
      ['publish', 1, 'amq.topic', 'k', 'x'],
      ['ping'],
    );
    expect(client.writes - writes).toBe(1);
    expect(
      client
        .take()
        .slice(1)
        .map(({ type }) => type),
    ).toEqual(['ok', 'pong', 'confirm', 'deliver']);
  });

  it('writes the item of a message once for all receivers of a codec, and keeps none afterwards', () => {
    const scene = new HubScene();
    const clients = Array.from({ length: 10 }, (_, i) =>
      scene.connect(i % 2 === 0 ? JSON_WIRE : BINARY_WIRE),
    );
    for (const client of clients) client.hello();
    for (const client of clients) client.subscribe({ ack: 'none' });
    const offset = scene.publishNow('k');
    expect(offset).toMatchObject({ offset: 1 });
    let record: StoredRecord = undefined as never;
    scene.engine.read('v', 0, 1, (records) => {
      record = records[0] as StoredRecord;
    });
    const toJson = vi.spyOn(JSON, 'stringify');
    const copies = vi.spyOn(ByteWriter.prototype, 'slice');
    scene.clock.settle();
    const itemsCopied = copies.mock.results.length;
    copies.mockRestore();
    const encodings = toJson.mock.calls.filter(([value]) => Array.isArray(value) && value[1] === 'k').length;
    toJson.mockRestore();
    expect([encodings, itemsCopied]).toEqual([1, 1]);
    expect(clients.map((client) => client.deliveries())).toEqual(clients.map(() => ['1:k']));
    expect([record.itemText, record.itemBytes]).toEqual([undefined, undefined]);
  });

  it('takes so many bytes to one session; the rest comes with the next', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe({ prefetch: 500 });
    for (let i = 0; i < 400; i++) scene.publishNow('k', TEXT);
    scene.clock.turn();
    const first = client.takeOf('deliver').flatMap(({ items }) => items).length;
    expect(first).toBeGreaterThan(100);
    expect(first).toBeLessThan(300);
    scene.clock.settle();
    expect(client.takeOf('deliver').flatMap(({ items }) => items).length).toBe(400 - first);
  });
});

describe('a socket over its limit', () => {
  it('is not written to; its rings hold the rest until it has drained', () => {
    const scene = new HubScene();
    const [slow, quick] = [scene.client('slow'), scene.client('quick')];
    slow.subscribe();
    quick.subscribe();
    slow.socket.bufferedBytes = 2 * 1024 * 1024;
    const { writes } = slow;
    scene.publish('a', 'b');
    slow.send(['ping']);
    expect(slow.writes).toBe(writes);
    expect(quick.deliveries()).toEqual(['1:a', '2:b']);
    slow.socket.bufferedBytes = 0;
    slow.handler.drained();
    scene.clock.settle();
    expect(slow.writes).toBe(writes + 1);
    expect(slow.takeOf('deliver')).toMatchObject([{ items: [{ key: 'a' }, { key: 'b' }] }]);
  });

  it('holds no more answers than allowed, of whatever kind', () => {
    const scene = new HubScene({ session: { maxOutputBytes: 2_000 } });
    const floods: [string, (i: number) => readonly unknown[]][] = [
      ['pongs', () => ['ping']],
      ['errors', () => ['unsubscribe', 1, 99]],
      ['refusals', (i) => ['publish', i + 1, 'none', 'k', 'x']],
      ['confirms of a number sent over and over', () => ['publish', 1, 'amq.topic', 'k', 'x']],
    ];
    for (const [name, frame] of floods) {
      const client = scene.client(name);
      client.socket.bufferedBytes = 2 * 1024 * 1024;
      for (let i = 0; i < 1_000 && client.closeCode === undefined; i++) client.send(frame(i));
      expect([name, client.closeCode]).toEqual([name, ERRORS['output-overflow'].code]);
    }
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 4 });
  });

  it('that overflows with its own welcome leaves a parked session, not a lost one', () => {
    const scene = new HubScene({ session: { maxOutputBytes: 10 } });
    const client = scene.connect().send(['hello', { version: 1, token: 'alice' }]);
    expect(client.closeCode).toBe(ERRORS['output-overflow'].code);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
    client.send(['ping']);
    scene.clock.advance(200_000);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });
});

describe('overflow disconnect', () => {
  it('closes the slow one with a gap in its ring, and the session goes on after a resume', () => {
    const scene = new HubScene();
    const [slow, quick] = [scene.connect(), scene.client('quick')];
    const welcome = slow.hello();
    const { queue } = slow.subscribe({ overflow: 'disconnect', capacity: 3, prefetch: 1 });
    quick.subscribe();
    scene.publish('a');
    expect(slow.deliveries()).toEqual(['1:a']);
    scene.publish('b', 'c', 'd', 'e');
    expect(slow.closeCode).toBe(ERRORS['slow-consumer'].code);
    expect(quick.deliveries()).toHaveLength(5);
    const second = scene.connect();
    second.resume(welcome, [{ queue, lastTag: 1, ackedUpTo: 1 }]);
    second.send(['credit', 1, queue, 2]);
    expect(second.deliveries()).toEqual([`2:gap slow-consumer 2 [${scene.epoch} 2-3]`, '3:d']);
    second.send(['ack', queue, 3]);
    expect(second.deliveries()).toEqual(['4:e']);
    expect(scene.hub.stats().ledger).toMatchObject({ dropped: { 'slow-consumer': 2 }, residual: 0 });
  });

  it('of one subscription parks the session once, also with another behind it in the same message', () => {
    const scene = new HubScene({ limits: { maxParkedSessions: 1 } });
    const sleeper = scene.client('sleeper');
    sleeper.subscribe();
    sleeper.cut();
    const slow = scene.client('slow');
    for (let i = 0; i < 2; i++) slow.subscribe({ overflow: 'disconnect', capacity: 2, prefetch: 0 });
    // Parking the slow one evicts the sleeper, whose ring is about to be offered the same message.
    scene.publish('a', 'b', 'c');
    expect(slow.closeCode).toBe(ERRORS['slow-consumer'].code);
    expect(scene.hub.stats()).toMatchObject({ queues: 2, ledger: { residual: 0 } });
    scene.clock.advance(200_000);
    expect(scene.hub.stats()).toMatchObject({ queues: 0, ledger: { residual: 0 }, memory: { heldBytes: 0 } });
  });
});

describe('the memory budget', () => {
  const bytesOf = (count: number) => count * 1_200;

  it('is relieved from parked sessions first, the largest ring first, with gaps', () => {
    const scene = new HubScene({ limits: { memoryBudgetBytes: bytesOf(20) } });
    const parked = scene.connect();
    const welcome = parked.hello();
    const big = parked.subscribe({ bindings: [['amq.topic', 'big']] });
    const small = parked.subscribe({ bindings: [['amq.topic', 'small']] });
    const attached = scene.client('bob');
    const mine = attached.subscribe({ bindings: [['amq.topic', 'mine']], prefetch: 0 });
    parked.cut();
    for (let i = 0; i < 10; i++) scene.publishNow('big', TEXT);
    for (let i = 0; i < 3; i++) scene.publishNow('small', TEXT);
    for (let i = 0; i < 12; i++) scene.publishNow('mine', TEXT);
    scene.clock.settle();
    const { memory, ledger } = scene.hub.stats();
    expect(memory.heldBytes).toBeLessThanOrEqual(memory.budgetBytes);
    expect(ledger.residual).toBe(0);
    expect(scene.queue(big.queue).ledger.droppedBy?.get('memory')).toBeGreaterThan(0);
    expect(scene.queue(small.queue).ledger.dropped).toBe(0);
    expect(scene.queue(mine.queue).ledger.dropped).toBe(0);
    const again = scene.connect();
    again.resume(welcome, [{ queue: big.queue }, { queue: small.queue }]);
    expect(again.deliveries(big.queue)[0]).toMatch(/^1:gap memory \d+ /);
  });

  it('then trims attached ones that are slow, and never makes a publisher wait', () => {
    const scene = new HubScene({ limits: { memoryBudgetBytes: bytesOf(10) } });
    const client = scene.client();
    const { queue } = client.subscribe({ prefetch: 0 });
    for (let i = 0; i < 50; i++) expect(scene.publishNow('k', TEXT)).toMatchObject({ kind: 'taken' });
    scene.clock.settle();
    expect(scene.hub.stats()).toMatchObject({ sessions: { attached: 1 }, ledger: { residual: 0 } });
    client.send(['credit', 1, queue, 100]);
    const [gap, ...rest] = client.deliveries();
    expect(gap).toMatch(/^1:gap memory \d+ /);
    expect(Number(/memory (\d+)/.exec(gap!)![1]) + rest.length).toBe(50);
  });

  it('as a last resort ends sessions that hold too much unacknowledged, parked ones first', () => {
    const scene = new HubScene({ limits: { memoryBudgetBytes: bytesOf(10) } });
    const [parked, attached] = [scene.client('parked'), scene.client('attached')];
    for (const client of [parked, attached])
      client.subscribe({ bindings: [['amq.topic', client === parked ? 'p' : 'a']] });
    for (let i = 0; i < 5; i++) scene.publishNow('p', TEXT);
    scene.clock.settle();
    parked.cut();
    for (let i = 0; i < 5; i++) {
      scene.publishNow('a', TEXT);
      scene.clock.settle();
    }
    expect(scene.hub.stats().ledger.dropped).toEqual({});
    for (let i = 0; i < 2; i++) {
      scene.publishNow('a', TEXT);
      scene.clock.settle();
    }
    expect(scene.hub.stats()).toMatchObject({
      sessions: { attached: 1, parked: 0 },
      ledger: { dropped: { evicted: 5 } },
    });
    for (let i = 0; i < 5; i++) {
      scene.publishNow('a', TEXT);
      scene.clock.settle();
    }
    expect(attached.closeCode).toBe(ERRORS['session-evicted'].code);
    expect(scene.hub.stats()).toMatchObject({ memory: { heldBytes: 0 }, ledger: { residual: 0 } });
  });

  it('ends nobody while what is unacknowledged stays below the share that relief leaves', () => {
    const scene = new HubScene({ limits: { memoryBudgetBytes: bytesOf(20) } });
    const [holder, paused] = [scene.client('holder'), scene.client('paused')];
    holder.subscribe({ bindings: [['amq.topic', 'h']] });
    paused.subscribe({ bindings: [['amq.topic', 'p']], prefetch: 0 });
    for (let i = 0; i < 19; i++) scene.publishNow('h', TEXT);
    scene.clock.settle();
    for (let i = 0; i < 10; i++) scene.publishNow('p', TEXT);
    scene.clock.settle();
    expect([holder.closeCode, paused.closeCode]).toEqual([undefined, undefined]);
    expect(scene.hub.stats().ledger.dropped).toEqual({ memory: expect.any(Number) });
  });

  it('lets go of written texts with the turn also while nobody is there to read', () => {
    const scene = new HubScene({ log: { maxMessages: 1 } });
    const client = scene.client();
    client.subscribe({ capacity: 2, prefetch: 0 });
    client.cut();
    for (let i = 0; i < 100; i++) scene.publishNow(`k${i}`);
    const { budget } = (scene.hub as unknown as { context: { budget: { released: unknown[] } } }).context;
    expect(budget.released.length).toBeGreaterThan(0);
    scene.clock.settle();
    expect(budget.released).toEqual([]);
  });
});
