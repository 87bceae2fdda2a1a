/**
 * What a queue with ack `none` wrote last: enough to tell, on resume, what never arrived (PROTOCOL §12).
 *
 * Nothing else is kept of it. The last {@link REMEMBERED} tags are known one by one, of older ones only how many
 * there were. Of gaps and snapshot ends the last {@link REMEMBERED_NOTICES} are kept, however old.
 */
import type { LogId, Position } from '@ringhub/protocol';
import { GapEntry } from './gap-entry.ts';
import type { Entry, SnapshotEnd } from './ready-ring.ts';

export const REMEMBERED = 1024;
export const REMEMBERED_NOTICES = 64;

/** Stands among the offsets for a gap or a snapshot end. */
const NO_MESSAGE = -1;

export class WrittenLog {
  private readonly offsets: number[] = [];
  private readonly logs: LogId[] = [];
  /** Gaps and snapshot ends by tag, oldest first. */
  private readonly notices = new Map<number, Exclude<Entry, { kind: 'message' }>>();
  /** The highest tag of a notice that is no longer remembered: what it said, nobody knows. */
  private forgottenNotice = 0;
  private readonly highestOffsets = new Map<LogId, number>();
  /** Tags up to here are stood for by a gap with a later tag. */
  private toldUpTo = 0;

  /** Notes an entry written under the next tag in turn. */
  add(tag: number, entry: Entry): void {
    if (entry.kind === 'message') {
      this.offsets[tag % REMEMBERED] = entry.offset;
      this.logs[tag % REMEMBERED] = entry.log;
      this.reaches(entry.log, entry.offset);
      return;
    }
    this.notices.set(tag, entry);
    this.offsets[tag % REMEMBERED] = NO_MESSAGE;
    if (entry.kind === 'gap') for (const { log, to } of entry.ranges) this.reaches(log, to ?? 0);
    for (const oldest of this.notices.keys()) {
      if (this.notices.size <= REMEMBERED_NOTICES) return;
      this.notices.delete(oldest);
      this.forgottenNotice = oldest;
    }
  }

  /**
   * The notices that stand for everything written after `lastTag`, oldest first. They are to be written in
   * its place: asked again, this log gives them and not what they stand for.
   *
   * @param lastTag last tag the client received
   * @param cursor up to which the client has processed each log, should the tags be forgotten
   * @param dense the queue is in order of offset in each log
   */
  notReceived(
    lastTag: number,
    last: number,
    cursor: readonly Position[],
    dense: boolean,
  ): (GapEntry | SnapshotEnd)[] {
    const received = Math.max(lastTag, this.toldUpTo);
    if (received >= last) return [];
    this.toldUpTo = last;
    const gap = new GapEntry();
    const ends: SnapshotEnd[] = [];
    const firstKnown = Math.max(received + 1, last - REMEMBERED + 1);
    let forgotten = firstKnown - received - 1;
    for (const [tag, notice] of this.notices) {
      if (tag <= received) continue;
      if (tag < firstKnown) forgotten--;
      if (notice.kind === 'gap') gap.absorb(notice);
      else ends.push(notice);
    }
    const isExact = received >= this.forgottenNotice;
    const isComplete = isExact && forgotten === 0;
    if (!isComplete) this.addForgotten(gap, cursor, isExact ? forgotten : null);
    for (let tag = firstKnown; tag <= last; tag++) {
      const slot = tag % REMEMBERED;
      const offset = this.offsets[slot]!;
      if (offset === NO_MESSAGE) continue;
      const log = this.logs[slot]!;
      const epoch = cursor.find((position) => position.log === log)?.epoch ?? '';
      gap.addMessage(log, epoch, offset, 'not-received', dense && isComplete);
    }
    return gap.ranges.length > 0 ? [gap, ...ends] : ends;
  }

  /** One range for each log; of two nobody knows any more how many were of which. */
  private addForgotten(gap: GapEntry, cursor: readonly Position[], count: number | null): void {
    const logs = cursor.filter(({ log }) => this.highestOffsets.has(log));
    for (const { log, epoch, offset } of logs) {
      const to = this.highestOffsets.get(log)!;
      const range = { log, epoch, from: offset + 1, to, reason: 'not-received' } as const;
      gap.addRange({ ...range, count: logs.length > 1 ? null : count });
    }
  }

  private reaches(log: LogId, offset: number): void {
    this.highestOffsets.set(log, Math.max(this.highestOffsets.get(log) ?? 0, offset));
  }
}
