/**
 * Tokens that end while somebody is connected, and newer ones that come in time (PROTOCOL §3; A3 of the reliability anchors).
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { isDenial } from '../../server/src/ports/auth.ts';
import { HubScene } from './support/hub-scene.ts';
import { resumeOf } from './support/scripted-client.ts';

/** Lets answers that were given be heard. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const EXPIRED = { code: ERRORS['token-expired'].code, reason: ERRORS['token-expired'].text };

describe('A3: a token that expires', () => {
  it('is told how long it is good for, unless it is for ever', () => {
    const scene = new HubScene();
    expect(scene.connect().hello({ token: 'alice~90' }).tokenExpiresInMs).toBe(90_000);
    // More than a browser's timer holds would be none at all.
    expect(scene.connect().hello({ token: 'alice~9999999' }).tokenExpiresInMs).toBe(1e9);
    expect(scene.connect().hello({ token: 'alice' })).not.toHaveProperty('tokenExpiresInMs');
  });

  it('closes its connection within five seconds, and parks the session', () => {
    const scene = new HubScene();
    const client = scene.client('alice~30');
    const other = scene.client('alice');
    scene.clock.advance(29_000);
    expect(client.send(['ping']).closeCode).toBeUndefined();
    scene.clock.advance(1_000 + 5_000);
    expect(client.socket.closed).toEqual(EXPIRED);
    expect(other.closeCode).toBeUndefined();
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 1 });
  });

  it('lets nothing through afterwards: neither deliveries, nor a resume, nor a replay', () => {
    const scene = new HubScene();
    const client = scene.connect();
    const welcome = client.hello({ token: 'alice~10' });
    const { queue, cursor } = client.subscribe();
    scene.clock.advance(11_000);
    const { writes } = client;
    scene.publish('late.1', 'late.2');
    expect(client.writes).toBe(writes);

    const again = scene.connect();
    const resume = resumeOf(welcome, [{ queue, cursor }]);
    again.send(['hello', { version: 1, token: 'alice~0', resume }]);
    expect(again.socket.closed).toEqual(EXPIRED);
    expect(again.all('deliver')).toEqual([]);
    expect(again.all('welcome')).toEqual([]);

    // Somebody else's token, with everything the session's owner knew, begins anew and finds nothing.
    const thief = scene.connect();
    const stolen = thief.hello({ token: 'bob', resume: resumeOf(welcome, [{ queue, cursor }]) });
    expect(stolen.resumed).toBe(false);
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 1 });

    const owner = scene.connect();
    expect(owner.hello({ token: 'alice~10', resume }).resumed).toBe(true);
    expect(owner.deliveries()).toEqual(['1:late.1', '2:late.2']);
  });

  it('waits for no ack, and settles what was sent before when the session is resumed', () => {
    const scene = new HubScene();
    const client = scene.connect();
    const welcome = client.hello({ token: 'alice~10' });
    const { queue } = client.subscribe();
    scene.publish('a', 'b');
    scene.clock.advance(11_000);
    const again = scene.connect();
    again.hello({ token: 'alice~10', resume: resumeOf(welcome, [{ queue, lastTag: 2, ackedUpTo: 1 }]) });
    scene.publish('c');
    expect(again.deliveries()).toEqual(['3:c']);
    expect(scene.faults).toEqual([]);
  });

  it('ends whatever is subscribed to over HTTP, too', () => {
    const scene = new HubScene();
    const principal = { ...scene.principal('alice'), expiresAtMs: scene.clock.wallMs() + 10_000 };
    const ends: unknown[] = [];
    const listener = { bufferedBytes: 0, send: () => {}, end: (why: unknown) => ends.push(why) };
    const listening = scene.hub.listen(principal, { bindings: [['amq.topic', '#']] }, listener);
    expect(listening).toHaveProperty('queue');
    scene.clock.advance(9_000);
    expect(ends).toEqual([]);
    scene.clock.advance(6_000);
    scene.clock.settle();
    expect(ends).toEqual([ERRORS['token-expired']]);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });

  it('is looked at by the wall clock, whatever that does', () => {
    const scene = new HubScene();
    const client = scene.client('alice~3600');
    const { wallMs } = scene.clock;
    scene.clock.wallMs = () => wallMs.call(scene.clock) + 3_601_000;
    scene.clock.advance(1_000);
    expect(client.socket.closed).toEqual(EXPIRED);
  });
});

describe('a newer token', () => {
  it('keeps the connection for as long as it is good', () => {
    const scene = new HubScene();
    const client = scene.client('alice~30');
    client.take();
    scene.clock.advance(25_000);
    client.send(['pong'], ['auth', 7, { token: 'alice~60' }]);
    expect(client.takeOf('ok')).toEqual([{ type: 'ok', ref: 7, result: { tokenExpiresInMs: 60_000 } }]);
    scene.clock.advance(40_000);
    client.send(['pong']);
    scene.clock.advance(19_000);
    expect(client.closeCode).toBeUndefined();
    scene.clock.advance(6_000);
    expect(client.socket.closed).toEqual(EXPIRED);
  });

  it('may be one that never expires', () => {
    const scene = new HubScene();
    const client = scene.client('alice~60');
    client.take();
    client.send(['auth', 7, { token: 'alice' }]);
    expect(client.takeOf('ok')).toEqual([{ type: 'ok', ref: 7, result: {} }]);
    for (let i = 0; i < 10; i++) {
      scene.clock.advance(40_000);
      client.send(['pong']);
    }
    expect(client.closeCode).toBeUndefined();
  });

  it.each([
    ['nobody', 'unauthorized'],
    ['bob~60', 'unauthorized'],
    ['alice~0', 'token-expired'],
  ] as const)('that is %s is refused as %s, and changes nothing', (token, error) => {
    const scene = new HubScene();
    const client = scene.client('alice~20');
    client.subscribe();
    client.take();
    client.send(['auth', 7, { token }]);
    expect(client.takeOf('error')).toMatchObject([{ ref: 7, code: ERRORS[error].code }]);
    scene.publish('a');
    expect(client.deliveries()).toEqual(['1:a']);
    scene.clock.advance(19_000);
    expect(client.closeCode).toBeUndefined();
    scene.clock.advance(6_000);
    expect(client.socket.closed).toEqual(EXPIRED);
  });

  it('of another role is refused: limits and permissions are those of the session', async () => {
    const scene = new HubScene();
    const client = scene.client('browser-x~20');
    client.send(['auth', 7, { token: 'later-x' }]);
    scene.waiting[0]!({ ...scene.principal('browser-x'), role: 'server' });
    await turn();
    scene.clock.settle();
    expect(client.all('error')).toMatchObject([{ ref: 7, code: 4101 }]);
  });

  it('ends what it no longer permits, and says so', () => {
    const scene = new HubScene();
    scene.hub.declareExchange('rooms');
    const client = scene.client('alice~60');
    const kept = client.subscribe({ bindings: [['amq.topic', '#']] });
    const lost = client.subscribe({ bindings: [['rooms', 'private.#']] });
    client.send(['declareQueue', 1, 'jobs', {}], ['consume', 2, { consume: 'jobs' }]);
    const consumer = client.all('ok').find(({ ref }) => ref === 2)?.result as { queue: number };
    client.take();
    scene.options.forbidden = (action, name) => name === 'rooms' || (action === 'consume' && name === 'jobs');
    client.send(['auth', 7, { token: 'alice~60' }]);
    const frames = client.take();
    const forbidden = ERRORS.forbidden.code;
    expect(frames).toMatchObject([
      { type: 'error', ref: null, code: forbidden, detail: { queue: lost.queue, name: 'rooms' } },
      { type: 'error', ref: null, code: forbidden, detail: { queue: consumer.queue, name: 'jobs' } },
      { type: 'ok', ref: 7 },
    ]);
    scene.publish('a');
    scene.hub.publish(
      scene.principal('x'),
      { exchange: 'rooms', key: 'private.1', payload: 'x', properties: { contentType: 'text/plain' } },
      () => {},
    );
    scene.clock.settle();
    expect(client.deliveries()).toEqual(['1:a']);
    expect(scene.hub.stats().queues).toBe(1);
    expect(kept.queue).toBeGreaterThan(0);
  });

  it('is looked at one at a time', async () => {
    const scene = new HubScene();
    const client = scene.client('alice~60');
    client.take();
    client.send(['auth', 1, { token: 'later-1' }], ['auth', 2, { token: 'later-2' }]);
    expect(client.takeOf('error')).toMatchObject([{ ref: 2, code: ERRORS.unavailable.code }]);
    expect(scene.waiting).toHaveLength(1);
    // Other commands do not wait for it.
    client.send(['ping']);
    expect(client.takeOf('pong')).toHaveLength(1);
    scene.waiting[0]!(scene.principal('alice'));
    await turn();
    scene.clock.settle();
    expect(client.takeOf('ok')).toMatchObject([{ ref: 1, result: {} }]);
    client.send(['auth', 3, { token: 'alice~60' }]);
    expect(client.takeOf('ok')).toMatchObject([{ ref: 3 }]);
  });

  it('whose answer comes too late counts for nobody', async () => {
    const scene = new HubScene();
    const client = scene.connect();
    const welcome = client.hello({ token: 'alice~5' });
    client.send(['auth', 1, { token: 'later-1' }]);
    scene.clock.advance(6_000);
    expect(client.socket.closed).toEqual(EXPIRED);
    const again = scene.connect();
    again.hello({ token: 'alice~5', resume: resumeOf(welcome) });
    scene.waiting[0]!(scene.principal('alice'));
    await turn();
    scene.clock.advance(6_000);
    expect(again.socket.closed).toEqual(EXPIRED);
    expect(scene.faults).toEqual([]);
  });

  it('that cannot be checked ends the connection, not the session', async () => {
    const scene = new HubScene();
    const client = scene.client('alice~60');
    client.send(['auth', 1, { token: 'later-1' }]);
    scene.waiting[0]!(new Error('the auth has a fault'));
    await expect.poll(() => client.closeCode).toBe(ERRORS.internal.code);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
  });
});

describe('the scene itself', () => {
  it('tells tokens that are good for a while from those that are not', async () => {
    const scene = new HubScene();
    const { auth } = scene as unknown as { auth: { authenticate(token: string): never } };
    expect(isDenial(auth.authenticate('alice~0'))).toBe(true);
    expect(isDenial(auth.authenticate('alice~1'))).toBe(false);
  });
});
