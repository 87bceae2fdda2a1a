/** The disk of a run: its syncs take time, as the run's seed says. */
import type { Clock } from '../../server/src/ports/clock.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import type { World } from './world.ts';

export function simulatedDisk(world: World, maxSyncMs: number): MemoryDisk {
  const random = world.random.fork('disk');
  return new MemoryDisk({ clock: clockOf(world), syncMs: () => random.int(0, maxSyncMs) });
}

function clockOf(world: World): Clock {
  return {
    nowMs: () => world.nowMs,
    wallMs: () => world.nowMs,
    after: (ms, run) => {
      const timer = world.after(ms, 'disk', run);
      return { stop: () => timer.cancel() };
    },
    every: () => {
      throw new Error('a disk does nothing by itself');
    },
    endOfTurn: (run) => void world.after(0, 'disk', run),
  };
}
