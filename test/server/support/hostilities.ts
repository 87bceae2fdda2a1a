/** For each error of the table an input that raises exactly this one: those that end the connection, and those that answer a command. */
import type { ErrorName } from '@ringhub/protocol';
import type { HubScene, HubSceneOptions } from './hub-scene.ts';
import { resumeOf, type ScriptedClient } from './scripted-client.ts';

export interface Hostility extends HubSceneOptions {
  readonly what: string;
  /** Raises the error with a connection that has said nothing yet; returns where it is to be looked for. */
  readonly raise: (scene: HubScene, client: ScriptedClient) => ScriptedClient | undefined;
}

export const TOPIC = 'amq.topic';
const greeted =
  (raise: (client: ScriptedClient, scene: HubScene) => unknown): Hostility['raise'] =>
  (scene, client) => {
    client.hello();
    raise(client, scene);
    return client;
  };
const subscribing = (options: Record<string, unknown>) =>
  greeted((client) => client.send(['subscribe', 1, { bindings: [[TOPIC, '#']], ...options }]));
const publishing = (...fields: unknown[]) => greeted((client) => client.send(['publish', 1, ...fields]));

/** The connection ends with the code. */
export const CLOSING: Partial<Record<ErrorName, Hostility>> = {
  draining: {
    what: 'the hub shuts down',
    raise: (scene, client) => {
      // The neighbour is sent away too, so this one has the hub for itself: see below.
      client.hello();
      scene.gateway.drain(0, 0, () => {});
      return client;
    },
  },
  'heartbeat-timeout': {
    what: 'nothing is said for deadMs',
    raise: greeted((_, scene) => scene.clock.advance(50_000)),
  },
  'slow-consumer': {
    what: 'a ring with overflow disconnect is full',
    raise: greeted((client, scene) => {
      client.subscribe({ overflow: 'disconnect', capacity: 2, prefetch: 0 });
      scene.publish('a', 'b', 'c');
    }),
  },
  'output-overflow': {
    what: 'pings are sent and no pong is read',
    session: { maxOutputBytes: 1_000 },
    raise: greeted((client) => {
      client.socket.bufferedBytes = 1e9;
      for (let i = 0; i < 1_000; i++) client.send(['ping']);
    }),
  },
  internal: {
    what: 'the socket fails while it is written to',
    raise: greeted((client) => {
      client.socket.onSend = () => {
        throw new Error('planted');
      };
      client.send(['ping']);
    }),
  },
  'hello-timeout': {
    what: 'no hello comes',
    raise: (scene, client) => {
      scene.clock.advance(7_000);
      return client;
    },
  },
  'rate-limited': {
    what: 'more pings in a second than a role may send frames',
    session: { maxFramesPerSec: 10, maxFramesBurst: 20 },
    raise: greeted((client) => {
      for (let i = 0; i < 21; i++) client.send(['ping']);
    }),
  },
  'taken-over': {
    what: 'the session is resumed elsewhere',
    raise: greeted((client, scene) => {
      scene.connect().resume(client.all('welcome')[0]!);
    }),
  },
  superseded: {
    what: 'a late hello, with the token that this connection had used, before it has said anything',
    raise: (scene) => {
      const first = scene.client();
      const [welcome] = first.all('welcome');
      first.cut();
      const client = scene.connect();
      client.resume(welcome!);
      scene.connect().resume(welcome!);
      return client;
    },
  },
  'token-expired': {
    what: 'a token has expired while its holder was connected',
    raise: (scene) => {
      const client = scene.client('alice~10');
      scene.clock.advance(11_000);
      return client;
    },
  },
  unauthorized: {
    what: 'the token is not known',
    raise: (_, client) => client.send(['hello', { version: 1, token: 'nobody' }]),
  },
  'bad-frame': {
    what: 'a message is no JSON array',
    raise: greeted((client) => client.text('{"publish":1}')),
  },
  'unsupported-version': {
    what: 'the hello is of another version',
    raise: (_, client) => client.send(['hello', { version: 99, token: 'alice' }]),
  },
  'hello-expected': {
    what: 'a second hello comes',
    raise: greeted((client) => client.send(['hello', { version: 1 }])),
  },
  'publish-sequence': {
    what: 'a number is left out',
    raise: greeted((client) => client.send(['publish', 2, TOPIC, 'k', 'x'])),
  },
  'resume-invalid': {
    what: 'a tag is claimed that was never sent',
    raise: (scene, client) => {
      const owner = scene.connect();
      const welcome = owner.hello();
      const { queue } = owner.subscribe();
      return client.send([
        'hello',
        { version: 1, token: 'alice', resume: resumeOf(welcome, [{ queue, lastTag: 7 }]) },
      ]);
    },
  },
  'session-evicted': {
    what: 'a session holds more unacknowledged than the hub has memory',
    limits: { memoryBudgetBytes: 10_000 },
    raise: greeted((client, scene) => {
      client.subscribe({ bindings: [[TOPIC, 'heavy']] });
      for (let i = 0; i < 20; i++) {
        scene.publishNow('heavy', 'x'.repeat(1_000));
        scene.clock.settle();
      }
    }),
  },
  'session-revoked': {
    what: 'an operator sends its subject away',
    raise: greeted((_, scene) => {
      scene.hub.control.close(scene.principal('operator'), { subject: 'alice' }, () => {});
    }),
  },
};

/** The command is answered with the code; the connection goes on. */
export const ANSWERED: Partial<Record<ErrorName, Hostility>> = {
  'unknown-exchange': { what: 'publish to no exchange', raise: publishing('none', 'k', 'x') },
  'bad-pattern': {
    what: 'a pattern of 33 words',
    raise: subscribing({ bindings: [[TOPIC, 'a.'.repeat(32)]] }),
  },
  'too-many-hashes': {
    what: 'a pattern of three #',
    raise: subscribing({ bindings: [[TOPIC, '#.a.#.b.#']] }),
  },
  'bad-argument': { what: 'a capacity of -1', raise: subscribing({ capacity: -1 }) },
  'too-many-bindings': {
    what: 'more bindings than allowed',
    session: { maxBindings: 2 },
    raise: subscribing({
      bindings: [
        [TOPIC, 'a'],
        [TOPIC, 'b'],
        [TOPIC, 'c'],
      ],
    }),
  },
  'too-many-subscriptions': {
    what: 'a subscription too many',
    session: { maxSubscriptions: 2 },
    raise: greeted((client) => {
      for (let ref = 1; ref <= 3; ref++) client.send(['subscribe', ref, { bindings: [[TOPIC, '#']] }]);
    }),
  },
  'payload-too-large': {
    what: 'a payload over the limit, counted in UTF-8',
    session: { maxPayloadBytes: 10 },
    raise: publishing(TOPIC, 'k', 'ääääää'),
  },
  'unknown-tag': {
    what: 'an ack of what was never sent',
    raise: greeted((client) => client.send(['ack', client.subscribe().queue, 1_000_000])),
  },
  'unknown-queue': {
    what: 'an ack for another session’s queue',
    raise: greeted((client) => client.send(['ack', 1, 1])),
  },
  forbidden: {
    what: 'a publish that is not permitted',
    forbidden: (action, _, key, subject) => subject === 'alice' && action === 'publish' && key === 'secret',
    raise: publishing(TOPIC, 'secret', 'x'),
  },
  unroutable: {
    what: 'mandatory, with nobody there',
    raise: publishing('empty', 'k', 'x', { mandatory: true }),
  },
  'bad-key': { what: 'a key with a control character', raise: publishing(TOPIC, 'a\nb', 'x') },
  'bad-headers': {
    what: 'a header that is an object',
    raise: publishing(TOPIC, 'k', 'x', { headers: { a: {} } }),
  },
  'exchange-mismatch': {
    what: 'a declaration with other attributes',
    raise: greeted((client) => client.send(['declare', 1, 'empty', { type: 'fanout' }])),
  },
  'internal-exchange': {
    what: 'a publish to an internal exchange',
    raise: publishing('hub.events', 'k', 'x'),
  },
  'exchange-in-use': {
    what: 'a delete, if unused, of an exchange with a binding',
    raise: greeted((client) =>
      client.send(['bind', 1, 'amq.topic', 'empty', '#']).send(['delete', 2, 'empty', true]),
    ),
  },
  'unknown-binding': {
    what: 'an unbind of what was never bound',
    raise: greeted((client) => client.send(['unbind', 1, 'amq.topic', 'empty', 'x'])),
  },
  'reserved-name': {
    what: 'a declaration of an amq. name',
    raise: greeted((client) => client.send(['declare', 1, 'amq.mine', { type: 'topic' }])),
  },
  'bad-cursor': { what: 'a cursor that is none', raise: subscribing({ since: { cursor: 'v:1' } }) },
  'bad-payload': { what: 'a payload that is a number', raise: publishing(TOPIC, 'k', 5) },
  'too-many-exchanges': {
    what: 'an exchange too many',
    limits: { maxExchanges: 8 },
    raise: greeted((client) => {
      for (const [ref, name] of ['a', 'b'].entries()) client.send(['declare', ref, name, { type: 'topic' }]);
    }),
  },
  'bad-name': {
    what: 'a declaration without a name',
    raise: greeted((client) => client.send(['declare', 1, '', { type: 'topic' }])),
  },
  'default-exchange': {
    what: 'a binding to the default exchange',
    raise: greeted((client) => client.send(['bind', 1, '', 'amq.topic', '#'])),
  },
  'fate-unknown': {
    what: 'a publish of a session that nobody remembers, sent again',
    raise: publishing(TOPIC, 'k', 'x', { resent: ['gone', 1] }),
  },
  'queue-not-found': {
    what: 'a consumer of a queue that is not there',
    raise: greeted((client) => client.send(['consume', 1, { consume: 'none' }])),
  },
  'queue-mismatch': {
    what: 'a queue declared again with another bound',
    raise: greeted((client) =>
      client.send(['declareQueue', 1, 'jobs', { maxMessages: 5 }], ['declareQueue', 2, 'jobs', {}]),
    ),
  },
  'queue-in-use': {
    what: 'a consumer that wants to be alone where there is one',
    raise: greeted((client) =>
      client.send(
        ['declareQueue', 1, 'jobs'],
        ['consume', 2, { consume: 'jobs' }],
        ['consume', 3, { consume: 'jobs', exclusive: true }],
      ),
    ),
  },
  'queue-not-empty': {
    what: 'a delete, if empty, of a queue with a message',
    raise: greeted((client) =>
      client.send(
        ['declareQueue', 1, 'jobs'],
        ['publish', 1, '', 'jobs', 'x'],
        ['deleteQueue', 2, 'jobs', { ifEmpty: true }],
      ),
    ),
  },
  'queue-exclusive': {
    what: 'a purge of another session’s queue',
    raise: greeted((client, scene) => {
      scene.client('carol').send(['declareQueue', 1, 'hers', { exclusive: true }]);
      client.send(['purge', 1, 'hers']);
    }),
  },
  'too-many-queues': {
    what: 'a queue too many',
    limits: { maxNamedQueues: 1 },
    raise: greeted((client) => client.send(['declareQueue', 1, 'a'], ['declareQueue', 2, 'b'])),
  },
  'durability-mismatch': {
    what: 'a binding from a durable exchange to a volatile one',
    durable: true,
    raise: greeted((client, scene) => {
      client.send(['declare', 1, 'kept', { type: 'topic', durable: true }]);
      scene.flush();
      client.send(['bind', 2, 'empty', 'kept', '#']);
    }),
  },
  'queue-full': {
    what: 'a publish to a queue that refuses when full',
    raise: greeted((client) =>
      client.send(
        ['declareQueue', 1, 'jobs', { maxMessages: 1, overflow: 'reject-publish' }],
        ['publish', 1, '', 'jobs', 'x'],
        ['publish', 2, '', 'jobs', 'x'],
      ),
    ),
  },
  'store-failed': {
    what: 'a publish to a durable exchange on a disk that refuses',
    durable: true,
    raise: greeted((client, scene) => {
      client.send(['declare', 1, 'kept', { type: 'topic', durable: true }]);
      scene.flush();
      scene.disk.refuse({ reason: 'io', text: 'planted' });
      client.send(['publish', 1, 'kept', 'k', 'x']);
      scene.flush();
    }),
  },
  'publish-window': {
    what: 'more publishes at once than the window allows',
    session: { publishWindowMessages: 1 },
    raise: greeted((client) =>
      client.sendNow(...[1, 2].map((seq) => ['publish', seq, TOPIC, 'flood', 'x'])).send(['ping']),
    ),
  },
  unavailable: {
    what: 'a publish while the hub shuts down',
    raise: greeted((client, scene) => {
      client.subscribe();
      scene.publish('unsettled');
      scene.gateway.drain(0, 60_000, () => {});
      client.send(['publish', 1, TOPIC, 'k', 'x']);
    }),
  },
};

/** Raised where no hub is reached, or by the client library. */
export const ELSEWHERE: Partial<Record<ErrorName, string>> = {
  'locked-out': 'test/server/hostile-tokens.test.ts: it takes an auth that counts',
  'frame-too-large': 'below, and test/contract/transport-suite.ts',
  'too-many-connections': 'test/contract/transport-ws.test.ts: an HTTP status, before there is a connection',
  'outcome-unknown': 'test/client-sdk',
  'outbox-full': 'test/client-sdk',
  closed: 'test/client-sdk',
};
