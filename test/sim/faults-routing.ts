/**
 * Faults of routing, history and event streams that can be planted (see `faults.ts`).
 */
import { formatCursor, parseCursor, splitWords } from '@ringhub/protocol';
import type { Exchange } from '../../server/src/core/exchanges.ts';
import type { Binding, Subscription } from '../../server/src/core/subscription.ts';
import type { EventStream } from '../../server/src/http/event-stream.ts';
import type { Fault } from './faults.ts';
import type { HubProcess } from './hub-process.ts';

/** Runs something with each subscription as soon as it is there. */
function eachSubscription({ insides: { subscriptions } }: HubProcess, run: (s: Subscription) => void): void {
  const subscribe = subscriptions.subscribe.bind(subscriptions);
  subscriptions.subscribe = (session, options) => {
    const result = subscribe(session, options);
    if (!('error' in result)) run(session.subscriptions.get(result.queue)!);
    return result;
  };
}

export const ROUTING_FAULTS = {
  'stale-route': {
    about: 'an unbind leaves the route to a living queue where it was',
    hub: (process) =>
      eachSubscription(process, (subscription) => {
        const unbind = subscription.unbind.bind(subscription);
        subscription.unbind = (wanted) => {
          const { table } = wanted.exchange;
          const isMatch = table.matcher(wanted.spec);
          const route = table.route.bind(table);
          table.route = (key, headers) => {
            const targets = route(key, headers);
            const isStale = !subscription.queue.closed && isMatch(splitWords(key), headers);
            return isStale && !targets.includes(subscription) ? [...targets, subscription] : targets;
          };
          return unbind(wanted);
        };
      }),
  },
  'old-records': {
    about: 'a name declared anew goes by its old incarnation, and shows what was published under it',
    hub: ({ insides: { context } }) => {
      const { exchanges } = context;
      const first = new Map<string, number>();
      const inner = exchanges as unknown as {
        byIncarnation: Map<number, Exchange<Subscription>>;
        create(name: string, options: object): void;
      };
      const create = inner.create.bind(exchanges);
      inner.create = (name, options) => {
        create(name, options);
        const exchange = exchanges.get(name)!;
        const old = first.get(name) ?? exchange.incarnation;
        first.set(name, old);
        inner.byIncarnation.set(old, exchange);
        Object.assign(exchange, { incarnation: old, self: [old] });
      };
    },
  },
  'copy-each-way': {
    about: 'a queue gets a copy for each exchange that leads to it, in a cycle too',
    hub: (process) =>
      eachSubscription(process, (subscription) => {
        const reader = subscription.queue.readers.of('v')!;
        Object.defineProperty(subscription, 'offered', { get: () => 0, set: () => {} });
        reader.takesLive = () => reader.phase === 'live';
      }),
  },
  'alternate-always': {
    about: 'an alternate exchange gets also what its exchange has a binding for',
    hub: ({ insides: { context } }) => {
      const { exchanges } = context;
      const resolve = exchanges.resolve.bind(exchanges);
      exchanges.resolve = (start, key, headers) => {
        const route = resolve(start, key, headers);
        const alternate = start.options.alternate && exchanges.get(start.options.alternate);
        return { ...route, reached: [...new Set([...route.reached, ...(alternate ? alternate.self : [])])] };
      };
    },
  },
  'history-hole': {
    about: 'now and then a page of history passes over a message',
    hub: ({ insides: { pages } }, { world }) => {
      const random = world.random.fork('history-hole');
      const inner = pages as unknown as { find(...given: unknown[]): Binding[] };
      const find = inner.find.bind(pages);
      inner.find = (...given) => {
        const bindings = find(...given);
        if ('error' in bindings) return bindings;
        return bindings.map((binding) => {
          const isMatch = binding.exchange.table.matcher(binding.spec);
          return { ...binding, matches: (words, headers) => isMatch(words, headers) && !random.chance(0.1) };
        });
      };
    },
  },
  'id-ahead': {
    about: 'an event stream gives the cursor behind the next message, too',
    follower: (follower) => {
      follower.onStream = (stream: EventStream) => {
        const inner = stream as unknown as { cursorOf(item: unknown): string | undefined };
        const cursorOf = inner.cursorOf.bind(stream);
        inner.cursorOf = (item) => {
          const positions = parseCursor(cursorOf(item) ?? '');
          return positions && formatCursor(positions.map((p) => ({ ...p, offset: p.offset + 1 })));
        };
      };
    },
  },
} as const satisfies Record<string, Fault>;
