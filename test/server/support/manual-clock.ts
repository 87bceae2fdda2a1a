/**
 * Time that stands still until a test moves it, and ids that count.
 */
import type { Clock } from '../../../server/src/ports/clock.ts';
import type { Ids } from '../../../server/src/ports/ids.ts';

interface Timer {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

const WALL_START_MS = 1_700_000_000_000;

export class ManualClock implements Clock {
  private passedMs = 0;
  /** By how much the wall clock was set, all in all. */
  private wallStepMs = 0;
  private readonly timers = new Set<Timer>();
  private turns: (() => void)[] = [];

  nowMs(): number {
    return this.passedMs;
  }

  wallMs(): number {
    return WALL_START_MS + this.passedMs + this.wallStepMs;
  }

  /** Sets the wall clock forward or back. */
  setWall(stepMs: number): void {
    this.wallStepMs += stepMs;
  }

  every(ms: number, run: () => void): { stop(): void } {
    return this.add({ atMs: this.passedMs + ms, everyMs: ms, run });
  }

  after(ms: number, run: () => void): { stop(): void } {
    return this.add({ atMs: this.passedMs + ms, everyMs: undefined, run });
  }

  endOfTurn(run: () => void): void {
    this.turns.push(run);
  }

  /** Ends this turn of the loop; what is asked for meanwhile waits for the next. */
  turn(): void {
    const turns = this.turns;
    this.turns = [];
    for (const run of turns) run();
  }

  /** Ends turns until nothing more is asked for. */
  settle(): void {
    for (let i = 0; this.turns.length > 0; i++) {
      if (i > 10_000) throw new Error('the loop never comes to rest');
      this.turn();
    }
  }

  /** Lets time pass, timer by timer, each followed by its turn. */
  advance(ms: number): void {
    const untilMs = this.passedMs + ms;
    for (;;) {
      const due = [...this.timers].filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.passedMs = due.atMs;
      if (due.everyMs === undefined) this.timers.delete(due);
      else due.atMs += due.everyMs;
      due.run();
      this.settle();
    }
    this.passedMs = untilMs;
  }

  /** The process is gone: nothing of it is called back any more. */
  forget(): void {
    this.timers.clear();
    this.turns = [];
  }

  /** The process stands still for so long; then every timer that was due runs, once. */
  jump(ms: number): void {
    this.passedMs += ms;
    for (const due of [...this.timers].filter(({ atMs }) => atMs <= this.passedMs)) {
      if (due.everyMs === undefined) this.timers.delete(due);
      else due.atMs = this.passedMs + due.everyMs;
      due.run();
    }
    this.settle();
  }

  private add(timer: Timer): { stop(): void } {
    this.timers.add(timer);
    return { stop: () => this.timers.delete(timer) };
  }
}

/** Ids and tokens in order; hashes that can be told from what they hash. */
export class CountingIds implements Ids {
  private count = 0;

  constructor(private readonly prefix = 'a') {}

  id(): string {
    return `${this.prefix}-id-${++this.count}`;
  }

  token(): string {
    return `${this.prefix}-token-${++this.count}`;
  }

  hash(token: string): string {
    return `hash of ${token}`;
  }

  random(): number {
    return (this.count++ % 10) / 10;
  }
}
