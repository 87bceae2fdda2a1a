/**
 * Exchanges of all types, bindings between them, and the hub's own events, through hub and gateway (PROTOCOL §5).
 */
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';
import type { ScriptedClient } from './support/scripted-client.ts';

/** What came to a queue since the last look, by payload. */
function payloads(client: ScriptedClient, queue: number): unknown[] {
  const here = client.all('deliver').filter((frame) => frame.queue === queue);
  const all = here.flatMap(({ items }) =>
    items.map((item) => (item.kind === 'message' ? item.payload : item.kind)),
  );
  const seen = looked.get(queue) ?? 0;
  looked.set(queue, all.length);
  return all.slice(seen);
}
let looked = new Map<number, number>();

/** A server that has declared exchanges, and a subscriber. */
function stage(...exchanges: readonly [name: string, options: object][]) {
  const scene = new HubScene();
  looked = new Map();
  const server = scene.client('alice');
  let ref = 100;
  const command = (client: ScriptedClient, ...fields: [string, ...unknown[]]) => {
    const [type, ...rest] = fields;
    client.send([type, ++ref, ...rest]);
    return client.take().find((frame) => 'ref' in frame && frame.ref === ref);
  };
  for (const [name, options] of exchanges) {
    expect(command(server, 'declare', name, options)).toEqual({ type: 'ok', ref });
  }
  let seq = 0;
  const publish = (exchange: string, key: string, payload: string, headers = {}) => {
    server.send(['publish', ++seq, exchange, key, payload, { headers }]);
    return server.take()[0];
  };
  return { scene, server, subscriber: scene.client('bob'), command, publish };
}

describe('exchange types', () => {
  it.each([
    [
      'direct',
      [['a', {}]],
      ['a'],
      [
        ['a.b', {}],
        ['', {}],
      ],
    ],
    ['fanout', [['', {}]], ['a', 'b.c', ''], []],
    ['topic', [['a.#', {}]], ['a', 'a.b'], [['b', {}]]],
  ] as const)('%s', (type, [[key]], taken, passed) => {
    const { subscriber, publish } = stage(['x', { type }]);
    const { queue } = subscriber.subscribe({ bindings: [['x', key]] });
    for (const k of taken) publish('x', k, `to ${k}`);
    for (const [k] of passed) publish('x', k, 'not');
    expect(payloads(subscriber, queue)).toEqual(taken.map((k) => `to ${k}`));
  });

  it('headers, all and any', () => {
    const { subscriber, publish } = stage(['x', { type: 'headers' }]);
    const all = subscriber.subscribe({ bindings: [['x', '', { type: 'order', paid: true }]] }).queue;
    const any = subscriber.subscribe({
      bindings: [['x', '', { 'x-match': 'any', type: 'order', vip: null }]],
    }).queue;
    publish('x', 'k', 'unpaid', { type: 'order' });
    publish('x', 'k', 'paid', { type: 'order', paid: true });
    publish('x', 'k', 'vip', { vip: 'yes' });
    publish('x', 'k', 'none', {});
    expect(payloads(subscriber, all)).toEqual(['paid']);
    expect(payloads(subscriber, any)).toEqual(['unpaid', 'paid', 'vip']);
  });

  it('are read from the log as they are routed live', () => {
    const { subscriber, publish } = stage(['x', { type: 'headers' }], ['d', { type: 'direct' }]);
    publish('x', 'k', 'paid', { paid: true });
    publish('x', 'k', 'unpaid');
    publish('d', 'k.l', 'direct');
    const { queue } = subscriber.subscribe({
      bindings: [
        ['x', '', { paid: true }],
        ['d', 'k.l'],
      ],
      since: 'earliest',
    });
    expect(payloads(subscriber, queue)).toEqual(['paid', 'direct']);
  });
});

describe('bindings', () => {
  it('come to a queue and go while it lives', () => {
    const { subscriber, command, publish } = stage();
    const { queue } = subscriber.subscribe({ bindings: [['amq.topic', 'a']] });
    expect(command(subscriber, 'bind', queue, 'amq.topic', 'b')).toMatchObject({ type: 'ok' });
    publish('amq.topic', 'b', 'first');
    expect(payloads(subscriber, queue)).toEqual(['first']);
    expect(command(subscriber, 'unbind', queue, 'amq.topic', 'b')).toMatchObject({ type: 'ok' });
    publish('amq.topic', 'b', 'second');
    publish('amq.topic', 'a', 'third');
    expect(payloads(subscriber, queue)).toEqual(['third']);
  });

  it('between exchanges bring one copy to a queue, however many ways lead there', () => {
    const { server, subscriber, command, publish } = stage(
      ['a', { type: 'topic' }],
      ['b', { type: 'fanout' }],
    );
    expect(command(server, 'bind', 'b', 'a', '#')).toMatchObject({ type: 'ok' });
    expect(command(server, 'bind', 'a', 'b', '')).toMatchObject({ type: 'ok' });
    const both = subscriber.subscribe({
      bindings: [
        ['a', '#'],
        ['b', ''],
      ],
    }).queue;
    const one = subscriber.subscribe({ bindings: [['b', '']] }).queue;
    expect(publish('a', 'k', 'x')).toMatchObject({ type: 'confirm', runs: [{ sessions: 1 }] });
    expect([payloads(subscriber, both), payloads(subscriber, one)]).toEqual([['x'], ['x']]);
  });

  it('an alternate exchange gets what nothing was bound for, and makes it routable', () => {
    const { server, subscriber, command, publish } = stage(
      ['rest', { type: 'fanout' }],
      ['a', { type: 'direct', alternate: 'rest' }],
    );
    const rest = subscriber.subscribe({ bindings: [['rest', '']] }).queue;
    const mine = subscriber.subscribe({ bindings: [['a', 'k']] }).queue;
    publish('a', 'k', 'for me');
    publish('a', 'other', 'for nobody');
    expect([payloads(subscriber, mine), payloads(subscriber, rest)]).toEqual([['for me'], ['for nobody']]);
    server.send(['publish', 3, 'a', 'other', 'x', { mandatory: true }]);
    expect(server.take()[0]).toMatchObject({ type: 'confirm' });
    expect(command(server, 'delete', 'rest')).toMatchObject({ type: 'ok' });
    server.send(['publish', 4, 'a', 'other', 'x', { mandatory: true }]);
    expect(server.take()[0]).toMatchObject({ type: 'refused', seq: 4 });
  });
});

describe('exchanges', () => {
  it('declared anew show nothing of the old one', () => {
    const { server, subscriber, command, publish } = stage(['x', { type: 'topic' }]);
    publish('x', 'k', 'old');
    const old = subscriber.subscribe({ bindings: [['x', '#']] }).queue;
    expect(command(server, 'delete', 'x')).toMatchObject({ type: 'ok' });
    expect(command(server, 'declare', 'x', { type: 'topic' })).toMatchObject({ type: 'ok' });
    publish('x', 'k', 'new');
    const anew = subscriber.subscribe({ bindings: [['x', '#']], since: 'earliest' }).queue;
    expect([payloads(subscriber, old), payloads(subscriber, anew)]).toEqual([[], ['new']]);
  });

  it('that delete themselves go with their last binding, and take those that led only there along', () => {
    const { scene, server, subscriber, command } = stage(
      ['outer', { type: 'fanout', autoDelete: true }],
      ['inner', { type: 'fanout', autoDelete: true }],
    );
    expect(command(server, 'bind', 'inner', 'outer', '')).toMatchObject({ type: 'ok' });
    const { queue } = subscriber.subscribe({ bindings: [['inner', '']] });
    expect(scene.hub.stats()).toMatchObject({ exchanges: 8, bindings: 2 });
    expect(command(subscriber, 'unsubscribe', queue)).toMatchObject({ type: 'ok' });
    expect(scene.hub.stats()).toMatchObject({ exchanges: 6, bindings: 0 });
    expect(command(server, 'declare', 'inner', { passive: true })).toMatchObject({
      type: 'error',
      code: 4300,
    });
  });

  it('are listed with their bindings, as far as one may see them', () => {
    const { scene, server, subscriber, command } = stage(['x', { type: 'direct', internal: true }]);
    const { queue } = subscriber.subscribe({ bindings: [['x', 'k']] });
    command(server, 'bind', 'amq.fanout', 'x', 'all');
    const { result } = command(subscriber, 'list') as unknown as {
      result: { exchanges: { name: string }[]; bindings: unknown[] };
    };
    expect(result.exchanges).toContainEqual({ name: 'x', type: 'direct', internal: true, bindings: 2 });
    expect(result.bindings).toEqual([
      { exchange: 'x', key: 'all', to: { exchange: 'amq.fanout' } },
      { exchange: 'x', key: 'k', to: { session: expect.any(String), queue } },
    ]);
    scene.options.forbidden = (_action, exchange) => exchange === 'x';
    const { result: less } = command(subscriber, 'list') as unknown as { result: { bindings: unknown[] } };
    expect(less.bindings).toEqual([]);
  });

  it('may be bound to each other only by who may read the one and write to the other', () => {
    const { scene, server, command } = stage(['x', { type: 'topic' }]);
    scene.options.forbidden = (action, exchange) => action === 'publish' && exchange === 'amq.topic';
    expect(command(server, 'bind', 'amq.topic', 'x', '#')).toMatchObject({ type: 'error', code: 4309 });
    scene.options.forbidden = (action, exchange) => action === 'subscribe' && exchange === 'x';
    expect(command(server, 'bind', 'amq.topic', 'x', '#')).toMatchObject({ type: 'error', code: 4309 });
  });
});

describe('hub.events', () => {
  it('tell of sessions and bindings while somebody listens, and not of themselves', () => {
    const { scene, subscriber } = stage();
    const { queue } = subscriber.subscribe({ bindings: [['hub.events', '#']] });
    const guest = scene.connect();
    const welcome = guest.hello({ client: 'carol' });
    guest.subscribe({ bindings: [['amq.topic', 'room.1']] });
    guest.send(['bye']);
    scene.clock.settle();
    const keys = subscriber
      .all('deliver')
      .filter((frame) => frame.queue === queue)
      .flatMap(({ items }) => items.map((item) => (item.kind === 'message' ? [item.key, item.payload] : [])));
    expect(keys.map(([key]) => key)).toEqual([
      'session.opened',
      'binding.created.amq.topic.room.1',
      'binding.deleted.amq.topic.room.1',
      'session.closed',
    ]);
    expect(JSON.parse(String(keys[0]![1]))).toMatchObject({ session: welcome.session, client: 'carol' });
  });
});

it('a mandatory publish sent again with its id is a duplicate, also when nobody listens any more', () => {
  const { scene, server, subscriber } = stage();
  const { queue } = subscriber.subscribe();
  server.send(['publish', 1, 'amq.topic', 'k', 'x', { mandatory: true, id: 'once' }]);
  expect(server.takeOf('confirm')).toHaveLength(1);
  subscriber.send(['unsubscribe', 1, queue]);
  server.send(['publish', 2, 'amq.topic', 'k', 'x', { mandatory: true, id: 'once' }]);
  expect(server.take()[0]).toMatchObject({ type: 'confirm', runs: [{ seq: 2, offset: 1, duplicate: true }] });
  server.send(['publish', 3, 'amq.topic', 'k', 'x', { mandatory: true, id: 'twice' }]);
  expect(server.take()[0]).toMatchObject({ type: 'refused', seq: 3, code: 4310 });
  expect(scene.engine.bounds('v').last).toBe(1);
});

describe('a subscription', () => {
  it('that is told of a deleted exchange knows why nothing comes any more', () => {
    const { server, subscriber, command } = stage(['x', { type: 'topic' }]);
    const { queue } = subscriber.subscribe({ bindings: [['x', '#']] });
    expect(command(server, 'delete', 'x')).toMatchObject({ type: 'ok' });
    expect(subscriber.all('error')).toEqual([
      expect.objectContaining({ ref: null, code: 4300, detail: { queue, exchange: 'x' } }),
    ]);
  });

  it('gets the latest of a key once, in how many of its exchanges it may be', () => {
    const { server, subscriber, command, publish } = stage(
      ['x', { type: 'topic' }],
      ['y', { type: 'topic' }],
    );
    expect(command(server, 'bind', 'y', 'x', '#')).toMatchObject({ type: 'ok' });
    publish('x', 'a', 'both');
    publish('y', 'b', 'only in y');
    publish('x', 'c', 'not asked for of x');
    const { queue } = subscriber.subscribe({
      bindings: [
        ['x', 'a'],
        ['y', 'a'],
        ['y', 'b'],
      ],
      since: 'last-per-key',
    });
    expect(payloads(subscriber, queue)).toEqual(['both', 'only in y', 'snapshot-end']);
  });

  it('that catches up is told of no loss by what never was for it, nor shown what came before its binding', () => {
    const { scene, subscriber, command, publish } = stage();
    const { queue } = subscriber.subscribe({
      bindings: [['amq.topic', 'a']],
      overflow: 'catch-up',
      capacity: 2,
      prefetch: 1,
    });
    publish('amq.topic', 'a', 'one');
    publish('amq.topic', 'b', 'before the binding');
    expect(command(subscriber, 'bind', queue, 'amq.topic', 'b')).toMatchObject({ type: 'ok' });
    for (let i = 0; i < 3; i++) publish('amq.topic', 'a', `later ${i}`);
    for (let tag = 1; tag <= 4; tag++) subscriber.send(['ack', queue, tag]);
    scene.clock.settle();
    expect(payloads(subscriber, queue)).toEqual(['one', 'later 0', 'later 1', 'later 2']);
  });
});

describe('a binding', () => {
  it('of headers is the same whatever their order', () => {
    const { subscriber, command } = stage(['x', { type: 'headers' }]);
    const { queue } = subscriber.subscribe({
      bindings: [
        ['x', '', { type: 'order', paid: true }],
        ['amq.topic', '#'],
      ],
    });
    expect(command(subscriber, 'bind', queue, 'x', '', { paid: true, type: 'order' })?.type).toBe('ok');
    expect(command(subscriber, 'list')).toMatchObject({ result: { bindings: { length: 2 } } });
    expect(command(subscriber, 'unbind', queue, 'x', '', { paid: true, type: 'order' })?.type).toBe('ok');
    expect(command(subscriber, 'list')).toMatchObject({ result: { bindings: { length: 1 } } });
  });

  it('made later, or between exchanges, does not have equal keys of two exchanges conflated', () => {
    const { server, subscriber, command, publish } = stage(
      ['x', { type: 'topic' }],
      ['y', { type: 'topic' }],
      ['z', { type: 'topic' }],
    );
    const options = { overflow: 'conflate', prefetch: 0 } as const;
    const { queue } = subscriber.subscribe({ bindings: [['x', '#']], ...options });
    const { queue: other } = subscriber.subscribe({ bindings: [['x', '#']], ...options });
    command(subscriber, 'bind', queue, 'y', '#');
    command(server, 'bind', 'x', 'z', '#');
    for (const name of ['x', 'y', 'z', 'x']) publish(name, 'k', `${name} k`);
    command(subscriber, 'credit', queue, 10);
    command(subscriber, 'credit', other, 10);
    subscriber.take();
    expect(payloads(subscriber, queue).sort()).toEqual(['x k', 'y k', 'z k']);
    expect(payloads(subscriber, other).sort()).toEqual(['x k', 'z k']);
  });
});
