/**
 * What became of the messages of one subscription, checked against the feeder's own numbers. Pure.
 *
 *   published since the first one = handled + replaced + told as lost + still waiting
 *
 * The hub says how many were lost and replaced; the feeder numbered what it published. So `waiting` is known here
 * without asking the hub, and it can never be negative unless somebody counted wrongly.
 */
import type { Numbered } from '../shared/metrics.ts';

export class LaneAccount {
  handled = 0;
  replaced = 0;
  lost = 0;
  /** Gaps told; each stands for one loss or more. */
  gaps = 0;
  /** Sent again after a resume, though handled before. */
  repeated = 0;
  #run = '';
  #first: number | undefined;
  #last = 0;
  #lostBeforeFirst = 0;
  #isCountUnknown = false;
  readonly #inOrder: boolean;

  /** With conflation, deliveries are not in the order of publishing. */
  constructor(inOrder: boolean) {
    this.#inOrder = inOrder;
  }

  /** Counts a message; false where it was handled before. */
  message({ run, n }: Numbered, replaced: number): boolean {
    if (run !== this.#run) this.#begin(run, n - replaced);
    if (this.#inOrder && n <= this.#last) {
      this.repeated += 1;
      return false;
    }
    // A gap without a count (the log is gone): the numbers say how many.
    if (this.#isCountUnknown) this.lost = n - this.#first! - this.handled - this.replaced - replaced;
    this.#isCountUnknown = false;
    this.#last = Math.max(this.#last, n);
    this.handled += 1;
    this.replaced += replaced;
    return true;
  }

  gap(count: number | null): void {
    this.gaps += 1;
    this.lost += count ?? 0;
    if (count === null) this.#isCountUnknown = this.#first !== undefined;
    if (this.#first === undefined) this.#lostBeforeFirst += count ?? 0;
  }

  get run(): string {
    return this.#run;
  }

  /** The highest number handled. */
  get last(): number {
    return this.#last;
  }

  /** All that was published to this subscription, as far as `head` knows. */
  published(head: number): number {
    return this.#first === undefined ? 0 : Math.max(head, this.#last) - this.#first + 1;
  }

  /** Published, neither handled nor replaced nor told as lost: it waits, or its loss is yet to be told. */
  waiting(head: number): number {
    return this.published(head) - this.handled - this.replaced - this.lost;
  }

  /** Another run of the feeder: its numbers begin anew, and so does the account. */
  #begin(run: string, first: number): void {
    const isFirstRun = this.#run === '';
    this.#run = run;
    this.#first = isFirstRun ? first - this.#lostBeforeFirst : first;
    this.#last = 0;
    this.#isCountUnknown = false;
    if (isFirstRun) return;
    this.handled = 0;
    this.replaced = 0;
    this.lost = 0;
    this.gaps = 0;
    this.repeated = 0;
  }
}
