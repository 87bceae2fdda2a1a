/**
 * The clock on Node. Its timers do not keep the process alive: what the hub waits for is its sockets.
 */
import type { Clock } from './ports/clock.ts';

export const nodeClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  every(ms, run) {
    const timer = setInterval(run, ms).unref();
    return { stop: () => clearInterval(timer) };
  },
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return { stop: () => clearTimeout(timer) };
  },
  // The loop's check phase follows its poll phase: all sockets that were readable have been read by then.
  endOfTurn(run) {
    setImmediate(run);
  },
};
