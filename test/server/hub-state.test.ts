/** What the hub as a whole is: draining, well or not, and what it says of itself. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';

describe('draining', () => {
  it('tells each when to come back, waits for acks, then closes', () => {
    const scene = new HubScene();
    const clients = ['a', 'b', 'c'].map((token) => scene.client(token));
    const { queue } = clients[0]!.subscribe();
    const silent = scene.connect();
    scene.publish('k');
    let done = false;
    scene.gateway.drain(5_000, 10_000, () => {
      done = true;
    });
    const times = clients.map((client) => client.takeOf('drain')[0]!.reconnectInMs);
    expect(new Set(times).size).toBe(3);
    expect(times.every((ms) => ms >= 0 && ms < 5_000)).toBe(true);
    scene.clock.advance(1_000);
    expect(done).toBe(false);
    clients[1]!.publish(1, 'k');
    expect(clients[1]!.takeOf('refused')).toMatchObject([{ code: ERRORS.unavailable.code }]);
    expect(scene.hub.health()).toEqual({ ready: false, reasons: ['the hub is shutting down'] });
    clients[0]!.send(['ack', queue, 1]);
    scene.clock.advance(100);
    expect(done).toBe(true);
    expect([...clients, silent].map(({ closeCode }) => closeCode)).toEqual(
      Array(4).fill(ERRORS.draining.code),
    );
    expect(scene.hub.stats().ledger).toMatchObject({ acked: 1, residual: 0 });
  });

  it.each([
    ['volatile', 'amq.topic'],
    ['durable', 'kept'],
  ])('knows what was published with an id before, and takes nothing new: %s', (_, exchange) => {
    const scene = new HubScene({ durable: true });
    const client = scene.client('a');
    // As long as its ack is waited for.
    scene.client('b').subscribe();
    scene.publish('k');
    client.send(['declare', 1, 'kept', { type: 'topic', durable: true }]);
    scene.flush();
    client.send(['publish', 1, exchange, 'k', 'x', { id: 'one' }]);
    scene.flush();
    client.take();
    scene.gateway.drain(5_000, 10_000, () => {});
    client.send(['publish', 2, exchange, 'k', 'x', { id: 'one' }]);
    client.send(['publish', 3, exchange, 'k', 'x', { id: 'two' }]);
    scene.flush();
    const frames = client.take();
    expect(frames).toContainEqual(
      expect.objectContaining({
        type: 'confirm',
        runs: [expect.objectContaining({ seq: 2, duplicate: true })],
      }),
    );
    expect(frames).toContainEqual(
      expect.objectContaining({ type: 'refused', seq: 3, code: ERRORS.unavailable.code }),
    );
  });

  it('does not wait for those who cannot answer: their connection is gone already', () => {
    const scene = new HubScene({ durable: true });
    const [client, worker, publisher] = [scene.client('a'), scene.client('b'), scene.client('c')];
    client.subscribe();
    scene.publish('k');
    worker.send(
      ['declareQueue', 1, 'jobs', { durable: true }],
      ['consume', 2, { consume: 'jobs', ack: 'manual' }],
    );
    scene.publishNow('jobs', 'x', { exchange: '' });
    scene.flush();
    expect(scene.namedQueue('jobs').state.inflightMessages).toBe(1);
    scene.disk.stall();
    publisher.send(['publish', 1, '', 'jobs', 'y']);
    let done = false;
    scene.gateway.drain(0, 10_000, () => {
      done = true;
    });
    for (const gone of [client, worker, publisher]) {
      scene.clock.advance(500);
      expect(done).toBe(false);
      gone.cut();
    }
    scene.clock.advance(100);
    expect(done).toBe(true);
    expect(scene.hub.stats().ledger.residual).toBe(0);
  });

  it('does not wait for ever', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe();
    scene.publish('k');
    let done = false;
    scene.gateway.drain(0, 2_000, () => {
      done = true;
    });
    scene.clock.advance(2_100);
    expect([done, client.closeCode]).toEqual([true, ERRORS.draining.code]);
  });

  it('lets nobody in any more', () => {
    const scene = new HubScene();
    scene.client().subscribe();
    scene.publish('k');
    scene.gateway.drain(0, 2_000, () => {});
    const late = scene.connect().send(['hello', { version: 1, token: 'late' }]);
    expect(late.closeCode).toBe(ERRORS.draining.code);
  });
});

describe('the hub says of itself', () => {
  it('what happened, with a ledger that adds up', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe({ capacity: 3, prefetch: 2 });
    client.subscribe({ ack: 'none' });
    scene.publish('a', 'b', 'c', 'd');
    client.send(['ack', queue, 1], ['reject', queue, [[2, 2]]]);
    const stats = scene.hub.stats();
    expect(stats).toMatchObject({
      connections: 1,
      queues: 2,
      bindings: 2,
      exchanges: 6,
      routed: 8,
      unroutable: 0,
      publishes: { taken: 4, duplicate: 0, refused: {} },
      logs: [{ log: 'v', first: 1, last: 4, messages: 4 }],
    });
    const { ledger } = stats;
    const dropped = Object.values(ledger.dropped).reduce((all, n) => all + n, 0);
    expect(ledger.routed).toBe(
      ledger.acked +
        ledger.written +
        ledger.rejected +
        ledger.expired +
        dropped +
        ledger.ready +
        ledger.inflight,
    );
    expect(ledger).toMatchObject({ written: 4, acked: 0, rejected: 1, residual: 0 });
  });

  it('that it is well, and that it is not: a planted fault in a ledger turns health red', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe();
    scene.publish('a');
    scene.clock.advance(1_000);
    expect(scene.hub.health()).toEqual({ ready: true, reasons: [] });
    scene.queue(queue).ledger.acked++;
    scene.clock.advance(1_000);
    expect(scene.hub.health()).toMatchObject({ ready: false, reasons: [expect.stringContaining('ledger')] });
    expect(scene.hub.stats().ledger.residual).toBe(1);
    expect(scene.faults).toEqual(['ledger residual is 1']);
    scene.clock.advance(5_000);
    expect(scene.faults).toHaveLength(1);
    client.send(['unsubscribe', 1, queue]);
    scene.clock.advance(1_000);
    expect(scene.hub.health().ready).toBe(false);
  });

  it('which publishes reached nobody', () => {
    const scene = new HubScene();
    scene.publish('a');
    expect(scene.hub.stats().unroutable).toBe(1);
  });
});
