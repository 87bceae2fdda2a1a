/** A fault inside the hub costs as little as it can: one command, one connection, one session. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';

const TEXT = 'x'.repeat(1_000);

describe('a fault inside', () => {
  it('of one ring that takes a message costs only its session, which ends cleanly', () => {
    const scene = new HubScene();
    const [broken, fine] = [scene.client('broken'), scene.client('fine')];
    const sub = broken.subscribe();
    broken.subscribe();
    fine.subscribe();
    scene.queue(sub.queue).offer = () => {
      throw new Error('planted');
    };
    expect(scene.publish('a')).toMatchObject([{ kind: 'taken' }]);
    expect(fine.deliveries()).toEqual(['1:a']);
    expect(broken.closeCode).toBe(ERRORS['session-evicted'].code);
    expect(scene.faults).toEqual([`queue ${sub.queue} failed to take a message`]);
    expect(scene.hub.stats()).toMatchObject({
      sessions: { attached: 1, parked: 0 },
      queues: 1,
      ledger: { residual: 0 },
    });
    fine.cut();
    scene.clock.advance(200_000);
    expect(scene.hub.stats().memory.heldBytes).toBe(0);
  });

  it('of a ring whose ledger is broken ends the session all the same', () => {
    const scene = new HubScene();
    const [broken, fine] = [scene.client('broken'), scene.client('fine')];
    const sub = broken.subscribe({ prefetch: 0, capacity: 2 });
    fine.subscribe();
    scene.publish('a');
    scene.queue(sub.queue).ledger.settle = () => {
      throw new Error('ledger: settled twice (planted)');
    };
    expect(scene.publish('b', 'c', 'd')).toMatchObject([
      { kind: 'taken' },
      { kind: 'taken' },
      { kind: 'taken' },
    ]);
    expect(broken.closeCode).toBe(ERRORS['session-evicted'].code);
    expect(fine.deliveries()).toEqual(['1:a', '2:b', '3:c', '4:d']);
    expect(scene.hub.stats()).toMatchObject({ sessions: { attached: 1, parked: 0 }, queues: 1 });
    scene.clock.advance(1_000);
    // What it held is not accounted for, and the hub says so; but it is let go of.
    expect(scene.hub.health().ready).toBe(false);
    fine.cut();
    scene.clock.advance(200_000);
    expect(scene.hub.stats().memory.heldBytes).toBe(0);
  });

  it('of one flush costs only its connection', () => {
    const scene = new HubScene();
    const [broken, fine] = [scene.client('broken'), scene.client('fine')];
    broken.subscribe();
    fine.subscribe();
    broken.socket.onSend = () => {
      throw new Error('planted');
    };
    scene.publish('a');
    expect(broken.closeCode).toBe(ERRORS.internal.code);
    expect(fine.deliveries()).toEqual(['1:a']);
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 1 });
  });

  it('of one command costs only its connection', () => {
    const scene = new HubScene();
    const [broken, fine] = [scene.client('broken'), scene.client('fine')];
    const { queue } = broken.subscribe();
    fine.subscribe();
    scene.publish('a');
    scene.queue(queue).ack = () => {
      throw new Error('planted');
    };
    broken.send(['ack', queue, 1]);
    expect(broken.closeCode).toBe(ERRORS.internal.code);
    scene.publish('b');
    expect(fine.deliveries()).toEqual(['1:a', '2:b']);
  });

  it('of a resume ends the session, so that the next hello begins anew', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe();
    first.cut();
    scene.queue(queue).resume = () => {
      throw new Error('planted');
    };
    const second = scene.connect();
    expect(() => second.resume(welcome, [{ queue }])).toThrow('no welcome');
    expect(second.closeCode).toBeDefined();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
    expect(scene.connect().resume(welcome, [{ queue }]).resumed).toBe(false);
  });

  it('of one queue’s sweep or heartbeat costs only its session', () => {
    const scene = new HubScene();
    const [broken, fine] = [scene.client('broken'), scene.client('fine')];
    const sub = broken.subscribe({ bindings: [['amq.topic', 'none']] });
    const other = fine.subscribe({ bindings: [['amq.topic', 'ttl']], ttlMs: 10, prefetch: 0 });
    scene.queue(sub.queue).expire = () => {
      throw new Error('planted');
    };
    scene.publish('ttl');
    scene.clock.advance(2_000);
    expect(scene.queue(other.queue).ledger.expired).toBe(1);
    expect(broken.closeCode).toBeDefined();

    const beaten = scene.client('beaten');
    const third = beaten.subscribe();
    scene.queue(third.queue).sentUpTo = () => {
      throw new Error('planted');
    };
    scene.clock.advance(30_000);
    expect(beaten.closeCode).toBe(ERRORS.internal.code);
    expect(fine.takeOf('ping').length).toBeGreaterThan(0);
  });

  it('of one ring being trimmed costs the publisher nothing', () => {
    const scene = new HubScene({ limits: { memoryBudgetBytes: 3_000 } });
    const broken = scene.client('broken');
    const { queue } = broken.subscribe({ prefetch: 0 });
    scene.queue(queue).trim = () => {
      throw new Error('planted');
    };
    const publisher = scene.client('publisher');
    for (let seq = 1; seq <= 5; seq++) publisher.publish(seq, 'k', TEXT);
    expect(publisher.closeCode).toBeUndefined();
    expect(publisher.takeOf('confirm').flatMap(({ runs }) => runs).length).toBe(5);
    expect(broken.closeCode).toBe(ERRORS['session-evicted'].code);
  });
});
