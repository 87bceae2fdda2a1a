/** The embedded engine stores as the engine port says, on either store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedEngine } from '../../server/src/engines/embedded.ts';
import { nodeClock as clock } from '../../server/src/node-clock.ts';
import type { Store } from '../../server/src/ports/store.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { engineQueuesSuite, type StoredEngineHome } from './engine-queues-suite.ts';

function homeOf(openStore: () => Store | Promise<Store>, remove: () => void = () => {}): StoredEngineHome {
  let lives = 0;
  return {
    open: async () =>
      new EmbeddedEngine({
        clock,
        epoch: `life-${++lives}`,
        durable: { store: await openStore(), epoch: 'store' },
      }),
    remove: async () => remove(),
  };
}

engineQueuesSuite('the embedded engine in memory', async () => {
  const disk = new MemoryDisk({ clock, syncMs: 0 });
  return homeOf(() => new MemoryStore(disk));
});

engineQueuesSuite('the embedded engine in LMDB', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringhub-engine-'));
  return homeOf(
    () => LmdbStore.open(join(folder, 'store.mdb'), { clock }),
    () => rmSync(folder, { recursive: true, force: true }),
  );
});
