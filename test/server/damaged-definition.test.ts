/** A hub on a store of which it cannot be known what is declared: it does not start, and leaves the store as it is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { afterAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { tableRange } from '../../server/src/engines/store-keys.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { DataUnavailable, startHub } from '../../server/src/start-hub.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';

const data = mkdtempSync(join(tmpdir(), 'ringhub-definition-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

/** Changes one bit of each definition of an exchange; changed again, they are whole. */
async function flip(): Promise<number> {
  const store = LmdbStore.open(join(data, 'store.mdb'), { clock: nodeClock });
  const { from, to } = tableRange('meta');
  const definitions = store
    .range(from, to, { limit: 1_000 })
    .filter(({ value }) => Buffer.from(value).includes('topic'))
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

  expect(await flip()).toBeGreaterThan(0);
  const failure = await startHub({ data }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(DataUnavailable);
  expect(failure).toMatchObject({
    isDamaged: true,
    message: expect.stringMatching(/kept.*restore a backup/),
  });

  await flip();
  const again = await startHub({ data });
  expect(again.stats().exchanges).toBeGreaterThan(6);
  await again.close();
});
