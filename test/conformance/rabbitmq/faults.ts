/**
 * Faults that can be planted in the hub, to see that the comparison finds them: each is a rule of AMQP broken. They are planted in the
 * product's classes from outside, and taken out again; its code knows nothing of them.
 */
import type { QueueSettings } from '@ringhub/protocol';
import { Consumer } from '../../../server/src/core/consumer.ts';
import { Exchanges } from '../../../server/src/core/exchanges.ts';
import { HeadersTable } from '../../../server/src/core/headers-table.ts';
import { NamedQueue } from '../../../server/src/core/named-queue.ts';
import { QueueRoom } from '../../../server/src/core/queue-room.ts';
import { ReadyEntries } from '../../../server/src/core/ready-entries.ts';
import type { BindingArguments } from '../../../server/src/core/routing-table.ts';
import { TopicTrie } from '../../../server/src/core/topic-trie.ts';
import { EmbeddedEngine } from '../../../server/src/engines/embedded.ts';
import { DeadLetters } from '../../../server/src/hub/dead-letters.ts';
import type { NewRecord } from '../../../server/src/ports/engine.ts';

interface Fault {
  readonly about: string;
  /** Plants it; what comes back takes it out. */
  readonly plant: () => () => void;
}

/** Takes the place of a method, which it is given; returns what puts it back. */
function replace<T extends object, K extends keyof T>(
  of: { readonly prototype: T },
  name: K,
  by: (own: T[K]) => T[K],
) {
  const own = of.prototype[name];
  of.prototype[name] = by(own);
  return () => {
    of.prototype[name] = own;
  };
}

type Resolve = Exchanges<object, object>['resolve'];
type Route = ReturnType<Resolve>;

/** What the exchange graph says, changed. */
const rerouted = (
  change: (this: Exchanges<object, object>, route: Route, ...asked: Parameters<Resolve>) => Route,
) =>
  replace(Exchanges as unknown as { prototype: Exchanges<object, object> }, 'resolve', (own) => {
    let isInside = false;
    return function (this: Exchanges<object, object>, ...asked) {
      const route = own.apply(this, asked);
      if (isInside) return route;
      isInside = true;
      try {
        return change.call(this, route, ...asked);
      } finally {
        isInside = false;
      }
    };
  });

type XDeath = NonNullable<NewRecord['xDeath']>;

/** What dead letters tell of themselves, changed. */
const retold = (change: (deaths: XDeath) => XDeath) =>
  replace(
    EmbeddedEngine,
    'publish',
    (own) =>
      function (this: EmbeddedEngine, record, ...rest) {
        own.call(this, record.xDeath ? { ...record, xDeath: change(record.xDeath) } : record, ...rest);
      },
  );

const asAll = ({ key, headers }: BindingArguments): BindingArguments => ({
  key,
  headers: headers && { ...headers, match: 'all' },
});

export const FAULTS = {
  'hash-needs-a-word': {
    about: '# in a binding takes at least one word',
    plant: () =>
      replace(
        TopicTrie,
        'match',
        (own) =>
          function (this: TopicTrie<never>, key) {
            const found = own.call(this, key) as { words: readonly string[] }[];
            return found.filter(({ words }) => !words.includes('#') || key.length >= words.length) as never[];
          },
      ),
  },
  'any-is-all': {
    about: 'a headers binding with x-match any wants all of them',
    plant: () => {
      const undo = (['bind', 'unbind'] as const).map((name) =>
        replace(
          HeadersTable,
          name,
          (own) =>
            function (this: HeadersTable<object>, binding, target) {
              return own.call(this, asAll(binding), target);
            },
        ),
      );
      return () => {
        for (const one of undo) one();
      };
    },
  },
  'alternate-always': {
    about: 'an alternate exchange gets what was routed, too',
    plant: () =>
      rerouted(function (route, { options }, key, headers) {
        const alternate = options.alternate === undefined ? undefined : this.get(options.alternate);
        if (!alternate) return route;
        const other = this.resolve(alternate, key, headers);
        return { ...route, queues: [...new Set([...route.queues, ...other.queues])] };
      }),
  },
  'two-copies': {
    about: 'a queue reached over several exchanges gets several copies',
    plant: () =>
      rerouted((route, { destinations }) =>
        destinations.bindingCount > 0
          ? { ...route, queues: [...route.queues, ...route.queues.slice(0, 1)] }
          : route,
      ),
  },
  'mandatory-ignored': {
    about: 'mandatory messages are confirmed wherever they go',
    plant: () => rerouted((route) => ({ ...route, routable: true })),
  },
  'internal-is-open': {
    about: 'anybody may publish to an internal exchange',
    plant: () =>
      replace(
        Exchanges,
        'declare',
        (own) =>
          function (this: Exchanges<object>, name, options, declarer) {
            return own.call(this, name, { ...options, internal: false }, declarer);
          },
      ),
  },
  'left-over-stays': {
    about: 'an auto-delete exchange stays without bindings',
    plant: () => replace(Exchanges, 'isLeftOver', () => () => false),
  },
  'requeue-at-tail': {
    about: 'what is requeued goes to the end of the queue',
    plant: () =>
      replace(
        ReadyEntries,
        'giveBack',
        () =>
          function (this: ReadyEntries, entry) {
            this.push({ ...entry, seq: this.after } as typeof entry);
          },
      ),
  },
  'never-redelivered': {
    about: 'a redelivery does not say that it is one',
    plant: () =>
      replace(
        NamedQueue,
        'failed',
        (own) =>
          function (this: NamedQueue, entry, ...rest) {
            own.call(this, entry, ...rest);
            entry.redelivered = false;
          },
      ),
  },
  'prefetch-and-one': {
    about: 'a consumer gets one message more than its prefetch',
    plant: () => {
      const { get } = Object.getOwnPropertyDescriptor(Consumer.prototype, 'hasCredit')!;
      const define = (getter: () => boolean) =>
        Object.defineProperty(Consumer.prototype, 'hasCredit', { get: getter, configurable: true });
      define(function (this: Consumer) {
        this.prefetch++;
        try {
          return get!.call(this);
        } finally {
          this.prefetch--;
        }
      });
      return () => define(get as () => boolean);
    },
  },
  'head-stays': {
    about: 'a queue that drops its head holds one message more than its length',
    plant: () =>
      replace(
        QueueRoom,
        'isExceeded',
        (own) =>
          function (this: QueueRoom, { messages, bytes }) {
            return own.call(this, { messages: messages - 1, bytes });
          },
      ),
  },
  'rejects-nothing': {
    about: 'a full queue that rejects publishes takes them',
    plant: () =>
      replace(
        QueueRoom,
        'admit',
        () =>
          function (this: QueueRoom, bytes) {
            this.admittedMessages++;
            this.admittedBytes += bytes;
            return true;
          },
      ),
  },
  'deaths-not-counted': {
    about: 'x-death does not count a second death in the same queue',
    plant: () => retold((deaths) => deaths.map((death) => ({ ...death, count: 1 }))),
  },
  'deaths-in-order': {
    about: 'x-death tells the first death first',
    plant: () => retold((deaths) => [...deaths].reverse()),
  },
  'own-key-kept': {
    about: 'a dead letter keeps its key where its queue has one for dead letters',
    plant: () =>
      replace(
        DeadLetters,
        'bury',
        (own) =>
          function (this: DeadLetters, queue, ...rest) {
            const settings: QueueSettings = { ...queue.state.settings, deadLetterKey: undefined as never };
            const state = Object.create(queue.state, { settings: { value: settings } });
            own.call(this, Object.create(queue, { state: { value: state } }), ...rest);
          },
      ),
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

export const isFault = (name: string): name is FaultName => Object.hasOwn(FAULTS, name);
