/** The store on a disk in memory keeps the store contract. */
import { nodeClock } from '../../server/src/node-clock.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { storeSuite } from './store-suite.ts';

storeSuite('the store in memory', async () => {
  const disk = new MemoryDisk({ clock: nodeClock });
  return {
    open: async (clock) => new MemoryStore(disk, { clock }),
    crash: async () => disk.crash(() => Math.random() < 0.5),
    break() {
      disk.refuse({ reason: 'disk-full', text: 'no room' });
      return [{ key: Uint8Array.of(9), value: Uint8Array.of(9) }];
    },
    remove: async () => {},
  };
});
