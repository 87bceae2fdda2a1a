/**
 * What a queue with ack `none` wrote last: enough to tell, on resume, what never arrived (PROTOCOL §12).
 *
 * Nothing else is kept of it. The last {@link REMEMBERED} tags are known one by one; of older ones only how many
 * there were, as long as no gap was among them.
 */
import type { LogId } from '@ringhub/protocol';
import { GapEntry } from './gap-entry.ts';
import type { Entry, SnapshotEnd } from './ready-ring.ts';

export const REMEMBERED = 1024;

export class WrittenLog {
  private readonly offsets: number[] = [];
  private readonly logs: LogId[] = [];
  /** Gaps and snapshot ends among the remembered tags. */
  private readonly notices = new Map<number, Exclude<Entry, { kind: 'message' }>>();
  /** The highest tag of a notice that is no longer remembered: what it said, nobody knows. */
  private forgottenNotice = 0;
  /** Tags up to here are stood for by a gap with a later tag. */
  private toldUpTo = 0;

  /** Notes an entry written under the next tag in turn. */
  add(tag: number, entry: Entry): void {
    const slot = tag % REMEMBERED;
    if (this.notices.delete(tag - REMEMBERED)) this.forgottenNotice = tag - REMEMBERED;
    if (entry.kind === 'message') {
      this.offsets[slot] = entry.offset;
      this.logs[slot] = entry.log;
    } else {
      this.notices.set(tag, entry);
    }
  }

  /**
   * The notices that stand for everything written after `lastTag`, oldest first. They are to be written in
   * its place: asked again, this log gives them and not what they stand for.
   *
   * @param lastTag last tag the client received
   * @param cursor offset up to which the client has processed, should the tags be forgotten
   */
  notReceived(lastTag: number, last: number, epoch: string, cursor: number): (GapEntry | SnapshotEnd)[] {
    const received = Math.max(lastTag, this.toldUpTo);
    if (received >= last) return [];
    this.toldUpTo = last;
    const gap = new GapEntry();
    const notices: (GapEntry | SnapshotEnd)[] = [];
    const firstKnown = Math.max(1, last - REMEMBERED + 1);
    if (received + 1 < firstKnown) {
      const count = received >= this.forgottenNotice ? firstKnown - received - 1 : null;
      const to = Math.max(cursor + 1, (this.offsets[firstKnown % REMEMBERED] ?? 0) - 1);
      gap.addRange({ log: 'v', epoch, from: cursor + 1, to, count, reason: 'not-received' });
    }
    for (let tag = Math.max(received + 1, firstKnown); tag <= last; tag++) {
      const notice = this.notices.get(tag);
      if (notice?.kind === 'gap') gap.absorb(notice);
      else if (notice) notices.push(notice);
      else
        gap.addMessage(
          this.logs[tag % REMEMBERED]!,
          epoch,
          this.offsets[tag % REMEMBERED]!,
          'not-received',
          true,
        );
    }
    return gap.ranges.length > 0 ? [gap, ...notices] : notices;
  }
}
