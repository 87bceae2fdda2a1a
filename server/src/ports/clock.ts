/**
 * Clock port: time and the loop's turn. The simulation has one of its own.
 */
export interface Clock {
  /** Monotonic milliseconds: deadlines, ages, rates. */
  nowMs(): number;
  /** Milliseconds since 1970: shown and stored, never subtracted. */
  wallMs(): number;
  /** Calls back about every `ms` until stopped. */
  every(ms: number, run: () => void): { stop(): void };
  /** Calls back once after about `ms`, unless stopped. */
  after(ms: number, run: () => void): { stop(): void };
  /** Calls back at the end of this turn of the loop, after the input that is already there. */
  endOfTurn(run: () => void): void;
}
