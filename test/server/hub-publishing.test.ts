/**
 * Numbered publishes and their answers, commands and their errors (PROTOCOL §5, §8, §11).
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import type { PublishResult } from '../../server/src/ports/engine.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';

describe('a publish that is not permitted any more', () => {
  it('is known by its id, if it was published when it was; and nothing is told of others', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.send(['publish', 1, 'amq.topic', 'a', 'x', { id: 'one' }]);
    scene.options.forbidden = (action) => action === 'publish';
    client.take();
    client.send(['publish', 2, 'amq.topic', 'a', 'x', { id: 'one' }]);
    client.send(['publish', 3, 'amq.topic', 'a', 'x', { id: 'two' }]);
    client.send(['publish', 4, 'not.there', 'a', 'x', { id: 'three' }]);
    expect(client.take()).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({
          type: 'confirm',
          runs: [expect.objectContaining({ seq: 2, duplicate: true })],
        }),
        expect.objectContaining({ type: 'refused', seq: 3, code: ERRORS.forbidden.code }),
        expect.objectContaining({ type: 'refused', seq: 4, code: ERRORS.forbidden.code }),
      ]),
    );
  });
});

describe('publishes', () => {
  it('of one turn are confirmed in one run, with the sessions they reached', () => {
    const scene = new HubScene();
    const subscriber = scene.client('bob');
    subscriber.subscribe();
    subscriber.subscribe();
    const client = scene.client();
    client.send(...['a', 'b', 'c'].map((key, i) => ['publish', i + 1, 'amq.topic', key, 'x']));
    expect(client.takeOf('confirm').map(({ runs }) => runs)).toEqual([
      [{ seq: 1, count: 3, log: 'v', offset: 1, sessions: 1 }],
    ]);
    expect(scene.hub.stats()).toMatchObject({
      publishes: { taken: 3, duplicate: 0 },
      unroutable: 0,
      routed: 6,
    });
  });

  it('sent again with their numbers are answered as the first time, marked, and stored once', () => {
    const scene = new HubScene();
    const first = scene.connect();
    const welcome = first.hello();
    first.publish(1, 'a').publish(2, 'b', 'x', { mandatory: true }).publish(3, 'c');
    first.cut();
    const second = scene.connect();
    expect(second.resume(welcome).publishSeq).toBe(3);
    second.send(...['a', 'b', 'c', 'd'].map((key, i) => ['publish', i + 1, 'amq.topic', key, 'x']));
    expect(second.take()).toEqual([
      expect.objectContaining({ type: 'welcome' }),
      expect.objectContaining({ type: 'refused', seq: 2, code: ERRORS.unroutable.code }),
      {
        type: 'confirm',
        runs: [
          { seq: 1, count: 1, log: 'v', offset: 1, sessions: 0, duplicate: true },
          { seq: 3, count: 1, log: 'v', offset: 2, sessions: 0, duplicate: true },
          { seq: 4, count: 1, log: 'v', offset: 3, sessions: 0 },
        ],
      },
    ]);
    expect(scene.engine.bounds('v').last).toBe(3);
    expect(scene.hub.stats().publishes).toMatchObject({ taken: 3, duplicate: 2 });
  });

  it('with the same id are stored once, per subject and exchange, across sessions', () => {
    const scene = new HubScene();
    const alice = scene.client('alice');
    const again = scene.client('alice');
    const bob = scene.client('bob');
    for (const client of [alice, again, bob]) client.publish(1, 'a', 'x', { id: 'once' });
    const runs = [alice, again, bob].flatMap((client) => client.takeOf('confirm').flatMap((c) => c.runs));
    expect(runs).toMatchObject([{ offset: 1 }, { offset: 1, duplicate: true }, { offset: 2 }]);
  });

  it('with the same id are known again when their exchange is gone', () => {
    const scene = new HubScene();
    const alice = scene.client('alice');
    alice.send(['declare', 1, 'x', { type: 'topic' }]);
    alice.send(['publish', 1, 'x', 'a', 'x', { id: 'once' }]);
    alice.send(['delete', 2, 'x']);
    alice.send(['publish', 2, 'x', 'a', 'x', { id: 'once' }]);
    alice.send(['publish', 3, 'x', 'a', 'x', { id: 'twice' }]);
    const runs = alice.all('confirm').flatMap((confirm) => confirm.runs);
    expect(runs).toMatchObject([
      { seq: 1, offset: 1 },
      { seq: 2, offset: 1, duplicate: true },
    ]);
    expect(alice.all('refused')).toMatchObject([{ seq: 3, code: ERRORS['unknown-exchange'].code }]);
  });

  it('over HTTP and in a session share ids', () => {
    const scene = new HubScene();
    expect(scene.publishNow('a', 'x', { id: '1' })).toMatchObject({
      kind: 'taken',
      offset: 1,
      duplicate: false,
    });
    expect(scene.publishNow('a', 'x', { id: '1' })).toMatchObject({
      kind: 'taken',
      offset: 1,
      duplicate: true,
    });
    expect(scene.publishNow('a', 'x', { exchange: 'none' })).toMatchObject({
      kind: 'refused',
      error: 'unknown-exchange',
    });
    expect(scene.hub.stats().publishes).toMatchObject({ refused: { 'unknown-exchange': 1 } });
  });

  it('beyond the window are refused, and room comes when confirms were written', () => {
    const scene = new HubScene({ session: { publishWindowMessages: 2 } });
    const client = scene.client();
    client.send(...[1, 2, 3, 4].map((seq) => ['publish', seq, 'amq.topic', 'k', 'x']));
    expect(client.take().slice(1)).toMatchObject([
      { type: 'refused', seq: 3, code: ERRORS['publish-window'].code },
      { type: 'refused', seq: 4 },
      { type: 'confirm', runs: [{ seq: 1, count: 2 }] },
    ]);
    expect(client.publish(5, 'k').takeOf('confirm')).toHaveLength(1);
  });

  it('count their bytes against the window too', () => {
    const scene = new HubScene({ session: { publishWindowBytes: 10 } });
    const client = scene.client();
    client.send(['publish', 1, 'amq.topic', 'k', '123456'], ['publish', 2, 'amq.topic', 'k', '123456']);
    expect(client.takeOf('refused')).toMatchObject([{ seq: 2 }]);
  });

  it('that skip or repeat beyond memory a number end the connection', () => {
    const scene = new HubScene();
    expect(scene.client().publish(2, 'k').closeCode).toBe(ERRORS['publish-sequence'].code);
    const client = scene.client();
    client.publish(1, 'k');
    expect(client.send(['publish', 3, 'amq.topic', 5, 'x']).closeCode).toBe(ERRORS['publish-sequence'].code);
    expect(client.takeOf('confirm')).toHaveLength(1);
  });

  it('with a wrong field count as seen', () => {
    const client = new HubScene().client();
    client.send(['publish', 1, 'amq.topic', 5, 'x']).publish(2, 'k');
    expect(client.take().slice(1)).toMatchObject([
      { type: 'refused', seq: 1, code: ERRORS['bad-argument'].code, detail: { field: 'publish.key' } },
      { type: 'confirm', runs: [{ seq: 2 }] },
    ]);
  });

  it('mandatory, are stored only where somebody is subscribed', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.publish(1, 'k', 'x', { mandatory: true });
    client.subscribe();
    client.publish(2, 'k', 'x', { mandatory: true });
    expect(
      client
        .take()
        .slice(1)
        .map(({ type }) => type),
    ).toEqual(['refused', 'ok', 'confirm', 'deliver']);
  });

  it('keep payload kinds, headers, ids and content types', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe();
    client.publish(1, 'text', 'ä', { headers: { n: 1, t: 'x', b: true, z: null }, id: 'i' });
    client
      .publish(2, 'json', { json: { a: [1] } })
      .publish(3, 'bytes', { b64: 'AAEC' }, { contentType: 'x/y' });
    const items = client.takeOf('deliver').flatMap((d) => d.items);
    expect(items).toMatchObject([
      { payload: 'ä', contentType: 'text/plain', headers: { n: 1, t: 'x', b: true, z: null }, id: 'i' },
      { payload: '{"a":[1]}', contentType: 'application/json' },
      { payload: new Uint8Array([0, 1, 2]), contentType: 'x/y' },
    ]);
  });
});

describe('with an engine that answers later', () => {
  const later = () => {
    const answers: (() => void)[] = [];
    let refusal: PublishResult | undefined;
    const options: HubSceneOptions = {
      engine: (engine) =>
        Object.assign(Object.create(engine) as typeof engine, {
          publish: ((record, done) => {
            answers.push(() => (refusal ? done(refusal) : engine.publish(record, done)));
          }) satisfies typeof engine.publish,
        }),
    };
    const scene = new HubScene(options);
    return { scene, answers, refuse: (error: 'unavailable') => (refusal = { kind: 'refused', error }) };
  };

  it('a number sent again meanwhile is answered once', () => {
    const { scene, answers } = later();
    const client = scene.client();
    client.publish(1, 'k').publish(1, 'k').send(['publish', 1, 'amq.topic', 5, 'x']);
    expect(client.take().slice(1)).toEqual([]);
    answers[0]!();
    scene.clock.settle();
    expect(client.take()).toMatchObject([{ type: 'confirm', runs: [{ seq: 1, offset: 1 }] }]);
    expect(answers).toHaveLength(1);
  });

  it('an answer for a session that is parked waits for the number to be sent again', () => {
    const { scene, answers } = later();
    const first = scene.connect();
    const welcome = first.hello();
    first.publish(1, 'k');
    first.cut();
    answers[0]!();
    const second = scene.connect();
    second.resume(welcome);
    second.publish(1, 'k');
    expect(second.takeOf('confirm')).toMatchObject([{ runs: [{ seq: 1, offset: 1, duplicate: true }] }]);
  });

  it('a refusal of the engine is counted once', () => {
    const { scene, answers, refuse } = later();
    const client = scene.client();
    refuse('unavailable');
    client.publish(1, 'k');
    answers[0]!();
    scene.clock.settle();
    expect(client.takeOf('refused')).toMatchObject([{ seq: 1, code: ERRORS.unavailable.code }]);
    expect(scene.hub.stats().publishes.refused).toEqual({ unavailable: 1 });
  });

  it('runs may come out of order', () => {
    const { scene, answers } = later();
    const client = scene.client();
    client.send(...[1, 2, 3].map((seq) => ['publish', seq, 'amq.topic', 'k', 'x']));
    for (const i of [2, 0, 1]) answers[i]!();
    scene.clock.settle();
    expect(client.takeOf('confirm')[0]!.runs).toMatchObject([
      { seq: 3, count: 1, offset: 1 },
      { seq: 1, count: 2, offset: 2 },
    ]);
  });
});

describe('publishes of a session that was lost', () => {
  const resent = { resent: ['gone', 1] };

  it('are not published again where nobody can know of the first time, unless their id tells', () => {
    const scene = new HubScene();
    scene.client().publish(1, 'k', 'x', { id: 'i1' });
    const client = scene.client();
    client.publish(1, 'k', 'x', resent).publish(2, 'k', 'x', { id: 'i1', ...resent });
    client.publish(3, 'k', 'x', { id: 'i2', ...resent });
    const unknown = (seq: number) => ({ seq, code: ERRORS['fate-unknown'].code });
    const frames = client.take();
    expect(frames.filter(({ type }) => type === 'refused')).toMatchObject([unknown(1), unknown(3)]);
    expect(frames.filter(({ type }) => type === 'confirm')).toMatchObject([
      { runs: [{ seq: 2, offset: 1, duplicate: true }] },
    ]);
    scene.restart();
    // The id went with the log: the message may have been in it.
    const after = scene.client();
    after.publish(1, 'k', 'x', { id: 'i1', ...resent });
    after.send(
      ['publish', 2, 'no such', 'k', 'x', { id: 'i1', ...resent }],
      ['publish', 3, 'no such', 'k', 'x', resent],
    );
    expect(after.takeOf('refused')).toMatchObject([1, 2, 3].map(unknown));
    expect(scene.hub.stats().publishes.taken).toBe(0);
    // Its number holds for the answer, too.
    after.publish(1, 'k', 'x', { id: 'i1', ...resent });
    expect(after.takeOf('refused')).toMatchObject([unknown(1)]);
  });
});

describe('commands', () => {
  it('are answered in the order they were sent', () => {
    const client = new HubScene().client();
    client.take();
    client.send(
      ['declare', 1, 'prices', { type: 'topic' }],
      ['subscribe', 2, { bindings: [['prices', '#']] }],
      ['subscribe', 3, { bindings: [['none', '#']] }],
      ['credit', 4, 1, 0],
      ['unsubscribe', 5, 1],
      ['unsubscribe', 6, 1],
    );
    expect(
      client.take().map((frame) => ('ref' in frame ? `${frame.type} ${frame.ref}` : frame.type)),
    ).toEqual(['ok 1', 'ok 2', 'error 3', 'ok 4', 'ok 5', 'error 6']);
    expect(client.writes).toBe(2);
  });

  it('unknown-tag names queue and tag, and changes nothing', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe();
    scene.publish('a', 'b');
    client.take();
    client.send(
      ['ack', queue, 3],
      ['ack', queue, 0, [[2, 4]]],
      ['ack', queue, 1],
      ['reject', queue, [[1, 1]]],
    );
    const { code, text } = ERRORS['unknown-tag'];
    expect(client.takeOf('error')).toEqual(
      [3, 3, 1].map((tag) => ({ type: 'error', ref: null, code, text, detail: { queue, tag } })),
    );
    expect(scene.hub.stats().ledger).toMatchObject({ acked: 1, inflight: 1, residual: 0 });
  });

  it('credit pauses and goes on', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe({ prefetch: 0 });
    scene.publish('a', 'b');
    expect(client.deliveries()).toEqual([]);
    client.send(['credit', 1, queue, 1]);
    expect(client.deliveries()).toEqual(['1:a']);
    client.send(['credit', 2, queue, 1_000_000]);
    expect(client.deliveries()).toEqual(['2:b']);
  });

  it('grant less than was asked for, and a credit smaller than the ring', () => {
    const client = new HubScene({ session: { maxQueueCapacity: 10, maxQueueBytes: 1000 } }).client();
    expect(client.subscribe({ capacity: 99, capacityBytes: 9999, prefetch: 99 }).granted).toEqual({
      overflow: 'drop-oldest',
      ack: 'auto',
      capacity: 10,
      capacityBytes: 1000,
      prefetch: 9,
    });
    expect(client.subscribe({ capacity: 1 }).granted).toMatchObject({ capacity: 2, prefetch: 1 });
  });

  it('several matching bindings bring a message once; each subscription has its own ring', () => {
    const scene = new HubScene();
    const client = scene.client();
    client.subscribe({
      bindings: [
        ['amq.topic', 'a.*'],
        ['amq.topic', '#'],
        ['amq.topic', '#'],
      ],
    });
    const other = client.subscribe({ bindings: [['amq.topic', '*.b']] });
    scene.publish('a.b');
    expect(client.deliveries()).toEqual(['1:a.b', '1:a.b']);
    client.send(['unsubscribe', 1, other.queue]);
    scene.publish('a.b');
    expect(client.deliveries()).toEqual(['2:a.b']);
    expect(scene.hub.stats().ledger).toMatchObject({ dropped: { unsubscribed: 1 }, residual: 0 });
  });

  it('nack brings it again, marked; reject ends it', () => {
    const scene = new HubScene();
    const client = scene.client();
    const { queue } = client.subscribe();
    scene.publish('a', 'b');
    client.take();
    client.send(['nack', queue, [[1, 1]]], ['reject', queue, [[2, 2]]]);
    expect(client.deliveries()).toEqual(['1:a {"redelivered":1}']);
    expect(scene.hub.stats()).toMatchObject({
      redeliveries: 1,
      ledger: { rejected: 1, inflight: 1, residual: 0 },
    });
  });
});
