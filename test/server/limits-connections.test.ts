/** Connections and parked sessions (PROTOCOL §15) at their edges: as many of an address or a subject, and not one more. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';
import type { ScriptedClient } from './support/scripted-client.ts';

describe('connections', () => {
  const closedOf = (clients: readonly ScriptedClient[]) => clients.map(({ closeCode }) => closeCode);
  const { code: tooMany } = ERRORS['too-many-connections'];

  it('of one address are so many, those that say nothing included; one that ends makes room', () => {
    const scene = new HubScene({ limits: { maxConnectionsPerAddress: 2 } });
    const from = (address: string) => scene.connect(undefined, address);
    const silent = from('192.0.2.1');
    const clients = [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
      '2001:db8::2',
      '2001:db8::3',
    ].map(from);
    expect(closedOf([silent, ...clients])).toEqual([
      undefined,
      undefined,
      tooMany,
      undefined,
      undefined,
      undefined,
      tooMany,
    ]);
    // Whoever was refused says nothing that is heard, and frees nothing.
    clients[1]!.send(['hello', { version: 1, token: 'alice' }]);
    clients[1]!.handler.closed();
    expect([clients[1]!.writes, from('192.0.2.1').closeCode]).toEqual([0, tooMany]);
    silent.cut();
    silent.handler.closed();
    expect([from('192.0.2.1').closeCode, from('192.0.2.1').closeCode]).toEqual([undefined, tooMany]);
  });

  it('of one subject are so many; others have their own', () => {
    const scene = new HubScene({ session: { maxConnectionsPerSubject: 2 } });
    const [one, two] = [scene.client(), scene.client()];
    const refused = scene.connect().send(['hello', { version: 1, token: 'alice' }]);
    const other = scene.client('bob');
    expect(closedOf([one, two, refused, other])).toEqual([undefined, undefined, tooMany, undefined]);
    one.send(['bye']);
    expect(scene.client().closeCode).toBeUndefined();
  });

  it('of one subject may be taken over, and resumed when there is room', () => {
    const scene = new HubScene({ session: { maxConnectionsPerSubject: 1 } });
    const one = scene.client();
    const taken = scene.connect();
    const welcome = taken.resume(one.all('welcome')[0]!);
    expect([one.closeCode, welcome.resumed]).toEqual([ERRORS['taken-over'].code, true]);
    taken.cut();
    const second = scene.client();
    const late = scene
      .connect()
      .send(['hello', { version: 1, token: 'alice', resume: resumeFields(welcome) }]);
    expect(late.closeCode).toBe(tooMany);
    second.send(['bye']);
    expect(scene.connect().resume(welcome).resumed).toBe(true);
  });

  it('count event streams, too', () => {
    const scene = new HubScene({ session: { maxConnectionsPerSubject: 2 } });
    const listen = () =>
      scene.hub.listen(
        scene.principal('alice'),
        { bindings: [['amq.topic', '#']] },
        { bufferedBytes: 0, send: () => {}, end: () => {} },
      );
    scene.client();
    expect('queue' in listen()).toBe(true);
    expect(listen()).toEqual({ error: 'too-many-connections' });
  });
});

const resumeFields = ({ session, resumeToken }: { session: string; resumeToken: string }) => ({
  session,
  token: resumeToken,
  queues: [],
  exchanges: [],
});

describe('parked sessions of one subject', () => {
  it('are so many: the one that has been away longest gives way, and nobody else’s', () => {
    const scene = new HubScene({ session: { maxParkedPerSubject: 2 } });
    const other = scene.client('bob');
    other.cut();
    const clients = [1, 2, 3].map(() => scene.client());
    for (const client of clients) client.cut();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 3 });
    const resumed = [other, ...clients].map((client, i) => {
      const fields = { token: i === 0 ? 'bob' : 'alice', resume: resumeFields(client.all('welcome')[0]!) };
      return scene.connect().hello(fields).resumed;
    });
    expect(resumed).toEqual([true, false, true, true]);
  });

  it('that are resumed are parked no more, and are the latest when they park again', () => {
    const scene = new HubScene({ session: { maxParkedPerSubject: 2 } });
    const [one, two, three] = [scene.client(), scene.client(), scene.client()];
    one.cut();
    two.cut();
    const back = scene.connect();
    const welcome = back.resume(one.all('welcome')[0]!);
    back.cut();
    three.cut();
    expect(scene.connect().resume(two.all('welcome')[0]!).resumed).toBe(false);
    expect(scene.connect().resume(welcome).resumed).toBe(true);
  });

  it('may be none: a lost connection ends its session', () => {
    const scene = new HubScene({ session: { maxParkedPerSubject: 0 } });
    scene.client().cut();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });
});
