/**
 * A hub in a process of its own, whose memory is told on request: `fork` it through `scripts/run-ts.mjs` with
 * `--expose-gc`, the options of `startHub` as JSON in RINGHUB_OPTIONS.
 */
import { startHub } from '../../server/src/index.ts';
import type { FarHubOptions } from './far-hub.ts';

const { roleLimits = [], ...options } = JSON.parse(process.env.RINGHUB_OPTIONS ?? '{}') as FarHubOptions;
const hub = await startHub({ ...options, roleLimits: new Map(roleLimits) });
const collect = (globalThis as { gc?: () => void }).gc;

process.on('message', (question) => {
  if (question === 'memory') {
    collect?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send?.({ rss, used: heapUsed + external });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: hub.port, token: hub.token });
