/**
 * A3: what is taken back ends at once. The clock stands still in all of this unless a test moves it: nothing takes 5 s.
 */
import { ERRORS, type ErrorEntry } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { MAX_REVOCATIONS, Revocations } from '../../server/src/hub/revocations.ts';
import type { Principal } from '../../server/src/ports/auth.ts';
import type { Listening, SessionPage, SessionsClosed } from '../../server/src/ports/hub-api.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';
import { ManualClock } from './support/manual-clock.ts';

const FORBIDDEN = ERRORS.forbidden.code;

/** Alice may not read `secret…` any more; her sessions are looked through. */
function forbid(scene: HubScene, prefix = 'secret'): void {
  scene.options.forbidden = (action, _, key, subject) =>
    subject === 'alice' && action === 'subscribe' && key.startsWith(prefix);
  scene.hub.control.recheck('alice');
  scene.clock.settle();
}

const ledgerOf = (scene: HubScene) => scene.hub.stats().ledger;

describe('a permission taken away', () => {
  it('ends a subscription, told with its reason; what waits and what is unacknowledged is counted as revoked', () => {
    const scene = new HubScene();
    const alice = scene.client();
    const secret = alice.subscribe({ bindings: [['amq.topic', 'secret.#']], prefetch: 2 });
    const open = alice.subscribe({ bindings: [['amq.topic', 'open']] });
    scene.publish('secret.1', 'secret.2', 'secret.3', 'open');
    alice.take();
    forbid(scene);
    expect(alice.takeOf('error')).toMatchObject([
      { ref: null, code: FORBIDDEN, detail: { queue: secret.queue, name: 'amq.topic' } },
    ]);
    expect(ledgerOf(scene)).toMatchObject({ dropped: { revoked: 3 }, ready: 0, inflight: 1, residual: 0 });
    scene.publish('secret.4', 'open');
    expect(alice.deliveries()).toEqual(['2:open']);
    alice.send(['ack', secret.queue, 1]);
    expect(alice.takeOf('error')).toMatchObject([{ code: ERRORS['unknown-queue'].code }]);
    alice.send(['ack', open.queue, 2]);
    expect(ledgerOf(scene)).toMatchObject({ acked: 2, residual: 0 });
  });

  it('ends a subscription that holds what a binding taken back has brought, and no other', () => {
    const scene = new HubScene();
    const alice = scene.client();
    const bindings = [['amq.topic', 'secret.#'] as const, ['amq.topic', 'open'] as const];
    const [holding, other] = [1, 2].map(() => alice.subscribe({ bindings, prefetch: 1 }));
    scene.publish('secret.1', 'secret.2', 'open');
    for (const tag of [1, 2]) alice.send(['ack', other!.queue, tag]);
    for (const { queue } of [holding!, other!]) alice.send(['unbind', 9, queue, ...bindings[0]!]);
    alice.take();
    forbid(scene);
    expect(alice.takeOf('error')).toMatchObject([
      { ref: null, code: FORBIDDEN, detail: { queue: holding!.queue, name: 'amq.topic' } },
    ]);
    expect(ledgerOf(scene)).toMatchObject({ dropped: { revoked: 3 }, ready: 0, inflight: 1, residual: 0 });
    alice.send(['ack', other!.queue, 3]);
    scene.publish('open');
    expect(alice.deliveries()).toEqual(['4:open']);
  });

  it('ends that of a parked session: a resume replays nothing of it', () => {
    const scene = new HubScene();
    const alice = scene.connect();
    const welcome = alice.hello();
    const options = { bindings: [['amq.topic', 'secret.#'] as const], since: 'earliest' as const };
    const secret = alice.subscribe(options);
    const open = alice.subscribe({ bindings: [['amq.topic', 'open']] });
    alice.cut();
    scene.publish('secret.1', 'secret.2', 'open');
    forbid(scene);
    expect(ledgerOf(scene)).toMatchObject({ dropped: { revoked: 2 }, ready: 1, residual: 0 });
    const again = scene.connect();
    const resumed = again.resume(welcome, [
      { queue: secret.queue, options },
      { queue: open.queue, options: { bindings: [['amq.topic', 'open']] } },
    ]);
    expect(resumed.queues).toMatchObject([{ was: secret.queue, code: FORBIDDEN }, { queue: open.queue }]);
    expect(again.deliveries()).toEqual(['1:open']);
    expect(scene.faults).toEqual([]);
  });

  it('is noticed at a resume, too, where nobody said that anything changed', () => {
    const scene = new HubScene();
    const alice = scene.connect();
    const welcome = alice.hello();
    const options = { bindings: [['amq.topic', 'secret.#'] as const] };
    const { queue } = alice.subscribe(options);
    alice.cut();
    scene.publish('secret.1');
    scene.options.forbidden = (action, _, key) => action === 'subscribe' && key.startsWith('secret');
    const again = scene.connect();
    expect(again.resume(welcome, [{ queue, options }]).queues).toMatchObject([
      { was: queue, code: FORBIDDEN },
    ]);
    expect(again.deliveries()).toEqual([]);
    expect(ledgerOf(scene)).toMatchObject({ dropped: { revoked: 1 }, residual: 0 });
  });

  it('returns what a consumer had to its queue, for whoever may have it', () => {
    const scene = new HubScene();
    const [alice, bob] = [scene.client('alice'), scene.client('bob')];
    alice.send(['declareQueue', 1, 'work', {}], ['consume', 2, { consume: 'work' }]);
    bob.send(['consume', 1, { consume: 'work' }]);
    bob.send(['credit', 2, (bob.all('ok')[0]!.result as { queue: number }).queue, 0]);
    scene.publishNow('work', 'x', { exchange: '' });
    scene.clock.settle();
    expect(alice.deliveries()).toEqual(['1:work']);
    scene.options.forbidden = (action, _, __, subject) => subject === 'alice' && action === 'consume';
    scene.hub.control.recheck();
    scene.clock.settle();
    expect(alice.takeOf('error')).toMatchObject([{ ref: null, code: FORBIDDEN, detail: { name: 'work' } }]);
    bob.send(['credit', 3, (bob.all('ok')[0]!.result as { queue: number }).queue, 10]);
    expect(bob.deliveries().join()).toContain(':work');
    expect(ledgerOf(scene).residual).toBe(0);
  });

  it('ends an exclusive queue that was bound by it, and its consumer', () => {
    const scene = new HubScene();
    const alice = scene.client();
    alice.send(
      ['declareQueue', 1, 'own', { exclusive: true }],
      ['bind', 2, { queue: 'own' }, 'amq.topic', 'secret.#'],
      ['consume', 3, { consume: 'own' }],
    );
    scene.publish('secret.1');
    alice.take();
    forbid(scene);
    const errors = alice.takeOf('error');
    expect(errors).toMatchObject([{ ref: null, code: FORBIDDEN, detail: { name: 'own' } }]);
    expect(scene.hub.topology(scene.principal('root')).queues).toEqual([]);
    expect(ledgerOf(scene).residual).toBe(0);
  });

  it('holds for a page of history that waits', () => {
    const scene = new HubScene();
    const alice = scene.client();
    scene.publish('secret.1');
    const request = { bindings: [['amq.topic', 'secret.#']], before: null };
    alice.socket.bufferedBytes = 1e9;
    alice.send(['history', 7, request]);
    forbid(scene);
    alice.socket.bufferedBytes = 0;
    alice.handler.drained();
    scene.clock.settle();
    expect(alice.takeOf('error')).toMatchObject([{ ref: 7, code: FORBIDDEN }]);
    expect(JSON.stringify(alice.all('ok'))).not.toContain('secret.1');
  });

  it('ends an event stream', () => {
    const scene = new HubScene();
    const ends: (ErrorEntry | 'bye')[] = [];
    const listener = { bufferedBytes: 0, send: () => {}, end: (why: ErrorEntry | 'bye') => ends.push(why) };
    scene.hub.listen(
      scene.principal('alice'),
      { bindings: [['amq.topic', 'secret.#']] },
      listener,
    ) as Listening;
    forbid(scene);
    expect(ends).toMatchObject([{ name: 'session-revoked' }]);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });

  it('comes with new credentials, and goes on from the cursor when it comes back', () => {
    const scene = new HubScene();
    const alice = scene.client();
    const { cursor } = alice.subscribe({ bindings: [['amq.topic', 'secret.#']] });
    const [session] = [
      ...(scene.hub as unknown as { context: { sessions: Map<string, never> } }).context.sessions.values(),
    ];
    const none: Principal = {
      ...scene.principal('alice'),
      may: () => false,
      mayAll: () => false,
      maySome: () => false,
    };
    scene.hub.control.renew(session!, none);
    scene.publish('secret.1');
    expect(alice.deliveries()).toEqual([]);
    scene.hub.control.renew(session!, scene.principal('alice'));
    alice.subscribe({ bindings: [['amq.topic', 'secret.#']], since: { cursor: cursor! } });
    expect(alice.deliveries()).toEqual(['1:secret.1']);
  });
});

describe('closing sessions', () => {
  const close = (scene: HubScene, which: Parameters<typeof scene.hub.control.close>[1], as = 'root') => {
    let answer: unknown;
    scene.hub.control.close(scene.principal(as), which, (given) => {
      answer = given;
    });
    return answer as SessionsClosed;
  };

  it('takes those of a subject, attached and parked: nothing is resumed, and what waits is revoked', () => {
    const scene = new HubScene();
    const [one, two, bob] = [scene.connect(), scene.connect(), scene.client('bob')];
    const welcome = one.hello();
    const { queue } = one.subscribe();
    two.hello();
    two.subscribe();
    one.cut();
    scene.publish('a', 'b');
    expect(close(scene, { subject: 'alice' })).toEqual({ closed: 2, revoked: false });
    expect(two.closeCode).toBe(ERRORS['session-revoked'].code);
    expect(bob.closeCode).toBeUndefined();
    expect(ledgerOf(scene)).toMatchObject({ dropped: { revoked: 4 }, residual: 0 });
    const again = scene.connect();
    const fresh = again.resume(welcome, [{ queue }]);
    expect(fresh.resumed).toBe(false);
    expect(again.deliveries()).toEqual([]);
  });

  it('takes one by its id, and says when there is none', () => {
    const scene = new HubScene();
    const { session } = scene.connect().hello();
    scene.client();
    expect(close(scene, { session })).toEqual({ closed: 1, revoked: false });
    expect(close(scene, { session })).toEqual({ closed: 0, revoked: false });
    expect(scene.hub.stats().sessions.attached).toBe(1);
  });

  it('with a revocation refuses what was issued before, until that is over', () => {
    let issuedAtMs: number | undefined;
    const options: HubSceneOptions = {
      principal: (subject) => ({
        subject,
        role: 'server',
        ...(issuedAtMs !== undefined && { issuedAtMs }),
        may: () => true,
        mayAll: () => true,
        maySome: () => true,
      }),
    };
    const scene = new HubScene(options);
    const comesIn = (token = 'alice'): boolean => {
      const client = scene.connect();
      client.send(['hello', { version: 1, token }]);
      return client.closeCode !== ERRORS.unauthorized.code;
    };
    const welcome = scene.connect().hello();
    expect(close(scene, { subject: 'alice', revoke: { forMs: 60_000 } })).toEqual({
      closed: 1,
      revoked: true,
    });
    expect(comesIn()).toBe(false);
    expect(comesIn('bob')).toBe(true);
    const thief = scene.connect();
    thief.send([
      'hello',
      {
        version: 1,
        token: 'alice',
        resume: { session: welcome.session, token: welcome.resumeToken, queues: [], exchanges: [] },
      },
    ]);
    expect(thief.closeCode).toBe(ERRORS.unauthorized.code);
    issuedAtMs = scene.clock.wallMs() - 1;
    expect(comesIn()).toBe(false);
    issuedAtMs = scene.clock.wallMs();
    expect(comesIn()).toBe(true);
    issuedAtMs = undefined;
    scene.clock.advance(59_999);
    expect(comesIn()).toBe(false);
    // A shorter one does not end it.
    close(scene, { subject: 'alice', revoke: { forMs: 0 } });
    expect(comesIn()).toBe(false);
    scene.clock.advance(1);
    expect(comesIn()).toBe(true);
  });

  it('with a store refuses it also after a restart', () => {
    const scene = new HubScene({ durable: true });
    scene.client('alice');
    let answer: unknown;
    scene.hub.control.close(
      scene.principal('root'),
      { subject: 'alice', revoke: { forMs: 60_000 } },
      (given) => {
        answer = given;
      },
    );
    expect(scene.hub.stats().sessions.attached).toBe(0);
    // Closed at once, answered once it is on disk.
    expect(answer).toBeUndefined();
    scene.flush();
    expect(answer).toEqual({ closed: 1, revoked: true });
    scene.crash();
    expect(scene.hub.control.isRevoked(scene.principal('alice'))).toBe(true);
    expect(scene.hub.control.isRevoked(scene.principal('bob'))).toBe(false);
    scene.clock.advance(60_000);
    expect(scene.hub.control.isRevoked(scene.principal('alice'))).toBe(false);
  });

  it('is for admins, and told in the log either way', () => {
    const scene = new HubScene({
      forbidden: (action, _, __, subject) => action === 'admin' && subject === 'eve',
    });
    scene.client();
    expect(close(scene, { subject: 'alice' }, 'eve')).toEqual({ error: 'forbidden' });
    expect(scene.hub.control.list(scene.principal('eve'), { limit: 5 })).toEqual({ error: 'forbidden' });
    expect(scene.hub.stats().sessions.attached).toBe(1);
    close(scene, { subject: 'alice', revoke: { forMs: 1 } });
    expect(scene.audits).toEqual([
      { subject: 'eve', role: 'server', action: 'close-sessions', on: 'subject alice', outcome: 'forbidden' },
      { subject: 'root', role: 'server', action: 'revoke-sessions', on: 'subject alice', outcome: 'done' },
    ]);
  });

  it('lists them by id, page by page, each once', () => {
    const scene = new HubScene();
    const ids = Array.from(
      { length: 23 },
      (_, i) => scene.connect().hello({ token: i < 20 ? 'alice' : 'bob' }).session,
    );
    const parked = scene.connect();
    ids.push(parked.hello({ token: 'carol', client: 'shop' }).session);
    parked.subscribe();
    scene.publish('a');
    parked.cut();
    const root = scene.principal('root');
    const page = (after?: string, subject?: string, limit = 10) =>
      scene.hub.control.list(root, {
        limit,
        ...(after && { after }),
        ...(subject && { subject }),
      }) as SessionPage;
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const { sessions, more } = page(after);
      seen.push(...sessions.map(({ session }) => session));
      after = seen.at(-1);
      if (!more) break;
    }
    expect(seen).toEqual(ids.toSorted());
    expect(page(undefined, 'bob').sessions).toHaveLength(3);
    expect(page(undefined, 'alice', 20)).toMatchObject({ more: false });
    expect(page(undefined, 'carol').sessions).toMatchObject([
      { state: 'parked', client: 'shop', subscriptions: 1, bindings: 1, parkedForMs: expect.any(Number) },
    ]);
  });
});

describe('the list of revocations', () => {
  const someone = (subject: string): Principal => ({
    subject,
    role: 'browser',
    may: () => true,
    mayAll: () => true,
    maySome: () => true,
  });

  it('is bounded: where it is full nothing more is promised, until something is over', () => {
    const clock = new ManualClock();
    const revocations = new Revocations(clock, undefined, 3);
    for (const subject of ['a', 'b']) revocations.revoke(subject, 1_000, () => {});
    revocations.revoke('c', 10, () => {});
    expect(revocations.hasRoomFor('d')).toBe(false);
    expect(revocations.hasRoomFor('a')).toBe(true);
    clock.advance(10);
    expect(revocations.hasRoomFor('d')).toBe(true);
    expect(revocations.size).toBe(2);
    expect(revocations.refuses(someone('a'))).toBe(true);
    expect(revocations.refuses(someone('c'))).toBe(false);
    expect(MAX_REVOCATIONS).toBe(10_000);
  });
});

describe('the log of admin actions', () => {
  it('has each change and purge, done or refused, by session or without, and no questions', () => {
    const scene = new HubScene({ forbidden: (action) => action === 'delete-queue' });
    const { session } = (() => {
      const alice = scene.connect();
      const welcome = alice.hello();
      alice.send(
        ['declare', 1, 'x', { type: 'topic' }],
        ['declare', 2, 'x', { passive: true }],
        ['declareQueue', 3, 'q', {}],
        ['inspect', 4, 'q'],
        ['bind', 5, { queue: 'q' }, 'x', 'a.#'],
        ['purge', 6, 'q'],
        ['list', 7],
      );
      // Its own queue is its own affair.
      const { queue } = alice.subscribe();
      alice.send(['bind', 8, queue, 'x', 'b']);
      return welcome;
    })();
    scene.hub.changeTopology(
      scene.principal('root'),
      { type: 'delete', exchange: 'nowhere', ifUnused: false },
      () => {},
    );
    const alice = { subject: 'alice', role: 'server', session };
    expect(scene.audits).toEqual([
      { ...alice, action: 'declare', on: 'exchange x', outcome: 'done' },
      { ...alice, action: 'declareQueue', on: 'queue q', outcome: 'done' },
      { ...alice, action: 'bind', on: 'exchange x, key a.#, to queue q', outcome: 'done' },
      { ...alice, action: 'purge', on: 'queue q', outcome: 'forbidden' },
      {
        subject: 'root',
        role: 'server',
        action: 'delete',
        on: 'exchange nowhere',
        outcome: 'unknown-exchange',
      },
    ]);
  });
});
