/**
 * Where a subscription starts, how it reads the log, and what it says of where it stands (PROTOCOL §10).
 */
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../server/src/ports/engine.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';
import { ScriptedClient } from './support/scripted-client.ts';
import { JSON_WIRE } from './support/wire-codec.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e'];

describe('since', () => {
  it('live: only what comes', () => {
    const scene = new HubScene();
    scene.publish('a');
    const client = scene.client();
    expect(client.subscribe().cursor).toBe(`v:${scene.epoch}:1`);
    scene.publish('b');
    expect(client.deliveries()).toEqual(['1:b']);
  });

  it('earliest: everything the log has, then live, without a gap or a repetition', () => {
    const scene = new HubScene();
    scene.publish(...LETTERS);
    const client = scene.client();
    expect(client.subscribe({ since: 'earliest' }).cursor).toBe(`v:${scene.epoch}:0`);
    scene.publish('f');
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c', '4:d', '5:e', '6:f']);
  });

  it('a cursor: what follows it', () => {
    const scene = new HubScene();
    scene.publish(...LETTERS);
    const client = scene.client();
    client.subscribe({ since: { cursor: `v:${scene.epoch}:3` } });
    expect(client.deliveries()).toEqual(['1:d', '2:e']);
  });

  it('a cursor of the durable log only is none of this hub', () => {
    const client = new HubScene().client();
    client.send(['subscribe', 1, { bindings: [['amq.topic', '#']], since: { cursor: 'd:x:3' } }]);
    expect(client.takeOf('error')).toMatchObject([{ ref: 1, detail: { field: 'since' } }]);
  });

  it('a cursor of another epoch: a gap, then the new log from its start', () => {
    const scene = new HubScene();
    scene.publish('a');
    const client = scene.client();
    client.subscribe({ since: { cursor: 'v:old:7' } });
    expect(client.deliveries()).toEqual(['1:gap epoch null [old 8-null]', '2:a']);
  });

  it('a cursor beyond the end of the log: a gap, then live', () => {
    const scene = new HubScene();
    scene.publish('a');
    const client = scene.client();
    client.subscribe({ since: { cursor: `v:${scene.epoch}:9` } });
    scene.publish('b');
    expect(client.deliveries()).toEqual([`1:gap epoch null [${scene.epoch} 2-9]`, '2:b']);
  });

  it('a cursor before the start of the log: a gap for what was trimmed', () => {
    const scene = new HubScene({ log: { maxMessages: 2 } });
    scene.publish(...LETTERS);
    const client = scene.client();
    client.subscribe({ since: { cursor: `v:${scene.epoch}:1` } });
    expect(client.deliveries()).toEqual([`1:gap trimmed null [${scene.epoch} 2-3]`, '2:d', '3:e']);
  });

  it('a time: from the first message at or after it', () => {
    const scene = new HubScene();
    for (const key of LETTERS) {
      scene.publish(key);
      scene.clock.advance(1_000);
    }
    const startMs = scene.clock.wallMs() - 5_000;
    const from = (timeMs: number) => {
      const client = scene.client();
      client.subscribe({ since: { timeMs } });
      return client.deliveries();
    };
    expect(from(startMs + 3_000)).toEqual(['1:d', '2:e']);
    expect(from(startMs + 2_001)).toEqual(['1:d', '2:e']);
    expect(from(0)).toHaveLength(5);
    expect(from(startMs + 60_000)).toEqual([]);
  });

  it('last-per-key: the latest of each matching key, the end of the snapshot, then live', () => {
    const scene = new HubScene();
    scene.publish('p.a', 'p.b', 'p.a', 'q.a');
    const client = scene.client();
    const { cursor } = client.subscribe({ since: 'last-per-key', bindings: [['amq.topic', 'p.*']] });
    expect(cursor).toBeNull();
    scene.publish('p.c');
    expect(client.takeOf('deliver').flatMap(({ items }) => items)).toMatchObject([
      { key: 'p.b', offset: 2 },
      { key: 'p.a', offset: 3 },
      { kind: 'snapshot-end', cursor: `v:${scene.epoch}:4`, complete: true },
      { key: 'p.c', offset: 5 },
    ]);
  });

  it('last-per-key: a key published again meanwhile comes once, with its newest value', () => {
    const scene = new HubScene();
    scene.publish('a', 'b');
    const client = scene.client();
    const { queue } = client.subscribe({ since: 'last-per-key', prefetch: 1 });
    expect(client.deliveries()).toEqual(['1:a']);
    scene.publish('b', 'c');
    client.send(['ack', queue, 1], ['credit', 1, queue, 10]);
    expect(client.deliveries()).toEqual([`2:end v:${scene.epoch}:2 true`, '3:b', '4:c']);
  });

  it('last-per-key: says so where keys were forgotten', () => {
    const scene = new HubScene({ limits: { lastPerKeyEntries: 2 } });
    scene.publish('a', 'b', 'c');
    const client = scene.client();
    client.subscribe({ since: 'last-per-key' });
    expect(client.deliveries()).toEqual(['1:b', '2:c', `3:end v:${scene.epoch}:3 false`]);
  });

  it('last-per-key: is independent of what the log keeps', () => {
    const scene = new HubScene({ log: { maxMessages: 1 } });
    scene.publish('a', 'b');
    const client = scene.client();
    client.subscribe({ since: 'last-per-key' });
    expect(client.deliveries()).toEqual(['1:a', '2:b', `3:end v:${scene.epoch}:2 true`]);
  });
});

describe('reading the log', () => {
  it('goes as far as credit, and on with each ack', () => {
    const scene = new HubScene();
    scene.publish(...LETTERS);
    const client = scene.client();
    const { queue } = client.subscribe({ since: 'earliest', prefetch: 2 });
    expect(client.deliveries()).toEqual(['1:a', '2:b']);
    client.send(['ack', queue, 1]);
    expect(client.deliveries()).toEqual(['3:c']);
    expect(scene.hub.stats().memory.heldBytes).toBeLessThan(1000);
  });

  it('tells what was trimmed before it came there', () => {
    const scene = new HubScene({ log: { maxMessages: 3 } });
    scene.publish('a', 'b', 'c');
    const client = scene.client();
    const { queue } = client.subscribe({ since: 'earliest', prefetch: 1 });
    scene.publish('d', 'e');
    client.send(['credit', 1, queue, 10]);
    expect(client.deliveries()).toEqual([
      '1:a',
      `2:gap trimmed null [${scene.epoch} 2-2]`,
      '3:c',
      '4:d',
      '5:e',
    ]);
  });

  it('with a rare pattern looks at so much a turn, and lets others have theirs', () => {
    const scene = new HubScene();
    for (let i = 0; i < 6_000; i++) scene.publishNow('common');
    scene.publishNow('rare');
    scene.clock.settle();
    const reads: number[] = [];
    const read = scene.engine.read.bind(scene.engine);
    scene.engine.read = (log, after, limit, done) => {
      reads.push(after);
      read(log, after, limit, done);
    };
    const client = scene.client();
    client.sendNow(['subscribe', 1, { bindings: [['amq.topic', 'rare']], since: 'earliest' }]);
    scene.clock.turn();
    expect(Math.max(...reads)).toBeLessThanOrEqual(2_048);
    scene.clock.turn();
    expect(Math.max(...reads)).toBeLessThanOrEqual(4_096);
    scene.clock.settle();
    expect(client.deliveries()).toEqual(['1:rare']);
  });

  it('catch-up reads on as acks free the ring: nothing is lost', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe({ overflow: 'catch-up', capacity: 4, prefetch: 2 });
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    scene.publish(...keys);
    const seen: string[] = [];
    for (let tag = 1; tag <= 30; tag++) {
      seen.push(...client.deliveries());
      client.send(['ack', queue, tag]);
    }
    expect(seen).toEqual(keys.map((key, i) => `${i + 1}:${key}`));
    scene.publish('live');
    expect(client.deliveries()).toEqual(['31:live']);
  });

  it('catch-up without acks drains a burst larger than its ring in one turn', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe({ overflow: 'catch-up', ack: 'none', capacity: 2 });
    scene.publish(...LETTERS);
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c', '4:d', '5:e']);
  });

  it('catch-up tells what the log had trimmed meanwhile', () => {
    const scene = new HubScene({ log: { maxMessages: 2 } });
    const client = scene.client();
    const { queue } = client.subscribe({ overflow: 'catch-up', capacity: 2, prefetch: 1 });
    scene.publish(...LETTERS);
    client.send(['ack', queue, 1], ['credit', 1, queue, 1]);
    client.send(['ack', queue, 2]);
    client.send(['ack', queue, 3]);
    client.send(['ack', queue, 4]);
    expect(client.deliveries()).toEqual([
      '1:a',
      '2:b',
      `3:gap trimmed null [${scene.epoch} 3-3]`,
      '4:d',
      '5:e',
    ]);
  });

  it('a parked subscription goes on reading after its resume', () => {
    const scene = new HubScene();
    scene.publish(...LETTERS);
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe({ since: 'earliest', prefetch: 2 });
    first.cut();
    scene.publish('f');
    const second = scene.connect();
    second.resume(welcome, [{ queue, lastTag: 2, ackedUpTo: 2 }]);
    second.send(['credit', 1, queue, 10]);
    expect(second.deliveries()).toEqual(['3:c', '4:d', '5:e', '6:f']);
  });

  it('what can never fit becomes a gap, and a disconnect queue is not disconnected by it', () => {
    const scene = new HubScene();
    scene.publishNow('small');
    scene.publishNow('large', 'x'.repeat(500));
    scene.publish('last');
    const client = scene.client();
    client.subscribe({ since: 'earliest', overflow: 'disconnect', capacityBytes: 450 });
    scene.publish('live');
    expect(client.closeCode).toBeUndefined();
    expect(client.deliveries()).toEqual(['1:small', expect.stringContaining(' 1 ['), '3:last', '4:live']);
  });
});

describe('with an engine that reads later', () => {
  const later = () => {
    const reads: (() => void)[] = [];
    const options: HubSceneOptions = {
      engine: (engine) =>
        Object.assign(Object.create(engine) as Engine, {
          read: ((log, after, limit, done) => {
            reads.push(() => engine.read(log, after, limit, done));
          }) satisfies Engine['read'],
        }),
    };
    const scene = new HubScene(options);
    return {
      scene,
      pending: reads,
      read: () => {
        for (const read of reads.splice(0)) read();
        scene.clock.settle();
      },
    };
  };

  it('what is published meanwhile comes once and in order', () => {
    const { scene, read } = later();
    scene.publish('a', 'b');
    const client = scene.client();
    client.subscribe({ since: 'earliest' });
    scene.publish('c');
    expect(client.deliveries()).toEqual([]);
    read();
    scene.publish('d');
    read();
    expect(client.deliveries()).toEqual(['1:a', '2:b', '3:c', '4:d']);
  });

  it('an answer for a queue that is gone is dropped', () => {
    const { scene, read } = later();
    scene.publish('a');
    const client = scene.client();
    const { queue } = client.subscribe({ since: 'earliest' });
    client.send(['unsubscribe', 1, queue]);
    read();
    expect(client.deliveries()).toEqual([]);
    expect(scene.hub.stats().memory.heldBytes).toBe(0);
  });

  it('what cannot be taken in its answer hurts nobody else', () => {
    const { scene, read, pending } = later();
    scene.publish('a');
    const client = scene.client();
    client.subscribe({ since: 'earliest' });
    client.cut();
    read();
    expect(pending).toEqual([]);
    expect(scene.hub.stats().ledger.residual).toBe(0);
  });
});

describe('marks', () => {
  it('come with the heartbeat and say up to where all was sent', () => {
    const scene = new HubScene();
    const client = scene.client();
    const [idle, paused] = [
      client.subscribe({ bindings: [['amq.topic', 'never']] }),
      client.subscribe({ prefetch: 1 }),
    ];
    scene.publish('a', 'b', 'c');
    scene.clock.advance(20_000);
    expect(client.takeOf('mark')).toEqual([
      { type: 'mark', queue: idle.queue, cursor: `v:${scene.epoch}:3` },
      { type: 'mark', queue: paused.queue, cursor: `v:${scene.epoch}:1` },
    ]);
  });

  it('stay away within a snapshot', () => {
    const scene = new HubScene();
    scene.publish('a', 'b');
    const client = scene.client();
    client.subscribe({ since: 'last-per-key', prefetch: 1 });
    scene.clock.advance(20_000);
    expect(client.takeOf('mark')).toEqual([]);
  });

  it('never pass what is delivered after them', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe();
    scene.clock.advance(19_999);
    client.send(['pong']);
    client.take();
    scene.clock.every(1, () => scene.publishNow('late'));
    scene.clock.advance(2);
    let seen = 0;
    for (const frame of client.take()) {
      if (frame.type === 'deliver') seen += frame.items.length;
      if (frame.type === 'mark') expect(frame.cursor).toBe(`v:${scene.epoch}:${seen}`);
    }
    expect(seen).toBeGreaterThan(0);
  });
});

describe('many that read the log at once', () => {
  it('share what is read in a turn, so that others do not wait for them, and all reach its end', () => {
    let [inTurn, most] = [0, 0];
    const scene = new HubScene({
      log: { maxMessages: 10_000, maxBytes: 10_000_000 },
      engine: (engine) => {
        const read = engine.read.bind(engine);
        engine.read = (log, after, limit, done) => {
          inTurn += limit;
          most = Math.max(most, inTurn);
          read(log, after, limit, done);
        };
        return engine;
      },
    });
    const turn = scene.clock.turn.bind(scene.clock);
    scene.clock.turn = () => {
      inTurn = 0;
      turn();
    };
    for (let i = 0; i < 50; i++) scene.publish(...Array.from({ length: 100 }, () => 'often'));
    scene.publish('rare');
    // They do not wait for each other, as those of other tests do.
    const connect = () =>
      new ScriptedClient(
        (socket) => scene.gateway.accept(socket),
        () => {},
        JSON_WIRE,
      );
    const clients = Array.from({ length: 40 }, connect);
    for (const client of clients) client.send(['hello', { version: 1, token: 'alice' }]);
    scene.clock.settle();
    const options = { bindings: [['amq.topic', 'rare']], since: 'earliest' };
    for (const client of clients) client.send(['subscribe', 1, options]);
    scene.clock.settle();
    for (const client of clients) expect(client.deliveries()).toEqual(['1:rare']);
    expect(most).toBeGreaterThan(2_048);
    expect(most).toBeLessThanOrEqual(4_096 + 256);
  });
});
