/** The embedded engine keeps the engine contract. */
import { EmbeddedEngine } from '../../server/src/engines/embedded.ts';
import { engineSuite } from './engine-suite.ts';

let lives = 0;

engineSuite('the embedded engine', async ({ clock, maxMessages, maxAgeMs }) => ({
  engine: new EmbeddedEngine(clock, `life-${++lives}`, { maxMessages, maxAgeMs, maxBytes: 1e9 }),
  settle: async () => clock.settle(),
}));
