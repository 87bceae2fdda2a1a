/**
 * A thousand subscribers and a publisher at full speed, one subscriber that stops reading: memory stays bounded, the
 * one that stalls costs only its own ring, and each client's own account is exact. For a minute and more:
 * `bench/fanout.ts`.
 */
import { expect, test } from 'vitest';
import { WireClient } from '../../bench/support/wire-client.ts';
import { startHub } from './support/start-hub.ts';

const SUBSCRIBERS = 1_000;
const BATCHES = 12;
const BATCH = 32;
const CAPACITY = 200;
/** Only for the one that stalls: enough to fill what the system buffers on loopback before the hub notices. */
const HEAVY = 'x'.repeat(100_000);
const HEAVY_MESSAGES = 400;

test('1,000 subscribers, one of them stalled, and nothing is unaccounted for', {
  timeout: 120_000,
}, async () => {
  const hub = await startHub({ volatileLog: { maxMessages: 100, maxBytes: 20_000_000, maxAgeMs: 60_000 } });
  const options = {
    overflow: 'drop-oldest',
    capacity: CAPACITY,
    prefetch: 100,
    capacityBytes: 4_000_000,
  } as const;
  const subscribers: WireClient[] = [];
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const client = await WireClient.open(hub.url, hub.token);
    await client.subscribe(
      i === 0
        ? { ...options, bindings: [['amq.topic', '#']] }
        : { ...options, bindings: [['amq.topic', 'load.#']], capacity: BATCHES * BATCH },
    );
    subscribers.push(client);
  }
  const [stalled, ...others] = subscribers;
  stalled!.socket.pause();
  const publisher = await WireClient.open(hub.url, hub.token);
  for (let i = 0; i < HEAVY_MESSAGES; i++) await publisher.publish('amq.topic', 'heavy', HEAVY, 1);

  let highestHeld = 0;
  for (let i = 0; i < BATCHES; i++) {
    await publisher.publish('amq.topic', 'load.a', 'hello', BATCH);
    const { memory, ledger } = hub.stats();
    highestHeld = Math.max(highestHeld, memory.heldBytes);
    expect(ledger.residual).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const accounted = (client: WireClient): number => client.messages + client.lost;
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  while (!others.every((client) => accounted(client) === BATCHES * BATCH)) await turn();
  while (!publisher.isConfirmed) await turn();
  expect(publisher.refused).toBe(0);

  stalled!.socket.resume();
  while (accounted(stalled!) < publisher.published) await turn();
  expect(accounted(stalled!)).toBe(publisher.published);
  expect(stalled!.lost, 'the stalled one lost, and was told').toBeGreaterThan(0);
  expect(others.filter((client) => client.lost > 0).length).toBe(0);
  expect(subscribers.filter((client) => client.disorder > 0).length).toBe(0);
  expect(highestHeld, 'held by rings: what the stalled ring may hold, and little more').toBeLessThan(
    5_000_000,
  );

  for (const client of [...subscribers, publisher]) client.socket.terminate();
  await hub.close();
  expect(hub.stats().ledger.residual).toBe(0);
});
