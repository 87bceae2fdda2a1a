import { connect, type HubState } from '@ringhub/client/core';
import { describe, expect, it } from 'vitest';
import { Scene } from './support/scene.ts';

describe('the URL', () => {
  it.each([
    ['http://hub.test', 'ws://hub.test/v1/ws'],
    ['https://hub.test:8080/', 'wss://hub.test:8080/v1/ws'],
    ['wss://hub.test/behind/proxy', 'wss://hub.test/behind/proxy'],
    ['/', 'wss://page.test/v1/ws'],
    ['/hub/ws', 'wss://page.test/hub/ws'],
  ])('%s is %s', async (url, expected) => {
    const scene = new Scene();
    void connect(url, { environment: { ...scene.environment, baseUrl: 'https://page.test/some/page' } });
    await scene.settle();
    expect(scene.socket.url).toBe(expected);
    expect(scene.socket.protocols).toEqual(['ringhub.v1.json']);
  });

  it('that is none is refused at once', async () => {
    await expect(connect('nowhere', { environment: new Scene().environment })).rejects.toThrow(TypeError);
  });
});

describe('connecting', () => {
  it('says hello with the token and resolves with the welcome', async () => {
    const scene = new Scene();
    const connecting = scene.connect({ token: 'secret' });
    await scene.settle();
    scene.socket.opens();
    expect(scene.socket.sent).toEqual([['hello', { version: 1, client: 'ringhub-js', token: 'secret' }]]);
    scene.socket.welcome();
    expect((await connecting).state).toBe('online');
  });

  it('goes on trying where that makes sense', async () => {
    const scene = new Scene();
    const connecting = scene.connect({ backoff: { minMs: 100, maxMs: 200 } });
    await scene.settle();
    scene.socket.hubCloses(1006);
    await scene.advance(49);
    expect(scene.sockets).toHaveLength(1);
    await scene.advance(1);
    expect(scene.sockets).toHaveLength(2);
    scene.socket.opens();
    scene.socket.hubCloses(4108);
    await scene.advance(99);
    expect(scene.sockets).toHaveLength(2);
    await scene.advance(1);
    scene.socket.welcome();
    expect((await connecting).state).toBe('online');
  });

  it.each([4100, 4101, 4103, 4199])('rejects on %i', async (code) => {
    const scene = new Scene();
    const connecting = scene.connect({ token: 'fixed' });
    const failed = expect(connecting).rejects.toMatchObject({ code, message: 'because' });
    await scene.settle();
    scene.socket.opens();
    scene.socket.hubCloses(code, 'because');
    await scene.settle();
    if (code === 4101) {
      // A token function might have another one: asked once more.
      scene.socket.opens();
      scene.socket.hubCloses(code, 'because');
    }
    await failed;
    await scene.advance(100_000);
    expect(scene.timers).toBe(0);
    expect(scene.wakeListeners).toBe(0);
  });

  it('rejects with the reason of its signal', async () => {
    const scene = new Scene();
    const abort = new AbortController();
    const connecting = scene.connect({ signal: abort.signal });
    await scene.settle();
    abort.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    expect(scene.socket.closedWith).toBeDefined();
    await expect(scene.connect({ signal: abort.signal })).rejects.toThrow('enough');
  });

  it('closes with its signal, later', async () => {
    const scene = new Scene();
    const abort = new AbortController();
    const hub = await scene.online({ signal: abort.signal });
    abort.abort();
    expect(hub.state).toBe('closed');
  });

  it('asks for a fresh token once where one was refused', async () => {
    const scene = new Scene();
    const reasons: string[] = [];
    const connecting = scene.connect({
      getToken: async ({ reason }) => {
        reasons.push(reason);
        return reason === 'unauthorized' ? 'fresh' : 'stale';
      },
    });
    await scene.settle();
    scene.socket.opens();
    scene.socket.hubCloses(4101);
    await scene.settle();
    scene.socket.opens();
    expect(scene.socket.sent[0]?.[1]).toMatchObject({ token: 'fresh' });
    scene.socket.welcome();
    await connecting;
    await scene.reconnect();
    expect(reasons).toEqual(['connect', 'unauthorized', 'reconnect']);
  });

  it('tries again where no token could be had', async () => {
    const scene = new Scene();
    let tries = 0;
    const connecting = scene.connect({
      getToken: () => (++tries === 1 ? Promise.reject(new Error('offline')) : 't'),
    });
    await scene.nextSocket();
    expect(tries).toBe(2);
    scene.socket.welcome();
    await connecting;
  });
});

describe('a connection', () => {
  const states = async () => {
    const scene = new Scene();
    const hub = await scene.online();
    const seen: [HubState, boolean?][] = [];
    hub.addEventListener('state', ({ state, resumed }) =>
      seen.push(resumed === undefined ? [state] : [state, resumed]),
    );
    return { scene, hub, seen };
  };

  it('tells its states', async () => {
    const { scene, seen } = await states();
    (await scene.reconnect()).welcome({ resumed: true });
    expect(seen).toEqual([['waiting'], ['connecting'], ['online', true]]);
  });

  it('answers pings', async () => {
    const { scene } = await states();
    scene.socket.says(['ping']);
    await scene.settle();
    expect(scene.socket.read()).toEqual([['pong']]);
  });

  it('on which nothing is heard is dropped, and its late events change nothing', async () => {
    const { scene, hub } = await states();
    const old = scene.socket;
    await scene.advance(44_999);
    expect(hub.state).toBe('online');
    await scene.advance(1);
    expect(hub.state).toBe('waiting');
    expect(old.closedWith).toBeDefined();
    (await scene.nextSocket()).welcome();
    old.hubCloses(4100);
    old.says(['ping'], ['welcome', {}], ['drain', 0]);
    await scene.settle();
    expect(hub.state).toBe('online');
    expect(scene.socket.read()).toEqual([]);
  });

  it('is probed when the page wakes up', async () => {
    const { scene, hub } = await states();
    const old = scene.socket;
    await scene.wake();
    expect(old.sent.at(-1)).toEqual(['ping']);
    await scene.advance(2_999);
    old.says(['pong']);
    await scene.advance(3_000);
    expect(hub.state).toBe('online');
    await scene.wake();
    await scene.advance(3_000);
    expect(hub.state).toBe('waiting');
    await scene.wake();
    expect(hub.state).toBe('connecting');
  });

  it('ends where the hub talks nonsense, and resumes', async () => {
    const { scene, hub } = await states();
    scene.socket.saysRaw('hello?');
    expect(hub.state).toBe('waiting');
  });

  it('of a draining hub works until its slot, then moves', async () => {
    const { scene, hub, seen } = await states();
    const old = scene.socket;
    old.says(['drain', 5000]);
    void hub.publish('a', 'k', 1);
    await scene.advance(4_999);
    expect(old.sent.at(-1)?.[0]).toBe('publish');
    expect(scene.sockets).toHaveLength(1);
    await scene.advance(1);
    expect(scene.sockets).toHaveLength(2);
    expect(old.closedWith).toBeDefined();
    expect(seen).toEqual([['draining'], ['connecting']]);
  });

  it('that a draining hub closed comes back in its slot, not before', async () => {
    const { scene } = await states();
    scene.socket.says(['drain', 5000]);
    scene.socket.hubCloses(4001);
    await scene.advance(4_999);
    expect(scene.sockets).toHaveLength(1);
    await scene.advance(1);
    expect(scene.sockets).toHaveLength(2);
  });

  it('taken over by another ends for good, and everything with it', async () => {
    const { scene, hub } = await states();
    const publishing = hub.publish('a', 'k', 1);
    const declaring = hub.declareExchange('x');
    await scene.settle();
    scene.socket.hubCloses(4100, 'taken-over: elsewhere');
    expect(hub.state).toBe('closed');
    await expect(publishing).rejects.toMatchObject({ name: 'outcome-unknown' });
    await expect(declaring).rejects.toMatchObject({ name: 'taken-over' });
  });

  it('closes politely, and does not wait for ever', async () => {
    const { scene, hub } = await states();
    let isClosed = false;
    void hub.close().then(() => {
      isClosed = true;
    });
    await scene.settle();
    expect(scene.socket.sent.at(-1)).toEqual(['bye']);
    expect(scene.socket.closedWith).toEqual({ code: 1000 });
    expect(isClosed).toBe(false);
    await scene.advance(1000);
    expect(isClosed).toBe(true);
    expect(scene.timers).toBe(0);
  });
});
