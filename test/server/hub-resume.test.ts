/**
 * Coming back: which resume tokens hold, after a restart of the hub, and with the other codec (PROTOCOL §3, §12).
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';
import { resumeOf } from './support/scripted-client.ts';
import { BINARY_WIRE, JSON_WIRE } from './support/wire-codec.ts';

describe('the resume token', () => {
  it('just used stays valid while nothing proves that the new one arrived', () => {
    const scene = new HubScene();
    const welcome = scene.client().all('welcome')[0]!;
    for (let i = 0; i < 3; i++) {
      const client = scene.connect();
      expect(client.resume(welcome).resumed).toBe(true);
      client.cut();
    }
  });

  it('is finished once a frame on the new connection proves the new one', () => {
    const scene = new HubScene();
    const first = scene.client().all('welcome')[0]!;
    const second = scene.connect();
    const rotated = second.resume(first);
    second.send(['ping']);
    expect(scene.connect().resume(first).resumed).toBe(false);
    expect(second.closeCode).toBeUndefined();
    expect(scene.connect().resume(rotated).resumed).toBe(true);
  });

  it('is not proved by what was sent before the welcome could arrive', () => {
    const scene = new HubScene();
    const first = scene.client().all('welcome')[0]!;
    const second = scene.connect();
    second.send(['hello', { version: 1, token: 'alice', resume: resumeOf(first) }], ['ping']);
    second.cut();
    expect(scene.connect().resume(first).resumed).toBe(true);
  });

  it('is not proved by what came while the token was being checked', async () => {
    const scene = new HubScene();
    const opening = scene.connect().send(['hello', { version: 1, token: 'later' }]);
    scene.waiting[0]!(scene.principal('later'));
    await Promise.resolve().then(() => scene.clock.settle());
    const first = opening.all('welcome')[0]!;
    const second = scene.connect().send(['hello', { version: 1, token: 'later', resume: resumeOf(first) }]);
    second.send(['ping']);
    scene.waiting[1]!(scene.principal('later'));
    await Promise.resolve().then(() => scene.clock.settle());
    expect(second.all('welcome')[0]!.resumed).toBe(true);
    const third = scene.connect().send(['hello', { version: 1, token: 'later', resume: resumeOf(first) }]);
    scene.waiting[2]!(scene.principal('later'));
    await Promise.resolve().then(() => scene.clock.settle());
    expect(third.all('welcome')[0]!.resumed).toBe(true);
  });
});

describe('after a restart of the hub', () => {
  it('the same frame subscribes anew: a gap for the old log, then the new one from its start', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    first.send(['declare', 1, 'prices', { type: 'topic' }]);
    const options = { bindings: [['prices', '#']] } as const;
    const { queue } = first.subscribe(options);
    const old = scene.epoch;
    scene.publishNow('a', 'x', { exchange: 'prices' });
    scene.clock.settle();
    scene.restart();
    scene.hub.declareExchange('prices');
    scene.publishNow('b', 'x', { exchange: 'prices' });

    const second = scene.connect();
    const anew = second.resume(
      welcome,
      [{ queue, lastTag: 1, ackedUpTo: 1, cursor: `v:${old}:1`, options }],
      ['prices'],
    );
    expect(anew.resumed).toBe(false);
    expect(anew.queues).toMatchObject([{ was: queue, cursor: `v:${scene.epoch}:0` }]);
    expect(second.deliveries()).toEqual([`1:gap epoch null [${old} 2-null]`, '2:b']);
  });

  it('exchanges of the resume are declared first, and what cannot be subscribed is said', () => {
    const scene = new HubScene();
    const welcome = scene.client().all('welcome')[0]!;
    scene.restart();
    const queues = ['mine', 'missing'].map((name, i) => ({
      queue: i + 1,
      options: { bindings: [[name, '#']] as const },
    }));
    const anew = scene.connect().resume(welcome, queues, ['mine']);
    expect(anew.queues).toMatchObject([
      { was: 1, queue: 1 },
      { was: 2, code: ERRORS['unknown-exchange'].code },
    ]);
  });
});

describe('a session resumed with the other codec', () => {
  it.each([
    ['binary', 'JSON', BINARY_WIRE, JSON_WIRE],
    ['JSON', 'binary', JSON_WIRE, BINARY_WIRE],
  ])('%s, then %s: the same items with the same tags, and answers in the new one', (_, __, first, second) => {
    const scene = new HubScene();
    const before = scene.connect(first);
    const welcome = before.hello();
    const { queue } = before.subscribe({ prefetch: 2 });
    scene.publish('a', 'b', 'c');
    expect(before.deliveries()).toEqual(['1:a', '2:b']);
    // Confirms and answers under way belong to the old connection, and are not written to the new one.
    before.sendNow(['publish', 1, 'amq.topic', 'd', 'x'], ['list', 7]);
    before.cut();
    const after = scene.connect(second);
    expect(after.resume(welcome, [{ queue, lastTag: 1, ackedUpTo: 1 }]).resumed).toBe(true);
    expect(after.deliveries()).toEqual(['2:b', '3:c']);
    after.send(['ack', queue, 3], ['ping']);
    expect(after.take().map(({ type }) => type)).toEqual(['pong', 'deliver']);
    expect(scene.faults).toEqual([]);
  });
});
