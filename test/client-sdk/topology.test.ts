/** Exchanges and bindings, over connections that die. */
import type { Hub, RinghubError, Subscription } from '@ringhub/client';
import { bindExchange, deleteExchange, stats, topology, unbindExchange } from '@ringhub/client/admin';
import { MAX_RESUME_EXCHANGES } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { subscribed } from './support/frames.ts';
import { Scene } from './support/scene.ts';
import type { SentFrame } from './support/scripted-socket.ts';

async function scene() {
  const scene = new Scene();
  const hub: Hub = await scene.online({ client: 'tests' });
  const sent = async (): Promise<SentFrame> => {
    await scene.settle();
    return scene.socket.read().at(-1)!;
  };
  /** Has the hub take a command. */
  const taken = async <T>(command: Promise<T>, result?: unknown): Promise<SentFrame> => {
    const frame = await sent();
    scene.socket.says(['ok', frame[1], ...(result === undefined ? [] : [result])]);
    await command;
    return frame;
  };
  const subscribe = async (): Promise<Subscription> => {
    const subscribing = hub.subscribe({ bindings: [['a', '#']] });
    await taken(subscribing, subscribed(7));
    return (await subscribing) as Subscription;
  };
  return { scene, hub, sent, taken, subscribe };
}

const unknownBinding = (ref: unknown) => ['error', ref, 4321, 'unknown-binding: no such binding'];
const nameOf = (error: unknown) => (error as RinghubError).name;
const bindings = (scene: Scene) => (scene.socket.resume.queues[0]!.options as { bindings: unknown }).bindings;

describe('a subscription that the hub has ended', () => {
  it('ends with its reason; what was said of it before that was heard is no error of the application', async () => {
    const { scene: world, hub, subscribe } = await scene();
    const subscription = await subscribe();
    const errors: string[] = [];
    hub.addEventListener('error', ({ error }) => errors.push(nameOf(error)));
    const ended = subscription.closed.then(nameOf);
    world.socket.says(['error', null, 4309, 'forbidden: not permitted', { queue: 7, name: 'a' }]);
    world.socket.says(['error', null, 4308, 'unknown-queue: no such queue', { queue: 7 }]);
    world.socket.says(['error', null, 4321, 'unknown-binding: of nothing']);
    await world.settle();
    expect(await ended).toBe('forbidden');
    expect(errors).toEqual(['forbidden', 'unknown-binding']);
  });
});

describe('a binding to an exchange of the other log', () => {
  it('has its place in the cursor as soon as it is made, once, and before anything of it was processed', async () => {
    const { scene: world, taken, subscribe } = await scene();
    const subscription = await subscribe();
    const before = subscription.cursor;
    expect(before).not.toContain('d:');
    await taken(subscription.bind('kept', '#'), { cursor: 'd:disk:41' });
    expect(subscription.cursor).toBe(`${before},d:disk:41`);
    // Said again of a later binding, it must not pass over what is on its way.
    await taken(subscription.bind('kept', 'a'), { cursor: 'd:disk:50' });
    expect(subscription.cursor).toBe(`${before},d:disk:41`);
    await world.reconnect();
    expect(world.socket.resume.queues[0]!.cursor).toBe(`${before},d:disk:41`);
  });
});

describe('exchanges', () => {
  it('are declared with all attributes, again in a resume, and no more once deleted', async () => {
    const { scene: world, hub, taken } = await scene();
    const attributes = { type: 'direct', internal: true, autoDelete: true, alternate: 'rest' } as const;
    const frame = await taken(hub.declareExchange('x', attributes));
    expect(frame).toEqual(['declare', frame[1], 'x', attributes]);
    await taken(hub.declareExchange('y'));
    await taken(hub.declareExchange('z', { passive: true }));
    expect(await taken(deleteExchange(hub, 'y', { ifUnused: true }))).toEqual([
      'delete',
      (frame[1] as number) + 3,
      'y',
      true,
    ]);
    await world.reconnect();
    expect(world.socket.resume.exchanges).toEqual([['x', attributes]]);
    expect((world.socket.sent[0]![1] as { client: string }).client).toBe('tests');
  });

  it('are at most as many as a resume can name, also of many at once', async () => {
    const { scene: world, hub, taken, sent } = await scene();
    const [first, ...others] = Array.from({ length: MAX_RESUME_EXCHANGES }, (_, i) =>
      hub.declareExchange(`x${i}`).catch(nameOf),
    );
    const tooMany = { code: 4317, name: 'too-many-exchanges', retry: 'never' };
    await expect(hub.declareExchange('late')).rejects.toMatchObject(tooMany);
    await world.settle();
    const declares = world.socket.read().filter(([type]) => type === 'declare');
    expect(declares.length).toBe(MAX_RESUME_EXCHANGES);
    for (const [, ref] of declares.slice(1)) world.socket.says(['ok', ref]);
    await Promise.all(others);
    // One that the hub refuses, or that is deleted, leaves its place.
    world.socket.says(['error', declares[0]![1], 4314, 'exchange-mismatch: another type']);
    expect(await first).toBe('exchange-mismatch');
    await taken(hub.declareExchange('late'));
    await taken(hub.declareExchange('x7'));
    await taken(hub.declareExchange('seen', { passive: true }));
    await expect(hub.declareExchange('later')).rejects.toMatchObject(tooMany);
    await taken(deleteExchange(hub, 'x9'));
    const refused = hub.declareExchange('x7', { type: 'fanout' }).catch(nameOf);
    world.socket.says(['error', (await sent())[1], 4314, 'exchange-mismatch: another type']);
    await refused;
    await taken(hub.declareExchange('later'));
    await world.reconnect();
    const { exchanges } = world.socket.resume as { exchanges: [string, object][] };
    expect(exchanges).toHaveLength(MAX_RESUME_EXCHANGES);
    expect(exchanges.filter(([name]) => /^(x0|x7|x9|later?)$/.test(name))).toEqual([
      ['x7', { type: 'topic' }],
      ['late', { type: 'topic' }],
      ['later', { type: 'topic' }],
    ]);
  });

  it('bind each other, and a refusal rejects', async () => {
    const { scene: world, hub, sent, taken } = await scene();
    const frame = await taken(bindExchange(hub, 'b', 'a', 'k', { n: 1 }));
    expect(frame).toEqual(['bind', frame[1], 'b', 'a', 'k', { n: 1 }]);
    const unbinding = unbindExchange(hub, 'b', 'a', 'k').catch(nameOf);
    world.socket.says(unknownBinding((await sent())[1]));
    expect(await unbinding).toBe('unknown-binding');
  });

  it('deleted by a command whose answer was lost count as deleted', async () => {
    const { scene: world, hub, sent } = await scene();
    const deleting = deleteExchange(hub, 'x');
    await sent();
    await world.reconnect();
    world.socket.welcome({ resumed: true });
    await world.settle();
    const resent = world.socket.sent.find(([type]) => type === 'delete')!;
    world.socket.says(['error', resent[1], 4300, 'unknown-exchange: none']);
    await expect(deleting).resolves.toBeUndefined();
  });

  it('of a hub with typed messages are no different', async () => {
    const world = new Scene();
    const typed: Hub<{ prices: number }> = await world.online<{ prices: number }>();
    const asking = topology(typed);
    await world.settle();
    world.socket.says(['ok', world.socket.read()[0]![1], { exchanges: [], bindings: [], complete: true }]);
    expect((await asking).complete).toBe(true);
  });

  it('and the hub are asked about, as long as the signal says', async () => {
    const { hub, sent, taken } = await scene();
    const found = { exchanges: [], bindings: [], complete: true };
    const asking = topology(hub);
    await taken(asking, found);
    expect(await asking).toEqual(found);
    const abort = new AbortController();
    const waiting = stats(hub, { signal: abort.signal }).catch((error) => error.name);
    expect((await sent())[0]).toBe('stats');
    abort.abort();
    expect(await waiting).toBe('AbortError');
  });
});

describe('the bindings of a subscription', () => {
  it('change once the hub has answered, and the resume asks for them', async () => {
    const { scene: world, sent, subscribe, taken } = await scene();
    const subscription = await subscribe();
    const frame = await taken(subscription.bind('b', 'k', { n: 1, m: 2 }));
    expect(frame).toEqual(['bind', frame[1], 7, 'b', 'k', { n: 1, m: 2 }]);
    await taken(subscription.bind('b', 'k', { m: 2, n: 1 }));
    await taken(subscription.unbind('a', '#'));
    const refused = subscription.bind('nowhere', '#').catch(nameOf);
    world.socket.says(['error', (await sent())[1], 4300, 'unknown-exchange: none']);
    expect(await refused).toBe('unknown-exchange');
    await world.reconnect();
    expect(bindings(world)).toEqual([['b', 'k', { m: 2, n: 1 }]]);
  });

  it('never become none', async () => {
    const { subscribe } = await scene();
    const subscription = await subscribe();
    await expect(subscription.unbind('a', '#')).rejects.toThrow(TypeError);
  });

  it('under way when the connection is lost are sent again, to the queue of the new session', async () => {
    const { scene: world, sent, subscribe } = await scene();
    const subscription = await subscribe();
    const binding = subscription.bind('b', 'k');
    const unbinding = subscription.unbind('c', 'k');
    await sent();
    await world.reconnect();
    expect(bindings(world)).toEqual([['a', '#']]);
    world.socket.welcome({ resumed: false, queues: [{ was: 7, ...subscribed(9) }] });
    await world.settle();
    const [bind, unbind] = world.socket.sent.filter(([type]) => type.endsWith('bind')) as [
      SentFrame,
      SentFrame,
    ];
    expect([bind.slice(2), unbind.slice(2)]).toEqual([
      [9, 'b', 'k', null],
      [9, 'c', 'k', null],
    ]);
    // The first one may have done it.
    world.socket.says(['ok', bind[1]], unknownBinding(unbind[1]));
    await Promise.all([binding, unbinding]);
    await world.reconnect();
    expect(bindings(world)).toEqual([
      ['a', '#'],
      ['b', 'k', null],
    ]);
  });
});
