/**
 * Lets a handler take so many messages a second, evenly. Timers are coarse and late, so turns are planned on a
 * schedule: what a late timer lost is made up for, by 100 ms at most. A new rate holds at once.
 */
const MAX_DEBT_MS = 100;

export class Pacer {
  #perSecond: number | null;
  #dueMs = 0;
  #wake: (() => void) | undefined;

  /** `null` is no limit. */
  constructor(perSecond: number | null) {
    this.#perSecond = perSecond;
  }

  get perSecond(): number | null {
    return this.#perSecond;
  }

  set perSecond(perSecond: number | null) {
    this.#perSecond = perSecond;
    this.#dueMs = 0;
    this.#wake?.();
  }

  /** Resolves when the next message may be taken; `undefined` where that is now. */
  turn(): Promise<void> | undefined {
    if (this.#perSecond === null) return undefined;
    const nowMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs - MAX_DEBT_MS) + 1000 / this.#perSecond;
    const waitMs = this.#dueMs - nowMs;
    if (waitMs <= 0) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
