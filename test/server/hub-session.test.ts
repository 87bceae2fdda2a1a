/**
 * Sessions and connections: hello, heartbeat, parking, resume, takeover, tokens (PROTOCOL §3, §4, §12).
 */
import { ERRORS, retryOfCode } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';
import { resumeOf } from './support/scripted-client.ts';

describe('hello', () => {
  it('is answered by a welcome with everything a client must know', () => {
    const scene = new HubScene();
    const welcome = scene.connect().hello();
    expect(welcome).toMatchObject({
      resumed: false,
      publishSeq: 0,
      epochs: { v: scene.epoch },
      heartbeatMs: 20_000,
      deadMs: 45_000,
      resumeWindowMs: 120_000,
      queues: [],
      publishWindow: { messages: 4096, bytes: 16 * 1024 * 1024 },
    });
    expect(scene.hub.stats()).toMatchObject({ connections: 1, sessions: { attached: 1, parked: 0 } });
  });

  it('gives a browser the tight limits', () => {
    expect(new HubScene().connect().hello({ token: 'browser-1' }).publishWindow.messages).toBe(256);
  });

  it.each([
    ['without a token', ['hello', { version: 1 }], 'unauthorized'],
    ['with a wrong token', ['hello', { version: 1, token: 'nobody' }], 'unauthorized'],
    ['of another version', ['hello', { version: 2, token: 'alice' }], 'unsupported-version'],
    ['with a wrong field', ['hello', { version: '1' }], 'bad-frame'],
    ['replaced by a ping', ['ping'], 'hello-expected'],
    ['replaced by a command', ['publish', 1, 'amq.topic', 'k', 'x'], 'hello-expected'],
    ['replaced by a command with a wrong field', ['publish', 1, 'amq.topic', 5, 'x'], 'hello-expected'],
  ] as const)('%s closes with its code', (_, frame, error) => {
    const scene = new HubScene();
    const client = scene.connect().send(frame);
    expect(client.socket.closed).toEqual({ code: ERRORS[error].code, reason: ERRORS[error].text });
    expect(scene.hub.stats().connections).toBe(0);
  });

  it('comes once', () => {
    const client = new HubScene().client().send(['hello', { version: 1, token: 'alice' }]);
    expect(client.closeCode).toBe(ERRORS['hello-expected'].code);
  });

  it('has a deadline, also while the token is being checked', () => {
    const scene = new HubScene();
    const [silent, waiting] = [scene.connect(), scene.connect()];
    waiting.send(['hello', { version: 1, token: 'later' }]);
    scene.clock.advance(5_000);
    expect([silent.closeCode, waiting.closeCode]).toEqual([undefined, undefined]);
    scene.clock.advance(1_000);
    expect([silent.closeCode, waiting.closeCode]).toEqual([4006, 4006]);
  });

  it('takes frames that come while the token is being checked, in order, afterwards', async () => {
    const scene = new HubScene();
    const client = scene.connect();
    client.send(
      ['hello', { version: 1, token: 'later' }],
      ['subscribe', 1, { bindings: [['amq.topic', '#']] }],
    );
    client.send(['publish', 1, 'amq.topic', 'k', 'x']);
    expect(client.take()).toEqual([]);
    scene.waiting[0]!(scene.principal('later'));
    await Promise.resolve().then(() => scene.clock.settle());
    expect(client.take().map(({ type }) => type)).toEqual(['welcome', 'ok', 'confirm', 'deliver']);
  });

  it('holds only so much while the token is being checked', () => {
    const client = new HubScene().connect().send(['hello', { version: 1, token: 'later' }]);
    const frame = ['publish', 1, 'amq.topic', 'k', 'x'.repeat(40_000)];
    expect(client.send(frame).closeCode).toBeUndefined();
    expect(client.send(frame).closeCode).toBe(ERRORS['hello-expected'].code);
  });

  it('opens nothing where the connection is gone before the token was checked', async () => {
    const scene = new HubScene();
    const client = scene.connect().send(['hello', { version: 1, token: 'later' }]);
    client.cut();
    scene.waiting[0]!(scene.principal('later'));
    await Promise.resolve().then(() => scene.clock.settle());
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });

  it('closes with internal where the token could not be checked', async () => {
    const scene = new HubScene();
    const client = scene.connect().send(['hello', { version: 1, token: 'later' }]);
    scene.waiting[0]!(new Error('no key server'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.closeCode).toBe(ERRORS.internal.code);
    expect(scene.faults).toEqual(['a token could not be checked']);
  });
});

describe('heartbeat', () => {
  it('answers a ping, and pings by itself', () => {
    const scene = new HubScene();
    const client = scene.client();
    expect(client.send(['ping']).takeOf('pong')).toHaveLength(1);
    scene.clock.advance(19_000);
    expect(client.takeOf('ping')).toHaveLength(0);
    scene.clock.advance(1_000);
    expect(client.takeOf('ping')).toHaveLength(1);
  });

  it('parks a session that says nothing; any frame counts as heard', () => {
    const scene = new HubScene();
    const [quiet, lively] = [scene.client('quiet'), scene.client('lively')];
    for (let i = 0; i < 50; i++) {
      scene.clock.advance(1_000);
      lively.send(['pong']);
    }
    expect([quiet.closeCode, lively.closeCode]).toEqual([ERRORS['heartbeat-timeout'].code, undefined]);
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 1 });
  });
});

describe('a session', () => {
  it('survives its connection: what was not acknowledged comes again, same tags, then the rest', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe({ prefetch: 3 });
    scene.publish('a', 'b', 'c', 'd');
    expect(first.deliveries()).toEqual(['1:a', '2:b', '3:c']);
    first.cut();
    scene.publish('e');
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });

    const second = scene.connect();
    const again = second.resume(welcome, [{ queue, lastTag: 2, ackedUpTo: 1 }]);
    expect(again).toMatchObject({ resumed: true, session: welcome.session });
    expect(again.queues).toMatchObject([{ was: queue, queue }]);
    expect(second.deliveries()).toEqual(['3:c', '4:d']);
    second.send(['ack', queue, 4]);
    expect(second.deliveries()).toEqual(['5:e']);
    expect(scene.hub.stats()).toMatchObject({ resumes: { resumed: 1, lost: 0 }, ledger: { residual: 0 } });
  });

  it('is resumed before any message was received, three times in a row', () => {
    const scene = new HubScene();
    let client = scene.connect();
    let welcome = client.hello();
    const { queue } = client.subscribe();
    client.cut();
    scene.publish('a', 'b');
    for (let i = 0; i < 3; i++) {
      client = scene.connect();
      welcome = client.resume(welcome, [{ queue }]);
      expect(welcome.resumed).toBe(true);
      expect(client.deliveries()).toEqual(['1:a', '2:b']);
      client.cut();
    }
  });

  it('ends when the resume window is over, and its messages are accounted for', () => {
    const scene = new HubScene();
    const client = scene.connect();
    const welcome = client.hello();
    const { queue } = client.subscribe();
    scene.publish('a');
    client.cut();
    scene.publish('b');
    scene.clock.advance(119_000);
    expect(scene.hub.stats().sessions.parked).toBe(1);
    scene.clock.advance(2_000);
    expect(scene.hub.stats()).toMatchObject({
      sessions: { parked: 0 },
      queues: 0,
      bindings: 0,
      memory: { heldBytes: 0 },
      ledger: { dropped: { 'resume-expired': 2 }, residual: 0 },
    });
    const next = scene.connect().resume(welcome, [{ queue, cursor: `v:${scene.epoch}:1` }]);
    expect(next.resumed).toBe(false);
    expect(scene.hub.stats().resumes).toEqual({ resumed: 0, lost: 1 });
  });

  it('has one owner: a second resume takes over', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe();
    scene.publish('a');
    const second = scene.connect();
    second.resume(welcome, [{ queue, lastTag: 1 }]);
    expect(first.closeCode).toBe(ERRORS['taken-over'].code);
    first.handler.closed();
    first.send(['ack', queue, 1]);
    scene.publish('b');
    expect(second.deliveries()).toEqual(['2:b']);
    expect(scene.hub.stats()).toMatchObject({ sessions: { attached: 1, parked: 0 }, ledger: { acked: 0 } });
  });

  it('is not lost to the late hello of a connection that its client gave up', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe();
    first.cut();
    // Its client opened one, said hello, gave it up and opened another: that hello comes after the other's.
    const live = scene.connect();
    const greeting = live.resume(welcome, [{ queue }]);
    const abandoned = scene.connect();
    abandoned.resume(welcome, [{ queue }]);
    expect(retryOfCode(live.closeCode!)).toBe('resume');
    live.send(['ping']);
    const again = scene.connect();
    const back = again.resume(greeting, [{ queue }]);
    expect(back).toMatchObject({ resumed: true, session: welcome.session });
    expect(abandoned.closeCode).toBe(ERRORS.superseded.code);
    again.send(['ping']);
    scene.publish('a');
    expect(again.deliveries()).toEqual(['1:a']);
    expect(scene.hub.stats().sessions).toMatchObject({ attached: 1, parked: 0 });
    // All of them have had their time.
    for (const old of [welcome, greeting, abandoned.all('welcome')[0]!])
      expect(scene.connect().resume(old, [{ queue }]).resumed).toBe(false);
    expect(again.closeCode).toBeUndefined();
  });

  it('is not lost where the connection that was given up has gone already, or its hello comes after the proof', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    first.cut();
    const greeting = scene.connect().resume(welcome);
    const abandoned = scene.connect();
    abandoned.resume(welcome);
    abandoned.cut();
    const again = scene.connect();
    expect(again.resume(greeting).resumed).toBe(true);
    again.send(['ping']);
    expect(scene.connect().resume(welcome).resumed).toBe(false);
    expect(again.closeCode).toBeUndefined();
  });

  it('is not written to any more by the old connection when taken over: nothing of ack none is wasted', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe({ ack: 'none' });
    scene.publishNow('a');
    const second = scene.connect();
    second.resume(welcome, [{ queue }]);
    expect(second.deliveries()).toEqual(['1:a']);
  });

  it('tells on resume of a limit that broke the connection before, once', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    // uWebSockets.js breaks a connection over a message far above its limit without a close code.
    first.socket.terminate();
    first.handler.closed('frame-too-large');
    const second = scene.connect();
    const again = resumeOf(welcome);
    second.send(['hello', { version: 1, token: 'alice', resume: again }]);
    expect(second.closeCode).toBe(ERRORS['frame-too-large'].code);
    // Its client has not proven the new token: the old one still counts.
    const third = scene.connect();
    expect(third.hello({ resume: again }).resumed).toBe(true);
    expect(third.closeCode).toBeUndefined();
    expect(scene.hub.stats()).toMatchObject({ connections: 1, sessions: { attached: 1, parked: 0 } });
  });

  it('ends what a resume does not name', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const [keep, drop] = [first.subscribe(), first.subscribe()];
    first.cut();
    const second = scene.connect();
    second.resume(welcome, [{ queue: keep.queue }]);
    scene.publish('a');
    expect(second.deliveries()).toEqual(['1:a']);
    expect(scene.hub.stats().queues).toBe(1);
    second.send(['ack', drop.queue, 0]);
    expect(second.takeOf('error')).toMatchObject([{ code: ERRORS['unknown-queue'].code }]);
  });

  it('refuses to resume what was never sent, and stays as it was', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe();
    scene.publish('a');
    const second = scene.connect();
    second.send([
      'hello',
      { version: 1, token: 'alice', resume: resumeOf(welcome, [{ queue, lastTag: 2 }]) },
    ]);
    expect(second.closeCode).toBe(ERRORS['resume-invalid'].code);
    expect(first.closeCode).toBeUndefined();
    const third = scene.connect();
    expect(third.resume(welcome, [{ queue, lastTag: 1 }]).resumed).toBe(true);
  });

  it.each([
    ['another subject', { token: 'bob' }, {}],
    ['a wrong token', {}, { resumeToken: 'wrong' }],
    ['another session', {}, { session: 'wrong' }],
  ])('is not given to %s: that begins anew', (_, hello, over) => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const second = scene.connect();
    const anew = second.hello({ ...hello, resume: resumeOf({ ...welcome, ...over }) });
    expect(anew.resumed).toBe(false);
    expect(anew.session).not.toBe(welcome.session);
    expect(first.closeCode).toBeUndefined();
  });

  it('says good-bye: answered, closed with 1000, settled as closed', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe();
    scene.publish('a');
    client.publish(1, 'b').send(['publish', 2, 'amq.topic', 'c', 'x'], ['bye']);
    expect(client.closeCode).toBe(1000);
    expect(client.all('confirm').flatMap(({ runs }) => runs)).toMatchObject([{ seq: 1 }, { seq: 2 }]);
    expect(scene.hub.stats()).toMatchObject({
      sessions: { attached: 0, parked: 0 },
      ledger: { dropped: { closed: 3 }, residual: 0 },
      memory: { heldBytes: 0 },
    });
  });

  it('goes on with the permissions of today', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    const { queue } = first.subscribe({ bindings: [['amq.topic', 'secret.#']] });
    first.cut();
    scene.options.forbidden = (action, _, key) => action === 'subscribe' && key.startsWith('secret');
    const second = scene.connect();
    const again = second.resume(welcome, [{ queue, options: { bindings: [['amq.topic', 'secret.#']] } }]);
    expect(again).toMatchObject({ resumed: true, queues: [{ was: queue, code: ERRORS.forbidden.code }] });
    scene.publish('secret.a');
    expect(second.deliveries()).toEqual([]);
    expect(scene.hub.stats().queues).toBe(0);
  });

  it('of another role begins anew, within the limits of that role', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello({ token: 'browser-1' });
    first.cut();
    const principal = scene.principal('browser-1');
    scene.principal = () => ({ ...principal, role: 'server' });
    expect(scene.connect().hello({ token: 'browser-1', resume: resumeOf(welcome) }).resumed).toBe(false);
  });

  it('parked makes room for newer ones: the longest away goes first', () => {
    const scene = new HubScene({ limits: { maxParkedSessions: 2 } });
    const clients = ['a', 'b', 'c'].map((token) => scene.client(token));
    for (const client of clients) client.cut();
    const welcomes = clients.map((client) => client.all('welcome')[0]!);
    const resumed = ['a', 'b', 'c'].map(
      (token, i) => scene.connect().hello({ token, resume: resumeOf(welcomes[i]!) }).resumed,
    );
    expect(resumed).toEqual([false, true, true]);
  });
});
