/**
 * The hub of the soak, in a process of its own that tells how it is: `fork` it through `scripts/run-ts.mjs` with `--expose-gc`, the
 * options of `startHub` as JSON in RINGHUB_OPTIONS. With SOAK_FAULT it has a fault, planted here, for the soak to find:
 *
 * - `leak-sessions`: something holds on to every session that ever was.
 * - `never-expire`: sessions whose resume window is over stay parked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Sessions } from '../../server/src/hub/sessions.ts';
import { type StartHubOptions, startHub } from '../../server/src/index.ts';

export interface ProcessSample {
  readonly rss: number;
  /** By JavaScript: heap and external. After a collection where one was asked for. */
  readonly used: number;
  readonly heapTotal: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

const MS = 1_000_000;
const fault = process.env.SOAK_FAULT;

if (fault === 'leak-sessions') {
  const { open } = Sessions.prototype;
  const held: unknown[] = [];
  Sessions.prototype.open = function (...args) {
    const session = open.apply(this, args);
    held.push(session);
    return session;
  };
}
if (fault === 'never-expire') Sessions.prototype.expire = () => {};

const hub = await startHub({
  ...(JSON.parse(process.env.RINGHUB_OPTIONS ?? '{}') as StartHubOptions),
  processMetrics: true,
});
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

process.on('message', (question) => {
  if (question === 'collect') (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const sample: ProcessSample = {
    rss,
    used: heapUsed + external,
    heapTotal,
    lagP99Ms: delay.percentile(99) / MS,
    lagMaxMs: delay.max / MS,
  };
  delay.reset();
  process.send?.(sample);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: hub.port, token: hub.token });
