/**
 * The queues of one subscriber, one after the other: a lost session ends one life, and the next reads on from a
 * cursor. What is due at an offset of a log is due by the last life that begins before it.
 */
import type { LogAccount } from './log-account.ts';
import type { QueueAccount } from './queue-account.ts';
import type { Taken, Truth } from './truth.ts';

export class Lives {
  readonly #accounts: QueueAccount[] = [];

  constructor(private readonly truth: Truth) {}

  begin(account: QueueAccount): void {
    this.#accounts.push(account);
  }

  /** Everything due in an epoch, after one offset up to another; all of it where there was no queue. */
  due(epoch: string, after: number, upTo: number): Taken[] {
    const parts = this.#of(epoch);
    if (parts.length === 0) return this.truth.between(epoch, after, upTo);
    const due: Taken[][] = [];
    let to = upTo;
    for (const { start, duty } of parts.toReversed()) {
      const from = Math.max(after, start);
      if (from < to) due.unshift(duty.between(from, to));
      to = Math.min(to, start);
    }
    return due.flat();
  }

  /** Everything of its epoch that comes after a record, snapshots included. */
  later({ epoch, offset }: Taken): Taken[] {
    const snapshots = this.#of(epoch).flatMap((part) => part.snapshot);
    const later = snapshots.filter((taken) => taken.offset > offset);
    return [...later, ...this.due(epoch, offset, this.truth.last(epoch))];
  }

  /** Everything of other logs: between two there is no order. */
  beside({ log }: Taken): Taken[] {
    const epochs = new Set<string>();
    for (const { logs } of this.#accounts) for (const one of logs) if (one.log !== log) epochs.add(one.epoch);
    return [...epochs].flatMap((epoch) => [
      ...this.#of(epoch).flatMap((part) => part.snapshot),
      ...this.due(epoch, 0, this.truth.last(epoch)),
    ]);
  }

  /** Not due before the present queue. */
  isNew(taken: Taken): boolean {
    const before = this.#accounts.slice(0, -1).flatMap(({ logs }) => logs);
    return !before.some((o) => o.epoch === taken.epoch && o.start < taken.offset && o.duty.isDue(taken));
  }

  /** Due by this queue or by one before it. */
  wasDueBy(account: QueueAccount, taken: Taken): boolean {
    const lives = this.#accounts.slice(0, this.#accounts.indexOf(account) + 1).flatMap(({ logs }) => logs);
    return lives.some((o) => o.epoch === taken.epoch && o.start < taken.offset && o.duty.isDue(taken));
  }

  #of(epoch: string): LogAccount[] {
    return this.#accounts.flatMap(({ logs }) => logs.filter((one) => one.epoch === epoch));
  }
}
