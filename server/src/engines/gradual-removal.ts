/**
 * Takes away what has ended in bulk: a batch at a time, the next one when that is on disk and others have had the disk
 * and the loop in between.
 *
 *     goOn ─► batch ─► on disk ─► pause ─► batch ─► … ─► nothing is left
 *
 * So a purge of a million messages is off the disk within seconds, and no publish waits for more than one batch of it.
 */
import type { Clock } from '../ports/clock.ts';
import type { WriteGroup } from './write-group.ts';

/** Entries taken away in one batch: some milliseconds of a disk's time, and of this thread's. */
export const REMOVED_AT_ONCE = 2_000;
/** What others have between two batches. */
const PAUSE_MS = 5;

/** Something that has ended, and may still be there. */
export interface Ended {
  /** Puts the removal of up to so many more entries into the group; returns how many. */
  removeSome(limit: number): number;
}

export class GradualRemoval {
  private isUnderWay = false;
  private timer: { stop(): void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly group: WriteGroup,
    private readonly all: readonly Ended[],
  ) {}

  /** Takes a batch away, and goes on by itself while there is more. To be called again for what has ended since. */
  goOn(): void {
    if (this.isUnderWay || this.group.isFull || this.group.failed) return;
    let left = REMOVED_AT_ONCE;
    for (const ended of this.all) left -= ended.removeSome(left);
    if (left > 0) return;
    this.isUnderWay = true;
    this.group.whenStored((failed) => {
      if (failed) return;
      this.timer = this.clock.after(PAUSE_MS, () => {
        this.isUnderWay = false;
        this.goOn();
      });
    });
  }

  stop(): void {
    this.isUnderWay = true;
    this.timer?.stop();
  }
}
