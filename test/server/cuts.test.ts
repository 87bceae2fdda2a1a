/**
 * SDK and hub over real sockets whose connections are cut at random, thousands of times: at the end every message is
 * accounted for from the client's side alone.
 *
 * One publisher and several subscribers of each kind go through a proxy that cuts anywhere, also within a frame. The
 * seed is printed; `RINGHUB_CUTS_SEED` and `RINGHUB_CUTS` repeat or prolong a run.
 */
import { connect, type Subscription, type SubscriptionEvent } from '@ringhub/client';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startHub } from '../../server/src/index.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { seededRandom } from './support/seeded-random.ts';

const CUTS = Number(process.env.RINGHUB_CUTS ?? 2_000);
const SEED = Number(process.env.RINGHUB_CUTS_SEED ?? Math.floor(Math.random() * 1e9));
const SUBSCRIBERS_OF_EACH_KIND = 4;
const PUBLISHED_AT_ONCE = 20;
const LAST = 'last';

interface Account {
  readonly kind: string;
  /** Offsets in the order they were processed. */
  readonly processed: number[];
  lost: number;
  unknown: number;
  replaced: number;
  readonly done: Promise<void>;
}

const OPTIONS = {
  auto: {
    overflow: 'drop-oldest',
    ack: 'auto',
    capacity: 100_000,
    capacityBytes: 64 * 1024 * 1024,
    prefetch: 64,
  },
  manual: { overflow: 'catch-up', ack: 'manual', capacity: 100, prefetch: 32 },
  none: { overflow: 'drop-oldest', ack: 'none', capacity: 50_000 },
  conflate: { overflow: 'conflate', ack: 'auto', capacity: 50, prefetch: 4 },
  small: { overflow: 'drop-newest', ack: 'auto', capacity: 10, prefetch: 5 },
} as const;

function account(kind: string, subscription: Subscription): Account {
  const result = { kind, processed: [] as number[], lost: 0, unknown: 0, replaced: 0 };
  const take = (event: SubscriptionEvent): boolean => {
    if (event.kind === 'gap') {
      if (event.count === null) result.unknown++;
      else result.lost += event.count;
    }
    if (event.kind !== 'message') return false;
    result.processed.push(event.position.offset);
    result.replaced += event.replaced;
    event.ack();
    return event.routingKey === LAST;
  };
  const read = async (): Promise<void> => {
    for await (const event of subscription) if (take(event)) return;
  };
  return Object.assign(result, { done: read() });
}

test(`${CUTS} cuts, and every message is accounted for (seed ${SEED})`, { timeout: 120_000 }, async () => {
  const random = seededRandom(SEED);
  const hub = await startHub({ limits: { heartbeatMs: 200, deadMs: 600 } });
  const proxy = await CuttingProxy.start(hub.port, { random, maxBytes: 12_000, halfOpenShare: 0.02 });
  const options = {
    token: hub.token,
    WebSocket: WebSocket as never,
    backoff: { minMs: 1, maxMs: 4 },
    ackDelayMs: 5,
  };
  const url = `ws://127.0.0.1:${proxy.port}`;

  const subscribers = await Promise.all(
    Object.entries(OPTIONS).flatMap(([kind, subscribeOptions]) =>
      Array.from({ length: SUBSCRIBERS_OF_EACH_KIND }, async () => {
        const client = await connect(url, options);
        const subscription = await client.subscribe('amq.topic', '#', subscribeOptions);
        return { client, account: account(kind, subscription as Subscription) };
      }),
    ),
  );

  const publisher = await connect(url, options);
  const offsets = new Set<number>();
  let published = 0;
  const publish = async (key: string): Promise<void> => {
    const receipt = await publisher.publish('amq.topic', key, { n: published++, filler: 'x'.repeat(100) });
    offsets.add(receipt.position.offset);
  };
  while (proxy.cuts < CUTS) {
    await Promise.all(
      Array.from({ length: PUBLISHED_AT_ONCE }, () => publish(`key.${Math.floor(random() * 20)}`)),
    );
  }
  proxy.isCutting = false;
  // A full drop-newest ring may refuse the last one too: publish until everybody has seen one.
  let isDone = false;
  const done = Promise.all(subscribers.map((s) => s.account.done)).then(() => {
    isDone = true;
  });
  const lastOnes = async (): Promise<void> => {
    while (!isDone) {
      await publish(LAST);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all([done, lastOnes()]);

  const { ledger } = hub.stats();
  expect(ledger.residual).toBe(0);
  expect(offsets.size, 'each confirmed publish has an offset of its own').toBe(published);
  for (const { account } of subscribers) {
    const { kind, processed, lost, replaced, unknown } = account;
    const last = processed.at(-1)!;
    const due = [...offsets].filter((offset) => offset <= last).length;
    expect(unknown, `${kind}: losses of unknown count`).toBe(0);
    if (kind === 'conflate') {
      // Whatever waits behind the last one read is not in this account.
      expect(processed.length + lost + replaced).toBeGreaterThanOrEqual(due - OPTIONS.conflate.capacity);
      continue;
    }
    expect(processed, `${kind}: in order, none twice`).toEqual([...new Set(processed)].sort((a, b) => a - b));
    expect(processed.length + lost, `${kind}: processed and told as lost`).toBe(due);
    if (kind === 'auto' || kind === 'manual') expect(lost, `${kind}: nothing is lost`).toBe(0);
  }
  const kinds = [...proxy.kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  console.log(
    `${published} published, ${proxy.cuts} cuts (${kinds}), ${hub.stats().resumes.resumed} resumes, seed ${SEED}`,
  );
  for (const { client } of subscribers) await client.close();
  await publisher.close();
  await proxy.close();
  await hub.close();
});
