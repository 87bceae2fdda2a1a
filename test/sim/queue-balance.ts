/**
 * The balance of one session queue: what it was due, against what is sent, waiting, conflated and told. Drawn up anew
 * each time from the queue's account and its ring.
 */
import type { GapRange } from '@ringhub/protocol';
import type { QueueAccount } from './queue-account.ts';
import type { Taken } from './truth.ts';

export class QueueBalance {
  constructor(private readonly account: QueueAccount) {}

  /**
   * Every record up to where the queue has read is sent, waiting, conflated, or told as lost: to the message.
   *
   * @param fed offset of the last record that every live queue has been offered
   */
  check(fed: number): void {
    const { queue } = this.account.subscription;
    const reader = queue.readers.of('v')!;
    const head = reader.phase === 'live' ? Math.max(fed, reader.after) : reader.after;
    const waiting = new Set<number>();
    const waitingGaps: GapRange[] = [];
    for (let i = 0; i < queue.ready.length; i++) {
      const entry = queue.ready.peek(i)!;
      if (entry.kind === 'message') waiting.add(entry.offset);
      else if (entry.kind === 'gap') waitingGaps.push(...entry.toGap().ranges);
    }
    for (const offset of waiting) {
      if (this.account.sentBy.has(offset))
        this.account.fail('sent-once', `offset ${offset} was sent and waits again`);
    }
    const isThere = (taken: Taken): boolean =>
      this.account.sentBy.has(taken.offset) || waiting.has(taken.offset);
    const missing = this.account.duty.between(this.account.start, head).filter((t) => !isThere(t));
    const ranges = this.account
      .ranges(waitingGaps)
      .filter((r) => r.epoch === this.account.epoch && r.reason !== 'epoch');
    this.#checkSnapshot(isThere, ranges);
    this.#checkMissing(missing, ranges, head);
  }

  #checkSnapshot(isThere: (taken: Taken) => boolean, ranges: readonly GapRange[]): void {
    if (this.account.snapshot.length === 0) return;
    const isWhole = this.account.snapshotExchanges.every((e) => e.lastValues.snapshot(() => false).complete);
    for (const taken of this.account.snapshot) {
      if (isThere(taken) || !isWhole || ranges.some((r) => covers(r, taken.offset))) continue;
      if (this.account.isNewer(taken)) continue;
      if (
        this.account.isConflating &&
        this.account.isSuperseded(taken, this.account.truth.last(this.account.epoch))
      )
        continue;
      this.account.fail('snapshot', `offset ${taken.offset}, the last of ${taken.key}, is missing`);
    }
  }

  #checkMissing(missing: readonly Taken[], ranges: readonly GapRange[], head: number): void {
    const { ledger } = this.account.subscription.queue;
    const unknown = ranges.filter((r) => r.count === null);
    const exact = ranges.filter((r) => r.count !== null);
    const known = missing.filter((t) => !unknown.some((r) => covers(r, t.offset)));
    const lost: Taken[] = [];
    for (const taken of known) {
      if (exact.some((r) => covers(r, taken.offset))) lost.push(taken);
      else if (!this.account.isConflating || !this.account.isSuperseded(taken, head)) {
        this.account.fail('told', `offset ${taken.offset} is neither sent nor waiting nor told`);
      }
    }
    // A snapshot loses records from before the start; which, nobody else counts.
    const told = exact.filter((r) => r.from > this.account.start).reduce((sum, r) => sum + r.count!, 0);
    // Joined with what had been sent, a range counts that, too.
    if (ranges.some((r) => r.reason === 'several')) return;
    if (this.account.isConflating) this.#checkConflated(known.length, told);
    else if (!this.account.isSnapshot && told !== known.length) {
      this.account.fail(
        'gap-exact',
        `${known.length} messages are missing, gaps count ${told} (head ${head})`,
      );
    }
    if (this.account.isConflating || this.account.isJoined || this.account.isSnapshot) return;
    for (const range of exact) {
      const inside = lost.filter((t) => covers(range, t.offset)).length;
      if (inside !== range.count) {
        this.account.fail(
          'gap-exact',
          `${inside} missing from ${range.from} to ${range.to}, told ${range.count}`,
        );
      }
    }
    if (ledger.routed < known.length)
      this.account.fail('routed', `${known.length} missing of ${ledger.routed} routed`);
  }

  #checkConflated(missing: number, told: number): void {
    const { ledger } = this.account.subscription.queue;
    const conflated = ledger.droppedBy?.get('conflated') ?? 0;
    if (this.account.isSnapshot) return;
    if (missing !== conflated + told) {
      this.account.fail('gap-exact', `${missing} are missing, ${conflated} conflated and ${told} told`);
    }
    if (this.account.replaced > conflated)
      this.account.fail('replaced', `told ${this.account.replaced} of ${conflated} replaced`);
    const { ready } = this.account.subscription.queue;
    if (told === 0 && ready.messages === 0 && this.account.replaced !== conflated) {
      this.account.fail('replaced', `told ${this.account.replaced} of ${conflated} replaced`);
    }
  }
}

/** Whether a range of a gap tells of this offset. */
export const covers = ({ from, to }: GapRange, offset: number): boolean =>
  from <= offset && offset <= (to ?? Number.POSITIVE_INFINITY);
