/**
 * What a queue with ack `none` wrote last: enough to tell, on resume, what never arrived (PROTOCOL §12).
 *
 * Nothing else is kept of it. The last {@link REMEMBERED} tags are known one by one; of older ones nobody can
 * know the count.
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

  /** Notes an entry written under the next tag in turn. */
  add(tag: number, entry: Entry): void {
    const slot = tag % REMEMBERED;
    if (this.notices.size > 0) this.notices.delete(tag - REMEMBERED);
    if (entry.kind === 'message') {
      this.offsets[slot] = entry.offset;
      this.logs[slot] = entry.log;
    } else {
      this.notices.set(tag, entry);
    }
  }

  /**
   * The notices that stand for everything written after `received`, oldest first.
   *
   * @param cursor offset up to which the client has processed, should the tags be forgotten
   */
  notReceived(received: number, last: number, epoch: string, cursor: number): (GapEntry | SnapshotEnd)[] {
    if (received >= last) return [];
    const gap = new GapEntry();
    const notices: (GapEntry | SnapshotEnd)[] = [];
    const firstKnown = Math.max(1, last - REMEMBERED + 1);
    if (received + 1 < firstKnown) {
      const known = this.offsets[firstKnown % REMEMBERED] ?? cursor + 1;
      gap.addRange({
        log: 'v',
        epoch,
        from: cursor + 1,
        to: Math.max(known, cursor + 1),
        count: null,
        reason: 'not-received',
      });
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
