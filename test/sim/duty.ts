/**
 * What is due to one queue: by the bindings in force when the hub handled each record. Live records go by the bindings
 * of the moment they were taken; what is read from the log goes by those of the moment it is read (PROTOCOL §5).
 *
 *     start ──── bindings A ────│──── bindings B ────│──── bindings C ────►  offsets
 *                            changed              changed
 */
import { type Bound, isFor } from './reference-router.ts';
import type { Taken, Truth } from './truth.ts';

export class Duty {
  readonly #parts: { readonly after: number; readonly bindings: readonly Bound[] }[] = [];
  /** In order of offset, as far as it was asked for. */
  readonly #due: Taken[] = [];
  #upTo: number;

  constructor(
    private readonly truth: Truth,
    private readonly epoch: string,
    start: number,
    bindings: readonly Bound[],
  ) {
    this.#upTo = start;
    this.#parts.push({ after: start, bindings });
  }

  /** From behind this offset on, other bindings are in force. */
  rebound(after: number, bindings: readonly Bound[]): void {
    while (this.#parts.length > 0 && this.#parts.at(-1)!.after >= after) this.#parts.pop();
    this.#parts.push({ after, bindings });
    while (this.#due.length > 0 && this.#due.at(-1)!.offset > after) this.#due.pop();
    this.#upTo = Math.min(this.#upTo, after);
  }

  isDue(taken: Taken): boolean {
    const part = this.#parts.findLast(({ after }) => after < taken.offset);
    return part !== undefined && isFor(part.bindings, taken);
  }

  /** Everything due after one offset, up to another. */
  between(after: number, upTo: number): Taken[] {
    for (; this.#upTo < upTo; this.#upTo++) {
      const taken = this.truth.at(this.epoch, this.#upTo + 1);
      if (!taken) break;
      if (this.isDue(taken)) this.#due.push(taken);
    }
    return this.#due.slice(this.#countUpTo(after), this.#countUpTo(upTo));
  }

  #countUpTo(offset: number): number {
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#due[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
