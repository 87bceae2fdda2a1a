/**
 * The queues of one subscriber, one after the other: a lost session ends one life, and the next reads on from a
 * cursor. What is due at an offset is due by the last life that begins before it.
 */
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
    const accounts = this.#accounts.filter((account) => account.epoch === epoch);
    if (accounts.length === 0) return this.truth.between(epoch, after, upTo);
    const parts: Taken[][] = [];
    let to = upTo;
    for (const { start, duty } of accounts.toReversed()) {
      const from = Math.max(after, start);
      if (from < to) parts.unshift(duty.between(from, to));
      to = Math.min(to, start);
    }
    return parts.flat();
  }

  /** Everything of its epoch that comes after a record, snapshots included. */
  later({ epoch, offset }: Taken): Taken[] {
    const snapshots = this.#accounts.filter((a) => a.epoch === epoch).flatMap((a) => a.snapshot);
    const later = snapshots.filter((taken) => taken.offset > offset);
    return [...later, ...this.due(epoch, offset, this.truth.last(epoch))];
  }

  /** Not due before the present queue. */
  isNew(taken: Taken): boolean {
    const before = this.#accounts.slice(0, -1).filter((account) => account.epoch === taken.epoch);
    return !before.some((account) => account.start < taken.offset && account.duty.isDue(taken));
  }
}
