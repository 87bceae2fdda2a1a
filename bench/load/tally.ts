/**
 * What all subscribers of a run received together, and how late.
 *
 * A message tells when it was sent: `@`, microseconds in 13 digits, then filling. `@` stands nowhere else in what a
 * server writes, so that messages can be counted in any protocol without reading it.
 */
import { Latency } from './latency.ts';

const MARK = 0x40;
const DIGITS = 13;

export class Tally {
  deliveries = 0;
  /** Told as lost, where a system tells. */
  lost = 0;
  readonly latency = new Latency();
  /** Something came in: a closed loop may go on. */
  onProgress: () => void = () => {};

  /** `count` messages came together, the first of which is stamped somewhere between `start` and `end`. */
  took(count: number, bytes: Buffer, start: number, end: number): void {
    this.deliveries += count;
    const mark = bytes.indexOf(MARK, start);
    if (mark >= 0 && mark + DIGITS < end) this.stamped(bytes, mark, count);
    this.onProgress();
  }

  /** Counts the messages of a text or stream by their marks; returns how many. */
  tookMarked(bytes: Buffer, start: number, end: number): number {
    let count = 0;
    let first = -1;
    for (
      let mark = bytes.indexOf(MARK, start);
      mark >= 0 && mark < end;
      mark = bytes.indexOf(MARK, mark + 1)
    ) {
      if (count++ === 0) first = mark;
    }
    if (count === 0) return 0;
    this.deliveries += count;
    if (first + DIGITS < end) this.stamped(bytes, first, count);
    this.onProgress();
    return count;
  }

  private stamped(bytes: Buffer, mark: number, count: number): void {
    let sentUs = 0;
    for (let i = 1; i <= DIGITS; i++) sentUs = sentUs * 10 + bytes[mark + i]! - 48;
    this.latency.add(Math.max(1, nowUs() - sentUs), count);
  }
}

const nowUs = (): number => performance.now() * 1000;

/** A message of `size` bytes, at least 14, stamped with now. */
export function stampedMessage(size: number): string {
  return `@${Math.round(nowUs()).toString().padStart(DIGITS, '0')}`.padEnd(size, 'x');
}
