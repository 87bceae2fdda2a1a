/**
 * Each bound of PROTOCOL §15 at its edge: as many as it says are taken, one more is refused with the error it says, and a
 * neighbour on the same hub notices nothing. Bounds of sockets and heads: `test/hostile/`; of rings: `test/core/`.
 */
import { ERRORS, type ErrorName } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { BROWSER_LIMITS } from '../../server/src/core/limits.ts';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';
import type { RawFrame, ScriptedClient } from './support/scripted-client.ts';

const TOPIC = 'amq.topic';
const N = 3;

interface Edge extends HubSceneOptions {
  readonly what: string;
  /** The command that takes the i-th of what is bounded; refs and numbers are i. */
  readonly command: (i: number, client: ScriptedClient) => RawFrame;
  readonly before?: (client: ScriptedClient, scene: HubScene) => void;
  readonly error: ErrorName;
  /** Makes room for one more. */
  readonly free?: (client: ScriptedClient) => void;
}

const subscribe = (i: number): RawFrame => ['subscribe', i, { bindings: [[TOPIC, `k${i}`]] }];
const declareQueue = (i: number): RawFrame => ['declareQueue', i, `q${i}`, {}];
const declare = (i: number): RawFrame => ['declare', i, `x${i}`, { type: 'topic' }];
const publish =
  (payload: string) =>
  (i: number): RawFrame => ['publish', i, TOPIC, 'k', payload];
/** Exchanges that are always there; the neighbour declares none. */
const PREDECLARED = 6;

const EDGES: readonly Edge[] = [
  {
    what: 'subscriptions of a session',
    session: { maxSubscriptions: N },
    command: subscribe,
    error: 'too-many-subscriptions',
    free: (client) => client.send(['unsubscribe', 900, queueOf(client, 1)]),
  },
  {
    what: 'consumers, which count as subscriptions',
    session: { maxSubscriptions: N },
    before: (client) => client.send(declareQueue(800)),
    command: (i) => ['consume', i, { consume: 'q800' }],
    error: 'too-many-subscriptions',
  },
  {
    what: 'bindings of a session, by subscribe',
    session: { maxBindings: N },
    command: subscribe,
    error: 'too-many-bindings',
    free: (client) => client.send(['unsubscribe', 900, queueOf(client, 1)]),
  },
  {
    what: 'bindings of a session, by bind',
    session: { maxBindings: N + 1 },
    before: (client) => client.send(subscribe(800)),
    command: (i, client) => ['bind', i, queueOf(client, 800), TOPIC, `b${i}`],
    error: 'too-many-bindings',
  },
  {
    what: 'bindings of the node',
    // One is the neighbour's.
    limits: { maxBindings: N + 1 },
    command: subscribe,
    error: 'too-many-bindings',
  },
  {
    what: 'bindings of named queues, which the node counts, too',
    limits: { maxBindings: N + 1 },
    before: (client) => client.send(declareQueue(800)),
    command: (i) => ['bind', i, { queue: 'q800' }, TOPIC, `b${i}`],
    error: 'too-many-bindings',
    free: (client) => client.send(['unbind', 900, { queue: 'q800' }, TOPIC, 'b1']),
  },
  {
    what: 'bindings between exchanges',
    limits: { maxExchangeBindings: N },
    before: (client) => client.send(declare(800)),
    command: (i) => ['bind', i, 'x800', TOPIC, `b${i}`],
    error: 'too-many-bindings',
    free: (client) => client.send(['unbind', 900, 'x800', TOPIC, 'b1']),
  },
  {
    what: 'exchanges of the node',
    limits: { maxExchanges: PREDECLARED + N },
    command: declare,
    error: 'too-many-exchanges',
    free: (client) => client.send(['delete', 900, 'x1']),
  },
  {
    what: 'named queues of the node',
    limits: { maxNamedQueues: N },
    command: declareQueue,
    error: 'too-many-queues',
    free: (client) => client.send(['deleteQueue', 900, 'q1', {}]),
  },
  {
    what: 'exchanges of a subject',
    session: { maxDeclaredPerSubject: N },
    command: declare,
    error: 'too-many-exchanges',
    free: (client) => client.send(['delete', 900, 'x1']),
  },
  {
    what: 'named queues of a subject',
    session: { maxDeclaredPerSubject: N },
    command: declareQueue,
    error: 'too-many-queues',
    free: (client) => client.send(['deleteQueue', 900, 'q1', {}]),
  },
  {
    what: 'exchanges and named queues of a subject together',
    session: { maxDeclaredPerSubject: N },
    before: (client) => client.send(declare(800)).send(declare(801)),
    command: (i) => declareQueue(i <= N ? 1 : i),
    error: 'too-many-queues',
    free: (client) => client.send(['delete', 900, 'x800']),
  },
  {
    what: 'durable declarations of a subject, also those of an earlier process',
    durable: true,
    session: { maxDeclaredPerSubject: N },
    command: (i) => ['declareQueue', i, `q${i}`, { durable: true }],
    error: 'too-many-queues',
    free: (client) => client.send(['deleteQueue', 900, 'q1', {}]),
  },
];

function queueOf(client: ScriptedClient, ref: number): number {
  const result = client.all('ok').find((ok) => ok.ref === ref)?.result as { queue?: number } | undefined;
  if (result?.queue === undefined) throw new Error(`no queue of ref ${ref}`);
  return result.queue;
}

const errorsOf = (client: ScriptedClient): number[] =>
  [...client.all('error'), ...client.all('refused')].map(({ code }) => code);

/** Somebody else's subscription, by which it is seen whether anybody else is affected. */
function neighbourOn(scene: HubScene) {
  const neighbour = scene.client('bob');
  const { queue } = neighbour.subscribe({ bindings: [[TOPIC, 'neighbour']] });
  let tag = 0;
  return () => {
    neighbour.take();
    expect(scene.publish('neighbour')).toMatchObject([{ kind: 'taken' }]);
    expect(neighbour.deliveries(queue)).toEqual([`${++tag}:neighbour`]);
    neighbour.send(['ack', queue, tag]);
    expect(neighbour.closeCode).toBeUndefined();
    expect(scene.hub.stats().ledger.residual).toBe(0);
  };
}

describe('as many as allowed, and not one more:', () => {
  it.each(EDGES.map((edge) => [edge.what, edge] as const))('%s', (_, edge) => {
    const scene = new HubScene(edge);
    const expectFine = neighbourOn(scene);
    const client = scene.client();
    edge.before?.(client, scene);
    for (let i = 1; i <= N; i++) {
      client.send(edge.command(i, client));
      if (edge.durable) scene.flush();
    }
    expect(errorsOf(client)).toEqual([]);
    client.send(edge.command(N + 1, client));
    expect(errorsOf(client)).toEqual([ERRORS[edge.error].code]);
    expect(client.closeCode).toBeUndefined();
    expectFine();
    if (!edge.free) return;
    edge.free(client);
    if (edge.durable) scene.flush();
    client.send(edge.command(N + 1, client));
    if (edge.durable) scene.flush();
    expect(errorsOf(client)).toEqual([ERRORS[edge.error].code]);
  });

  it('named queues and exchanges of another subject are that one’s own affair', () => {
    const scene = new HubScene({ session: { maxDeclaredPerSubject: 1 } });
    const clients = ['alice', 'carol', '__proto__'].map((token) => scene.client(token));
    for (const [i, client] of clients.entries()) client.send(declareQueue(i)).send(declare(i));
    expect(clients.map(errorsOf)).toEqual(Array(3).fill([ERRORS['too-many-exchanges'].code]));
  });

  it('durable declarations are still their declarer’s after a restart', () => {
    const scene = new HubScene({ durable: true, session: { maxDeclaredPerSubject: 2 } });
    const client = scene.client();
    client.send(['declareQueue', 1, 'q', { durable: true }]);
    client.send(['declare', 2, 'x', { type: 'topic', durable: true }]);
    scene.flush();
    scene.restart();
    const [again, other] = [scene.client(), scene.client('carol')];
    again.send(['declareQueue', 1, 'q', { durable: true }]);
    again.send(declareQueue(3));
    other.send(declareQueue(4));
    scene.flush();
    expect([errorsOf(again), errorsOf(other)]).toEqual([[ERRORS['too-many-queues'].code], []]);
    other.send(['delete', 5, 'x']);
    again.send(declareQueue(6));
    scene.flush();
    expect([errorsOf(again), errorsOf(other)]).toEqual([[ERRORS['too-many-queues'].code], []]);
  });
});

describe('publishes', () => {
  it.each([
    ['messages unconfirmed', { publishWindowMessages: N }, 'x'],
    ['bytes unconfirmed', { publishWindowBytes: N * 100 }, 'x'.repeat(100)],
  ] as const)('%s: a window, and not one more', (_, session, payload) => {
    const scene = new HubScene({ session });
    const expectFine = neighbourOn(scene);
    const client = scene.client();
    client.sendNow(...[1, 2, 3].map(publish(payload)));
    client.send(publish(payload)(4));
    expect(client.all('refused').map(({ seq, code }) => [seq, code])).toEqual([
      [4, ERRORS['publish-window'].code],
    ]);
    expect(client.all('confirm').flatMap(({ runs }) => runs.map(({ seq, count }) => [seq, count]))).toEqual([
      [1, 3],
    ]);
    client.send(publish(payload)(5));
    expect(client.all('refused')).toHaveLength(1);
    expectFine();
  });

  it.each([
    ['payload bytes', (over: number) => ['k', 'é'.repeat(50) + 'x'.repeat(over), {}], 'payload-too-large'],
    ['key bytes', (over: number) => ['é'.repeat(127) + 'x'.repeat(1 + over), 'x', {}], 'bad-key'],
    [
      'key words',
      (over: number) => [
        Array(32 + over)
          .fill('w')
          .join('.'),
        'x',
        {},
      ],
      'bad-key',
    ],
    [
      'headers',
      (over: number) => [
        'k',
        'x',
        { headers: Object.fromEntries(Array.from({ length: 32 + over }, (_, i) => [`h${i}`, 1])) },
      ],
      'bad-headers',
    ],
    [
      'bytes of headers',
      (over: number) => ['k', 'x', { headers: { hh: 'é'.repeat(4_095) + 'x'.repeat(over) } }],
      'bad-headers',
    ],
    ['bytes of an id', (over: number) => ['k', 'x', { id: 'x'.repeat(128 + over) }], 'bad-argument'],
  ] as const)('%s', (_, fields, error) => {
    const scene = new HubScene({ session: { maxPayloadBytes: 100 } });
    const expectFine = neighbourOn(scene);
    const client = scene.client();
    client.send(['publish', 1, TOPIC, ...fields(0)]).send(['publish', 2, TOPIC, ...fields(1)]);
    expect(client.all('refused').map(({ seq, code }) => [seq, code])).toEqual([[2, ERRORS[error].code]]);
    expect(client.closeCode).toBeUndefined();
    expectFine();
  });
});

describe('what a subscription asks for', () => {
  it('is granted up to the bounds of the role', () => {
    const scene = new HubScene();
    const asked = { capacity: 1e9, capacityBytes: 1e12, prefetch: 1e9 };
    const {
      maxQueueCapacity: capacity,
      maxQueueBytes: capacityBytes,
      maxPrefetch: prefetch,
    } = BROWSER_LIMITS;
    expect(scene.client('browser-1').subscribe(asked).granted).toMatchObject({
      capacity,
      capacityBytes,
      prefetch,
    });
  });
});

describe('frames of one connection', () => {
  const session = { maxFramesPerSec: 10, maxFramesBurst: 20 };
  const pings = (count: number) => Array.from({ length: count }, (): RawFrame => ['ping']);

  it('are taken up to the burst, in one message or many; one more closes with rate-limited', () => {
    const scene = new HubScene({ session });
    const expectFine = neighbourOn(scene);
    const [one, many] = [scene.client(), scene.client()];
    one.send(...pings(20));
    for (const ping of pings(20)) many.send(ping);
    for (const client of [one, many]) {
      expect([client.all('pong').length, client.closeCode]).toEqual([20, undefined]);
      client.send(['ping']);
      expect([client.all('pong').length, client.closeCode]).toEqual([20, ERRORS['rate-limited'].code]);
    }
    expectFine();
  });

  it('may go on as they come in again', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...pings(20));
    for (let i = 0; i < 5; i++) {
      scene.clock.advance(1_000);
      client.send(...pings(10));
    }
    expect([client.all('pong').length, client.closeCode]).toEqual([70, undefined]);
    client.send(['ping']);
    expect(client.closeCode).toBe(ERRORS['rate-limited'].code);
  });

  it('over the rate are not performed; the session is resumed, and goes on from there', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    const welcome = client.all('welcome')[0]!;
    client.send(...Array.from({ length: 25 }, (_, i) => publish('x')(i + 1)));
    expect(client.closeCode).toBe(ERRORS['rate-limited'].code);
    const again = scene.connect();
    expect(again.resume(welcome)).toMatchObject({ resumed: true, publishSeq: 20 });
    again.send(...Array.from({ length: 5 }, (_, i) => publish('x')(i + 21)));
    expect([scene.hub.stats().publishes.taken, again.closeCode]).toEqual([25, undefined]);
  });

  it('that answer deliveries count a sixteenth', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    const { queue } = client.subscribe();
    const acks = (count: number) => Array.from({ length: count }, (): RawFrame => ['ack', queue, 0]);
    client.send(...acks(19 * 16));
    expect(client.closeCode).toBeUndefined();
    client.send(['pong']);
    expect(client.closeCode).toBe(ERRORS['rate-limited'].code);
  });

  it('of a server are held by its window only', () => {
    const scene = new HubScene();
    const [server, browser] = [scene.client(), scene.client('browser-1')];
    for (const client of [server, browser]) {
      for (let i = 0; i < 20 && client.closeCode === undefined; i++) {
        client.send(...Array.from({ length: 250 }, (_, j) => publish('x')(i * 250 + j + 1)));
      }
    }
    expect([server.closeCode, browser.closeCode]).toEqual([undefined, ERRORS['rate-limited'].code]);
    expect(scene.hub.stats().publishes).toMatchObject({
      taken: 5_000 + BROWSER_LIMITS.maxFramesBurst,
      refused: {},
    });
  });
});
