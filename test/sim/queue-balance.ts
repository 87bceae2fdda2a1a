/**
 * The balance of one session queue: what it was due of each log, against what is sent, waiting, conflated and told. Drawn
 * up anew each time from the queue's account and its ring.
 */
import type { GapRange, LogId } from '@ringhub/protocol';
import type { LogAccount } from './log-account.ts';
import type { QueueAccount } from './queue-account.ts';
import type { Taken } from './truth.ts';

/** What is in a ring, and what of it concerns one log. */
interface Waiting {
  readonly offsets: ReadonlySet<number>;
  readonly ranges: readonly GapRange[];
}

export class QueueBalance {
  constructor(private readonly account: QueueAccount) {}

  /**
   * Every record up to where the queue has read is sent, waiting, conflated, or told as lost: to the message.
   *
   * @param fed offset of the last record of a log that every live queue has been offered
   */
  check(fed: (log: LogId) => number): void {
    const { account } = this;
    const waitingGaps = this.#waitingGaps();
    const told = account.ranges(waitingGaps);
    let [missing, lost] = [0, 0];
    for (const part of account.logs) {
      const ranges = told.filter((r) => r.epoch === part.epoch && r.reason !== 'epoch');
      const counted = this.#checkLog(part, { offsets: this.#waiting(part), ranges }, fed(part.log));
      missing += counted.missing;
      lost += counted.told;
    }
    // Joined with what had been sent, a range counts that, too.
    if (told.some((r) => r.reason === 'several')) return;
    if (account.isConflating) this.#checkConflated(missing, lost);
    if (account.isConflating || account.isJoined || account.isSnapshot) return;
    const { ledger } = account.subscription.queue;
    if (ledger.routed < missing) account.fail('routed', `${missing} missing of ${ledger.routed} routed`);
  }

  #waiting({ log, sentBy }: LogAccount): Set<number> {
    const { ready } = this.account.subscription.queue;
    const offsets = new Set<number>();
    for (let i = 0; i < ready.length; i++) {
      const entry = ready.peek(i)!;
      if (entry.kind !== 'message' || entry.log !== log) continue;
      offsets.add(entry.offset);
      if (sentBy.has(entry.offset))
        this.account.fail('sent-once', `offset ${entry.offset} was sent and waits again`);
    }
    return offsets;
  }

  #waitingGaps(): GapRange[] {
    const { ready } = this.account.subscription.queue;
    const ranges: GapRange[] = [];
    for (let i = 0; i < ready.length; i++) {
      const entry = ready.peek(i)!;
      if (entry.kind === 'gap') ranges.push(...entry.toGap().ranges);
    }
    return ranges;
  }

  #checkLog(part: LogAccount, { offsets, ranges }: Waiting, fed: number): { missing: number; told: number } {
    const reader = this.account.subscription.queue.readers.of(part.log);
    if (reader?.log !== part.log) return { missing: 0, told: 0 };
    const head = reader.phase === 'live' ? Math.max(fed, reader.after) : reader.after;
    const isThere = ({ offset }: Taken): boolean => part.sentBy.has(offset) || offsets.has(offset);
    const missing = part.duty.between(part.start, head).filter((t) => !isThere(t));
    this.#checkSnapshot(part, isThere, ranges);
    return this.#checkMissing(part, missing, ranges, head);
  }

  #checkSnapshot(
    { snapshot }: LogAccount,
    isThere: (taken: Taken) => boolean,
    ranges: readonly GapRange[],
  ): void {
    const { account } = this;
    if (snapshot.length === 0) return;
    const isWhole = account.snapshotExchanges.every((e) => e.lastValues.snapshot(() => false).complete);
    for (const taken of snapshot) {
      if (isThere(taken) || !isWhole || ranges.some((r) => covers(r, taken.offset))) continue;
      if (account.isNewer(taken)) continue;
      if (account.isConflating && account.isSuperseded(taken, Number.POSITIVE_INFINITY)) continue;
      account.fail('snapshot', `offset ${taken.offset}, the last of ${taken.key}, is missing`);
    }
  }

  #checkMissing(
    part: LogAccount,
    missing: readonly Taken[],
    ranges: readonly GapRange[],
    head: number,
  ): { missing: number; told: number } {
    const { account } = this;
    const unknown = ranges.filter((r) => r.count === null);
    const exact = ranges.filter((r) => r.count !== null);
    const known = missing.filter((t) => !unknown.some((r) => covers(r, t.offset)));
    const lost: Taken[] = [];
    for (const taken of known) {
      if (exact.some((r) => covers(r, taken.offset))) lost.push(taken);
      else if (!account.isConflating || !account.isSuperseded(taken, head)) {
        account.fail('told', `offset ${taken.offset} is neither sent nor waiting nor told`);
      }
    }
    // A snapshot loses records from before the start; which, nobody else counts.
    const told = exact.filter((r) => r.from > part.start).reduce((sum, r) => sum + r.count!, 0);
    const counted = { missing: known.length, told };
    const isJoined = ranges.some((r) => r.reason === 'several');
    if (isJoined || account.isConflating || account.isSnapshot) return counted;
    if (told !== known.length) {
      account.fail('gap-exact', `${known.length} messages are missing, gaps count ${told} (head ${head})`);
    }
    if (account.isJoined) return counted;
    for (const range of exact) {
      const inside = lost.filter((t) => covers(range, t.offset)).length;
      if (inside !== range.count) {
        account.fail('gap-exact', `${inside} missing from ${range.from} to ${range.to}, told ${range.count}`);
      }
    }
    return counted;
  }

  #checkConflated(missing: number, told: number): void {
    const { account } = this;
    const { ledger, ready } = account.subscription.queue;
    const conflated = ledger.droppedBy?.get('conflated') ?? 0;
    if (account.isSnapshot) return;
    if (missing !== conflated + told) {
      account.fail('gap-exact', `${missing} are missing, ${conflated} conflated and ${told} told`);
    }
    if (account.replaced > conflated)
      account.fail('replaced', `told ${account.replaced} of ${conflated} replaced`);
    if (told === 0 && ready.messages === 0 && account.replaced !== conflated) {
      account.fail('replaced', `told ${account.replaced} of ${conflated} replaced`);
    }
  }
}

/** Whether a range of a gap tells of this offset. */
export const covers = ({ from, to }: GapRange, offset: number): boolean =>
  from <= offset && offset <= (to ?? Number.POSITIVE_INFINITY);
