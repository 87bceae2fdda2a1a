/**
 * Records that go the same way are given to each ring as a run (hub/feed.ts). Whoever looks must not be able to tell: two hubs
 * get the same publishes, acks and losses, one of them with a command behind each publish, which has everything given out.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { same } from '../same.ts';
import { HubScene } from './support/hub-scene.ts';
import type { RawFrame, ScriptedClient } from './support/scripted-client.ts';

const KEYS = ['a', 'b', 'a.b', 'c'];
const PATTERNS = ['#', 'a', 'a.#', '*', 'b'];

const subscriber = fc.record({
  exchanges: fc.uniqueArray(fc.constantFrom('amq.topic', 'amq.fanout', 'wide'), {
    minLength: 1,
    maxLength: 2,
  }),
  pattern: fc.constantFrom(...PATTERNS),
  overflow: fc.constantFrom('drop-oldest', 'drop-newest', 'conflate', 'catch-up', 'disconnect'),
  ack: fc.constantFrom('none', 'auto', 'manual'),
  capacity: fc.integer({ min: 2, max: 6 }),
  prefetch: fc.integer({ min: 0, max: 5 }),
  isParked: fc.boolean(),
});
const publish = fc.record({
  exchange: fc.constantFrom('amq.topic', 'amq.topic', 'amq.fanout', 'narrow'),
  key: fc.constantFrom('a', 'a', ...KEYS),
  bytes: fc.constantFrom(1, 30, 400),
});
const turn = fc.record({ publishes: fc.array(publish, { maxLength: 12 }), acks: fc.boolean() });

type Subscriber = typeof subscriber extends fc.Arbitrary<infer S> ? S : never;
type Publish = typeof publish extends fc.Arbitrary<infer P> ? P : never;

/** A hub with these subscribers, and everything that it said to them and to the publisher. */
class Side {
  private readonly scene = new HubScene({
    log: { maxMessages: 20 },
    session: { maxQueueBytes: 1_500, maxSessionBytes: 2_000 },
    limits: { memoryBudgetBytes: 4_000 },
  });
  private readonly publisher: ScriptedClient;
  private readonly listers: readonly ScriptedClient[];
  private readonly clients: ScriptedClient[] = [];
  private seq = 0;

  constructor(
    subscribers: readonly Subscriber[],
    private readonly isTogether: boolean,
  ) {
    this.publisher = this.scene.client();
    this.listers = [this.scene.client('lister'), this.scene.client('lister')];
    this.publisher.send(
      ['declare', 1, 'wide', { type: 'topic' }],
      ['declare', 2, 'narrow', { type: 'topic' }],
    );
    // What comes to `narrow` reaches `wide` as well, and so a ring bound to both by two ways.
    this.publisher.send(['bind', 3, { exchange: 'wide' }, 'narrow', '#']);
    for (const { exchanges, pattern, isParked, ...options } of subscribers) {
      const client = this.scene.client();
      client.subscribe({ ...options, bindings: exchanges.map((exchange) => [exchange, pattern]) });
      if (isParked) client.cut();
      this.clients.push(client);
    }
    this.said();
  }

  play(publishes: readonly Publish[], acks: boolean): void {
    if (acks) this.ackAll();
    const frames = publishes.map(({ exchange, key, bytes }): RawFrame => {
      return ['publish', ++this.seq, exchange, key, 'x'.repeat(bytes)];
    });
    if (this.isTogether) {
      const half = frames.length >> 1;
      // Two messages of one turn.
      if (half > 0) this.publisher.sendNow(...frames.slice(0, half));
      if (frames.length > 0) this.publisher.sendNow(...frames.slice(half));
    } else
      for (const [i, frame] of frames.entries()) {
        this.publisher.sendNow(frame);
        // A command ends a run, whose it is; each client has a few of them done in a turn.
        this.listers[i % this.listers.length]!.sendNow(['list', 9]);
      }
    this.scene.clock.settle();
  }

  private ackAll(): void {
    for (const client of this.clients) {
      if (client.closeCode !== undefined) continue;
      const last = client.all('deliver').at(-1);
      if (last) client.sendNow(['ack', last.queue, last.firstTag + last.items.length - 1]);
    }
  }

  /** To each, since the last time. */
  said() {
    const { ledger, memory } = this.scene.hub.stats();
    return {
      subscribers: this.clients.map((client) => [client.deliveries(), client.closeCode]),
      confirms: this.publisher.take().flatMap((frame) => (frame.type === 'confirm' ? frame.runs : [])),
      ledger,
      heldBytes: memory.heldBytes,
      faults: this.scene.faults,
    };
  }
}

/** How confirms were joined says nothing; how many sessions a message came to may, but for those that it ended. */
function singly(runs: ReturnType<Side['said']>['confirms'], withSessions: boolean): unknown[] {
  return runs.flatMap(({ seq, count, offset, sessions }) =>
    Array.from({ length: count }, (_, i) => [seq + i, offset + i, withSessions && sessions]),
  );
}

const small: Publish = { exchange: 'amq.fanout', key: 'a', bytes: 1 };
/** What came behind the record that filled the ring, in the same run, was lost. */
const afterTheEnd: [Subscriber[], { publishes: Publish[]; acks: boolean }[]] = [
  [
    {
      exchanges: ['amq.fanout'],
      pattern: '#',
      overflow: 'disconnect',
      ack: 'none',
      capacity: 2,
      prefetch: 0,
      isParked: false,
    },
  ],
  [
    { publishes: [small], acks: false },
    { publishes: [small, small, small], acks: false },
  ],
];

describe('a run of records', () => {
  it('does to every ring what its records do one by one', () => {
    fc.assert(
      fc.property(
        fc.array(subscriber, { minLength: 1, maxLength: 4 }),
        fc.array(turn, { minLength: 1, maxLength: 6 }),
        (subscribers, turns) => {
          const together = new Side(subscribers, true);
          const apart = new Side(subscribers, false);
          const withSessions = subscribers.every(({ overflow }) => overflow !== 'disconnect');
          for (const { publishes, acks } of turns) {
            for (const side of [together, apart]) side.play(publishes, acks);
            const { confirms, ...rest } = together.said();
            const { confirms: otherConfirms, ...expected } = apart.said();
            same(rest, expected);
            same(singly(confirms, withSessions), singly(otherConfirms, withSessions));
            same(rest.faults, []);
            same(rest.ledger.residual, 0);
          }
        },
      ),
      { numRuns: 300, examples: [afterTheEnd] },
    );
  });

  it('is over before a later command of anybody is performed', () => {
    const scene = new HubScene();
    const [publisher, early, late] = [scene.client(), scene.client(), scene.client()];
    early!.subscribe();
    publisher!.sendNow(['publish', 1, 'amq.topic', 'k', 'x'], ['publish', 2, 'amq.topic', 'k', 'y']);
    late!.sendNow(['subscribe', 5, { bindings: [['amq.topic', '#']] }]);
    publisher!.sendNow(['publish', 3, 'amq.topic', 'k', 'z']);
    scene.clock.settle();
    expect(early!.deliveries()).toEqual(['1:k', '2:k', '3:k']);
    expect(late!.deliveries()).toEqual(['1:k']);
    expect(publisher!.takeOf('confirm').flatMap(({ runs }) => runs.map((run) => run.sessions))).toEqual([
      1, 2,
    ]);
  });
});
