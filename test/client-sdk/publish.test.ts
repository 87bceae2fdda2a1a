import type { ConnectOptions, Hub, RinghubError } from '@ringhub/client';
import { describe, expect, it } from 'vitest';
import { Scene } from './support/scene.ts';

async function online(options: ConnectOptions = {}) {
  const scene = new Scene();
  const hub: Hub = await scene.online(options);
  const settleAll = (promises: Promise<unknown>[]) => Promise.allSettled(promises);
  return { scene, hub, settleAll };
}

const publishes = (scene: Scene) => scene.socket.read().filter(([type]) => type === 'publish');
const nameOf = (error: unknown) => (error as RinghubError).name;

describe('publish', () => {
  it('numbers, joins those of one turn in one message, and resolves with receipts', async () => {
    const { scene, hub } = await online();
    const sent = [
      hub.publish('a', 'k1', { x: 1 }),
      hub.publish('a', 'k2', 'text'),
      hub.publish('a', 'k3', new Uint8Array([1, 2])),
    ];
    const before = scene.socket.messages.length;
    await scene.settle();
    expect(scene.socket.messages.length).toBe(before + 1);
    expect(publishes(scene)).toEqual([
      ['publish', 1, 'a', 'k1', '{"x":1}', { contentType: 'application/json' }],
      ['publish', 2, 'a', 'k2', 'text', {}],
      ['publish', 3, 'a', 'k3', { b64: 'AQI=' }, {}],
    ]);
    scene.socket.says([
      'confirm',
      [
        [1, 2, 'v', 10, 5],
        [3, 1, 'v', 40, 0, true],
      ],
    ]);
    expect(await Promise.all(sent)).toEqual([
      { position: { log: 'v', epoch: 'e1', offset: 10 }, sessions: 5, duplicate: false },
      { position: { log: 'v', epoch: 'e1', offset: 11 }, sessions: 5, duplicate: false },
      { position: { log: 'v', epoch: 'e1', offset: 40 }, sessions: 0, duplicate: true },
    ]);
  });

  it('passes properties on; a content type of its own holds', async () => {
    const { scene, hub } = await online();
    void hub.publish('a', 'k', '{"x":1}', {
      contentType: 'application/json',
      headers: { h: 1 },
      id: 'i',
      mandatory: true,
      ttlMs: 5,
    });
    await scene.settle();
    expect(publishes(scene)[0]?.[5]).toEqual({
      contentType: 'application/json',
      headers: { h: 1 },
      id: 'i',
      mandatory: true,
      ttlMs: 5,
    });
  });

  it('keeps to the hub’s window and goes on as confirms come', async () => {
    const { scene, hub } = await online();
    for (let i = 0; i < 6; i++) hub.publish('a', 'k', i).catch(() => {});
    await scene.settle();
    expect(publishes(scene).map(([, seq]) => seq)).toEqual([1, 2, 3, 4]);
    scene.socket.says(['confirm', [[2, 1, 'v', 1, 0]]]);
    await scene.settle();
    expect(publishes(scene).map(([, seq]) => seq)).toEqual([5]);
    scene.socket.says(['refused', 3, 4400, 'wait']);
    await scene.settle();
    expect(publishes(scene).map(([, seq]) => seq)).toEqual([6]);
  });

  it('keeps WebSocket messages under maxFrameBytes', async () => {
    const { scene, hub } = await online();
    scene.socket.hubCloses(1006);
    for (let i = 0; i < 4; i++) void hub.publish('a', 'k', 'x'.repeat(1900));
    await scene.nextSocket();
    scene.socket.welcome({ resumed: true, publishWindow: { messages: 9, bytes: 99_999 } });
    await scene.settle();
    expect(Math.max(...scene.socket.messages.map((m) => m.length))).toBeLessThanOrEqual(4096);
    expect(scene.socket.sent.filter(([type]) => type === 'publish')).toHaveLength(4);
  });

  it('rejects when refused, when too large, and when the outbox is full', async () => {
    const { scene, hub } = await online({ outbox: { messages: 2 } });
    const large = hub.publish('a', 'k', 'x'.repeat(3000)).catch(nameOf);
    expect(await large).toBe('payload-too-large');
    const first = hub.publish('a', 'k', 1, { mandatory: true }).catch(nameOf);
    void hub.publish('a', 'k', 2);
    expect(await hub.publish('a', 'k', 3).catch(nameOf)).toBe('outbox-full');
    await scene.settle();
    scene.socket.says(['refused', 1, 4310, 'unroutable: nobody']);
    expect(await first).toBe('unroutable');
    await expect(hub.publish('a', 'k', undefined)).rejects.toThrow(TypeError);
  });

  it('an abort takes an unsent publish back; a sent one keeps its number', async () => {
    const { scene, hub } = await online();
    const abort = new AbortController();
    const { signal } = abort;
    for (let i = 0; i < 3; i++) void hub.publish('a', 'k', i);
    const sent = hub.publish('a', 'k', 'sent', { signal }).catch((e: unknown) => e);
    const unsent = hub.publish('a', 'k', 'unsent', { signal }).catch((e: unknown) => e);
    void hub.publish('a', 'k', 'next');
    await scene.settle();
    publishes(scene);
    abort.abort(new Error('enough'));
    expect(await unsent).toEqual(new Error('enough'));
    expect(await sent).toMatchObject({ name: 'outcome-unknown', cause: new Error('enough') });
    scene.socket.says(['confirm', [[1, 4, 'v', 1, 0]]]);
    await scene.settle();
    expect(publishes(scene)).toEqual([['publish', 5, 'a', 'k', 'next', {}]]);
    await expect(hub.publish('a', 'k', 1, { signal })).rejects.toThrow('enough');
  });
});

describe('after a reconnect', () => {
  it('unconfirmed publishes are sent again, with their numbers', async () => {
    const { scene, hub } = await online();
    const sent = [1, 2, 3].map((n) => hub.publish('a', 'k', n));
    await scene.settle();
    scene.socket.says(['confirm', [[2, 1, 'v', 1, 0]]]);
    scene.socket.hubCloses(1006);
    const later = hub.publish('a', 'k', 4);
    await scene.nextSocket();
    scene.socket.welcome({ resumed: true, publishSeq: 2 });
    await scene.settle();
    const again = scene.socket.sent.filter(([type]) => type === 'publish');
    expect(again.map(([, seq, , , payload]) => [seq, payload])).toEqual([
      [1, '1'],
      [3, '3'],
      [4, '4'],
    ]);
    scene.socket.says([
      'confirm',
      [
        [1, 1, 'v', 0, 0, true],
        [3, 2, 'v', 2, 0],
      ],
    ]);
    expect((await Promise.all([...sent, later])).map((r) => r.position.offset)).toEqual([0, 1, 2, 3]);
  });

  it('what a lost session had sent says so when it is sent again, unless its id tells the hub', async () => {
    const { scene, hub, settleAll } = await online();
    const plain = hub.publish('a', 'k', 'plain');
    const lost = hub.publish('a', 'k', 'lost').catch(nameOf);
    const withId = hub.publish('a', 'k', 'with id', { id: 'i1' });
    await scene.settle();
    scene.socket.hubCloses(4200);
    const unsent = hub.publish('a', 'k', 'unsent');
    await scene.nextSocket();
    scene.socket.welcome({ session: 's2', publishSeq: 0 });
    await scene.settle();
    const again = scene.socket.sent.filter(([type]) => type === 'publish');
    expect(again.map(([, seq, , , payload, properties]) => [seq, payload, properties])).toEqual([
      [1, 'plain', { resent: ['s1', 1] }],
      [2, 'lost', { resent: ['s1', 2] }],
      [3, 'with id', { id: 'i1' }],
      [4, 'unsent', {}],
    ]);
    const queues = { took: ['jobs'], refused: [['rest', 'queue-full']] };
    scene.socket.says(
      ['refused', 2, 4330, 'fate-unknown: who knows'],
      [
        'confirm',
        [
          [1, 1, 'v', 8, 0, true],
          [3, 1, 'v', 0, 0, true],
          [4, 1, 'v', 9, 0, false, queues],
        ],
      ],
    );
    expect((await settleAll([plain, withId])).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
    ]);
    expect(await lost).toBe('outcome-unknown');
    expect((await plain).queues).toBeUndefined();
    expect((await unsent).queues).toEqual(queues);
  });

  it('says under what number it was sent first, however many sessions are lost; an id does not help where the log began anew', async () => {
    const { scene, hub } = await online();
    const payloads = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const [i, payload] of payloads.entries())
      void hub.publish('a', 'k', payload, i === 1 ? { id: 'i1' } : {}).catch(() => {});
    await scene.settle();
    // The window holds four: the other two are sent first in the session after.
    (await scene.reconnect()).welcome({ session: 's2', publishWindow: { messages: 5, bytes: 1000 } });
    await scene.settle();
    const properties = () =>
      scene.socket.sent.filter(([type]) => type === 'publish').map((frame) => frame[5]);
    const first = (seq: number) => ({ resent: ['s1', seq] });
    expect(properties()).toEqual([first(1), { id: 'i1' }, first(3), first(4), {}]);
    (await scene.reconnect()).welcome({
      session: 's3',
      epochs: { v: 'e2' },
      publishWindow: { messages: 9, bytes: 1000 },
    });
    await scene.settle();
    expect(properties()).toEqual([
      first(1),
      { id: 'i1', ...first(2) },
      first(3),
      first(4),
      { resent: ['s2', 5] },
      {},
    ]);
  });
});

describe('closing', () => {
  it('rejects what was never sent with closed, what was sent with outcome-unknown', async () => {
    const { scene, hub } = await online();
    const all = Array.from({ length: 5 }, (_, i) => hub.publish('a', 'k', i).catch(nameOf));
    await scene.settle();
    const closing = hub.close();
    expect(await Promise.all(all)).toEqual([...Array(4).fill('outcome-unknown'), 'closed']);
    expect(scene.socket.sent.at(-1)).toEqual(['bye']);
    scene.socket.hubCloses(1000);
    await closing;
    expect(hub.state).toBe('closed');
    expect(await hub.publish('a', 'k', 1).catch(nameOf)).toBe('closed');
    await expect(hub.subscribe('a', 'k')).rejects.toMatchObject({ name: 'closed' });
  });
});
