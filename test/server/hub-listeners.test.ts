/** Subscriptions without a client of the protocol: what their session does when either side ends it. */
import type { ErrorEntry, SubscribeOptions } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import type { Listener, Listening } from '../../server/src/ports/hub-api.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';

class Recorder implements Listener {
  bufferedBytes = 0;
  readonly messages: string[] = [];
  readonly ends: (ErrorEntry | 'bye')[] = [];
  send = (message: string) => this.messages.push(message);
  end = (why: ErrorEntry | 'bye') => this.ends.push(why);
}

function setup(options: Partial<SubscribeOptions> = {}, scene: HubSceneOptions = {}) {
  const hub = new HubScene(scene);
  const listener = new Recorder();
  const listen = () =>
    hub.hub.listen(hub.principal('alice'), { bindings: [['amq.topic', '#']], ...options }, listener);
  return { hub, listener, listen };
}

const sessions = ({ hub }: HubScene) => hub.stats().sessions;

describe('a listener', () => {
  it('closes its session, which is not parked', () => {
    const { hub, listener, listen } = setup();
    const listening = listen() as Listening;
    hub.clock.settle();
    expect(sessions(hub)).toEqual({ attached: 1, parked: 0 });
    listening.close();
    listening.close();
    expect(sessions(hub)).toEqual({ attached: 0, parked: 0 });
    hub.publish('k');
    expect(listener.messages.join()).not.toContain('deliver');
    expect(listener.ends).toEqual([]);
  });

  it('is told once why the hub ends it, and its session is closed, too', () => {
    const { hub, listener, listen } = setup({ overflow: 'disconnect', capacity: 2 });
    listen();
    listener.bufferedBytes = 1e9;
    hub.publish('a', 'b', 'c', 'd');
    expect(listener.ends).toMatchObject([{ name: 'slow-consumer' }]);
    expect(sessions(hub)).toEqual({ attached: 0, parked: 0 });
    hub.clock.advance(60_000);
    expect(listener.ends).toHaveLength(1);
    expect(hub.hub.stats().ledger.residual).toBe(0);
  });

  it('gets nothing while it has no room, and goes on where it has', () => {
    const { hub, listener, listen } = setup();
    const listening = listen() as Listening;
    hub.clock.settle();
    listener.bufferedBytes = 1e9;
    const before = listener.messages.length;
    hub.publish('a');
    expect(listener.messages).toHaveLength(before);
    listener.bufferedBytes = 0;
    listening.drained();
    hub.clock.settle();
    expect(listener.messages.slice(before).join()).toContain('"deliver"');
  });

  it('leaves no session behind where its subscription is refused', () => {
    const { hub, listen } = setup({ bindings: [['nowhere', '#']] });
    expect(listen()).toMatchObject({ error: 'unknown-exchange' });
    expect(sessions(hub)).toEqual({ attached: 0, parked: 0 });
  });

  it('is refused by a hub that is shutting down', () => {
    const { hub, listen } = setup();
    hub.hub.announceDrain(0);
    expect(listen()).toEqual({ error: 'draining' });
  });
});
