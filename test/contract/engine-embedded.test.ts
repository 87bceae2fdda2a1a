/** The embedded engine keeps the engine contract, in both its logs. */
import { EmbeddedEngine } from '../../server/src/engines/embedded.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { engineSuite } from './engine-suite.ts';

let lives = 0;

engineSuite('the embedded engine, volatile', 'v', async ({ clock, maxMessages, maxAgeMs }) => ({
  engine: new EmbeddedEngine({
    clock,
    epoch: `life-${++lives}`,
    limits: { maxMessages, maxAgeMs, maxBytes: 1e9 },
  }),
  settle: async () => clock.settle(),
}));

engineSuite('the embedded engine, durable', 'd', async ({ clock, maxMessages, maxAgeMs }) => {
  const store = new MemoryStore(new MemoryDisk({ clock, syncMs: 0 }));
  const engine = new EmbeddedEngine({
    clock,
    epoch: `life-${++lives}`,
    durable: { store, epoch: `store-${lives}`, limits: { maxMessages, maxAgeMs, maxBytes: 1e9 } },
  });
  return {
    engine,
    async settle() {
      clock.advance(0);
      clock.settle();
      clock.advance(0);
      // The hub does so now and then: what it has not seen yet is not trimmed.
      for (let i = 0; i < 2; i++) {
        engine.values?.checkpoint(engine.bounds('d').last, '{}');
        clock.settle();
        clock.advance(0);
      }
    },
  };
});
