/**
 * SDK and hub over real sockets whose connections are cut at random, thousands of times: at the end every message is
 * accounted for from the client's side alone.
 *
 * One publisher and several subscribers of each kind go through a proxy that cuts anywhere, also within a frame. The
 * seed is printed; `RINGHUB_CUTS_SEED` and `RINGHUB_CUTS` repeat or prolong a run.
 */

import { BinaryCodec, connect, jsonCodec, type Subscription, type SubscriptionEvent } from '@ringhub/client';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { seededRandom } from './support/seeded-random.ts';

const CUTS = Number(process.env.RINGHUB_CUTS ?? 200);
const SEED = Number(process.env.RINGHUB_CUTS_SEED ?? Math.floor(Math.random() * 1e9));
const SUBSCRIBERS_OF_EACH_KIND = 4;
const PUBLISHED_AT_ONCE = 20;

interface Account {
  readonly kind: string;
  /** Offsets in the order they were processed. */
  readonly processed: number[];
  lost: number;
  unknown: number;
  replaced: number;
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
  const take = (event: SubscriptionEvent): void => {
    if (event.kind === 'gap') {
      if (event.count === null) result.unknown++;
      else result.lost += event.count;
    }
    if (event.kind !== 'message') return;
    result.processed.push(event.position.offset);
    result.replaced += event.replaced;
    event.ack();
  };
  void (async () => {
    for await (const event of subscription) take(event);
  })();
  return result;
}

const title = `${CUTS} cuts over %s, and every message is accounted for (seed ${SEED})`;

test.each(transportsHere)(title, { timeout: Math.max(300_000, CUTS * 60) }, async (transport) => {
  const random = seededRandom(SEED);
  const hub = await startHub({ transport, limits: { heartbeatMs: 200, deadMs: 600 } });
  const proxy = await FaultProxy.start(hub.port, {
    seed: SEED,
    maxBytes: 6_000,
    endings: { reset: 49, end: 49, 'half-open': 1, silent: 1 },
    lines: [
      [18, {}],
      [1, { latencyMs: 5, jitterMs: 10 }],
      [1, { sliceBytes: 1, slicedBytes: 700 }],
    ],
  });
  const options = {
    token: hub.token,
    WebSocket: WebSocket as never,
    backoff: { minMs: 1, maxMs: 4 },
    ackDelayMs: 5,
  };
  const url = `ws://127.0.0.1:${proxy.port}`;

  const subscribers = await Promise.all(
    Object.entries(OPTIONS).flatMap(([kind, subscribeOptions]) =>
      Array.from({ length: SUBSCRIBERS_OF_EACH_KIND }, async (_, i) => {
        // Half of each kind speaks binary.
        const client = await connect(url, { ...options, codec: i % 2 === 0 ? new BinaryCodec() : jsonCodec });
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
  expect(offsets.size, 'each confirmed publish has an offset of its own').toBe(published);
  const accounted = ({ processed, lost, replaced }: Account): number => processed.length + lost + replaced;
  const isPending = (): boolean => subscribers.some((s) => accounted(s.account) < published);
  while (isPending()) await new Promise((resolve) => setTimeout(resolve, 5));

  expect(hub.stats().ledger.residual).toBe(0);
  for (const { account } of subscribers) {
    const { kind, processed, lost, unknown } = account;
    expect(accounted(account), `${kind}: processed, told as lost, or replaced`).toBe(published);
    expect(unknown, `${kind}: losses of unknown count`).toBe(0);
    expect(new Set(processed).size, `${kind}: none twice`).toBe(processed.length);
    if (kind !== 'conflate')
      expect(processed, `${kind}: in order`).toEqual(processed.toSorted((a, b) => a - b));
    if (kind === 'auto' || kind === 'manual') expect(lost, `${kind}: nothing is lost`).toBe(0);
  }
  const kinds = [...proxy.kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  console.log(
    `${transport}: ${published} published, ${proxy.cuts} cuts (${kinds}), ${hub.stats().resumes.resumed} resumes, seed ${SEED}`,
  );
  for (const { client } of subscribers) await client.close();
  await publisher.close();
  await proxy.close();
  await hub.close();
});
