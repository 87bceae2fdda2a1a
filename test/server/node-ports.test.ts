/** The clock and the ids on Node (server/src/ports/clock.ts, ids.ts). */
import { describe, expect, it } from 'vitest';
import { nodeClock } from '../../server/src/node-clock.ts';
import { nodeIds } from '../../server/src/node-ids.ts';

describe('ids', () => {
  it('are of the alphabet that cursors take, and as long as promised', () => {
    for (let i = 0; i < 1_000; i++) {
      expect(nodeIds.id()).toMatch(/^[\w-]{21}$/);
      expect(nodeIds.token()).toMatch(/^[\w-]{22}$/);
    }
  });

  it('do not come twice', () => {
    const ids = Array.from({ length: 10_000 }, () => nodeIds.token());
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('hash one way and always alike', () => {
    expect(nodeIds.hash('token')).toBe('PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A');
    expect(nodeIds.hash('token')).not.toBe(nodeIds.hash('Token'));
  });

  it('jitter from 0 up to, not including, 1', () => {
    const numbers = Array.from({ length: 1_000 }, () => nodeIds.random());
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
  });
});

describe('the clock', () => {
  it('never runs backwards', () => {
    const before = nodeClock.nowMs();
    expect(nodeClock.nowMs()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(nodeClock.wallMs() - Date.now())).toBeLessThan(1_000);
  });

  it('ends the turn after all that was due in it', async () => {
    const calls: string[] = [];
    await new Promise<void>((resolve) => {
      nodeClock.endOfTurn(() => calls.push('end'));
      nodeClock.endOfTurn(() => resolve());
      process.nextTick(() => calls.push('tick'));
      queueMicrotask(() => calls.push('microtask'));
    });
    expect(calls.at(-1)).toBe('end');
    expect(calls).toHaveLength(3);
  });

  it('calls once after a time, again and again at intervals, and never when stopped', async () => {
    const calls: string[] = [];
    nodeClock.after(0, () => calls.push('stopped')).stop();
    nodeClock.every(1, () => calls.push('stopped')).stop();
    // Timers of the clock keep nothing alive: this one holds the test.
    const held = setTimeout(() => {}, 20_000);
    await new Promise<void>((resolve) => {
      let times = 0;
      const timer = nodeClock.every(1, () => {
        calls.push('tick');
        if (++times < 3) return;
        timer.stop();
        nodeClock.after(1, resolve);
      });
    });
    clearTimeout(held);
    expect(calls).toEqual(['tick', 'tick', 'tick']);
  });
});
