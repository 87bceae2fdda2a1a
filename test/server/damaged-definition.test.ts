/**
 * A hub on a store of which it cannot be known what is declared, or where its log goes on: it does not start, and leaves
 * the store as it is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { afterAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { metaKey, tableRange } from '../../server/src/engines/store-keys.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { DataUnavailable, startHub } from '../../server/src/start-hub.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';

type Choice = (key: Uint8Array, value: Uint8Array) => boolean;

const data = mkdtempSync(join(tmpdir(), 'ringhub-definition-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

const failureOf = (starting: Promise<unknown>): Promise<unknown> =>
  starting.then(
    () => undefined,
    (error: unknown) => error,
  );

const exchanges: Choice = (_, value) => Buffer.from(value).includes('topic');
const named =
  (name: string): Choice =>
  (key) =>
    Buffer.from(key).equals(metaKey(name));

/** Changes one bit of what is chosen of the meta table; changed again, it is whole. */
async function flip(choice: Choice): Promise<number> {
  const store = LmdbStore.open(join(data, 'store.mdb'), { clock: nodeClock });
  const { from, to } = tableRange('meta');
  const definitions = store
    .range(from, to, { limit: 1_000 })
    .filter(({ key, value }) => choice(key, value))
    .map(({ key, value }) => {
      const damaged = Uint8Array.from(value);
      damaged[damaged.length - 1]! ^= 1;
      return { key: Uint8Array.from(key), value: damaged };
    });
  await new Promise<void>((resolve) => store.commit(definitions, () => resolve()));
  await store.close();
  return definitions.length;
}

it('says which definition is damaged, and what to do; whole again, everything is there', async () => {
  const first = await startHub({ data });
  const client = await connect(first.url, { token: first.token, WebSocket: WebSocket as never });
  await client.declareExchange('kept', { type: 'topic', durable: true });
  await client.publish('kept', 'a', 'x');
  await client.close();
  await first.close();

  expect(await flip(exchanges)).toBeGreaterThan(0);
  const failure = await failureOf(startHub({ data }));
  expect(failure).toBeInstanceOf(DataUnavailable);
  expect(failure).toMatchObject({
    isDamaged: true,
    message: expect.stringMatching(/kept.*restore a backup/),
  });

  await flip(exchanges);
  const again = await startHub({ data });
  expect(again.stats().exchanges).toBeGreaterThan(6);
  await again.close();
});

it('says that the state of the log is damaged, and what to do', async () => {
  expect(await flip(named('log'))).toBe(1);
  const failure = await failureOf(startHub({ data }));
  expect(failure).toBeInstanceOf(DataUnavailable);
  expect(failure).toMatchObject({
    isDamaged: true,
    message: expect.stringMatching(/state of the durable log.*restore a backup/),
  });
  await flip(named('log'));
});
