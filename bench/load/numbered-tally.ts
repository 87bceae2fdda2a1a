/** What one subscriber received of messages that are numbered from 0: each once and in order, or the run ends. */
import { DIGITS, nextStamp, stampAt, Tally } from './tally.ts';

export class NumberedTally extends Tally {
  /** Resolves once `wanted` messages are there. */
  readonly complete: Promise<void>;
  private completed: () => void = () => {};

  constructor(
    readonly who: string,
    private readonly wanted: number,
  ) {
    super();
    this.complete = new Promise((resolve) => {
      this.completed = resolve;
    });
  }

  override took(count: number, bytes: Buffer, start: number, end: number): void {
    const found = this.walk(bytes, start, end);
    if (found !== count) throw new Error(`${this.who}: ${found} messages in a batch of ${count}`);
  }

  override tookMarked(bytes: Buffer, start: number, end: number): number {
    return this.walk(bytes, start, end);
  }

  private walk(bytes: Buffer, start: number, end: number): number {
    const had = this.deliveries;
    for (let mark = nextStamp(bytes, start, end); mark >= 0; mark = nextStamp(bytes, mark + DIGITS, end)) {
      const number = stampAt(bytes, mark);
      if (number !== this.deliveries) {
        throw new Error(`${this.who}: message ${number} came where ${this.deliveries} was due`);
      }
      this.deliveries++;
    }
    if (this.deliveries > this.wanted) throw new Error(`${this.who}: more than was published`);
    if (this.deliveries === this.wanted && had < this.wanted) this.completed();
    this.onProgress();
    return this.deliveries - had;
  }
}
