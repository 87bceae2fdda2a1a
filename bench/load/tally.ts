/**
 * What all subscribers of a run received together, and how late.
 *
 * A message tells when it was sent: `@`, microseconds in 13 digits, then filling. `@` stands nowhere else in what a
 * server writes, so that messages can be counted in any protocol without reading it.
 */
import { Latency } from './latency.ts';

const MARK = 0x40;
export const DIGITS = 13;

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
    const mark = nextStamp(bytes, start, end);
    if (mark >= 0) this.stamped(bytes, mark, count);
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
    this.latency.add(Math.max(1, nowUs() - stampAt(bytes, mark)), count);
  }
}

/** Where the next stamp is, or -1. A length or an offset may be a byte like the mark: what follows has to be digits. */
export function nextStamp(bytes: Buffer, from: number, end: number): number {
  for (let mark = bytes.indexOf(MARK, from); mark >= 0; mark = bytes.indexOf(MARK, mark + 1)) {
    if (mark + DIGITS >= end) return -1;
    let digits = 0;
    while (digits < DIGITS && isDigit(bytes[mark + 1 + digits]!)) digits++;
    if (digits === DIGITS) return mark;
  }
  return -1;
}

/** The number of the stamp at `mark`. */
export function stampAt(bytes: Buffer, mark: number): number {
  let number = 0;
  for (let i = 1; i <= DIGITS; i++) number = number * 10 + bytes[mark + i]! - 48;
  return number;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

const nowUs = (): number => performance.now() * 1000;

/** A message of `size` bytes, at least 14, stamped with now. */
export function stampedMessage(size: number): string {
  return numberedMessage(Math.round(nowUs()), size);
}

/** A message whose stamp is its number, for an account of each. */
export function numberedMessage(number: number, size: number): string {
  return `@${number.toString().padStart(DIGITS, '0')}`.padEnd(size, 'x');
}
