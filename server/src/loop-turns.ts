/**
 * Turns of the event loop, by number, and who goes on in the next one.
 *
 * What is left to do at the end of a turn is done there, a share each; then the loop takes new input of everybody before the next.
 */
import type { Clock } from './ports/clock.ts';

export interface Waiting {
  goOn(): void;
}

export class LoopTurns {
  private number = 0;
  private isEndScheduled = false;
  private waiting: Waiting[] = [];

  constructor(private readonly clock: Clock) {}

  /** The number of this turn: another one than that of any turn that had something done. */
  get current(): number {
    return this.number;
  }

  /** Something was done in this turn, so it has an end: behind the flush of what was done, if that was asked for before. */
  done(): void {
    if (this.isEndScheduled) return;
    this.isEndScheduled = true;
    this.clock.endOfTurn(this.end);
  }

  /** Has somebody go on in the next turn, behind those who asked before. */
  wait(who: Waiting): void {
    this.waiting.push(who);
  }

  private readonly end = (): void => {
    this.isEndScheduled = false;
    this.number++;
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const who of waiting) who.goOn();
  };
}
