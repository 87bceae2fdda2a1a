/** A store of an earlier format is brought up to date by the hub that opens it, with everything that is in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { afterAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sealText } from '../../server/src/engines/sealed-value.ts';
import { readStoreFormat, STORE_FORMAT } from '../../server/src/engines/store-format.ts';
import { metaKey } from '../../server/src/engines/store-keys.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { startHub } from '../../server/src/start-hub.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';

const data = mkdtempSync(join(tmpdir(), 'ringhub-upgrade-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

const opened = () => LmdbStore.open(join(data, 'store.mdb'), { clock: nodeClock });

it('of format 1', async () => {
  const first = await startHub({ data });
  const client = await connect(first.url, { token: first.token, WebSocket: WebSocket as never });
  await client.declareExchange('kept', { type: 'topic', durable: true });
  await client.publish('kept', 'a', 'x');
  await client.close();
  await first.close();

  // Format 2 has what format 1 has, and one table more.
  const older = opened();
  const { epoch } = readStoreFormat(older) as { epoch: string };
  await new Promise<void>((resolve) =>
    older.commit([{ key: metaKey('format'), value: sealText('1') }], () => resolve()),
  );
  expect(readStoreFormat(older)).toEqual({ kind: 'known', format: 1, epoch });
  await older.close();

  const again = await startHub({ data });
  expect(again.stats().logs.find(({ log }) => log === 'd')).toMatchObject({ last: 1, epoch });
  await again.close();
  const newer = opened();
  expect(readStoreFormat(newer)).toEqual({ kind: 'known', format: STORE_FORMAT, epoch });
  await newer.close();
});
