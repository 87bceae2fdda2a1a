/**
 * Confirms of one turn, joined into runs: numbers and offsets that grow by one together (PROTOCOL §11).
 */
import type { Confirmed } from '@ringhub/protocol';

type MutableRun = { -readonly [K in keyof Confirmed]: Confirmed[K] };

export class ConfirmRuns {
  private runs: MutableRun[] = [];

  get isEmpty(): boolean {
    return this.runs.length === 0;
  }

  /** True where it began a new run. */
  add(seq: number, outcome: Omit<Confirmed, 'seq' | 'count'>): boolean {
    const last = this.runs[this.runs.length - 1];
    if (last && continues(last, seq, outcome)) {
      last.count++;
      return false;
    }
    this.runs.push({ seq, count: 1, ...outcome });
    return true;
  }

  /** Takes the runs out. */
  drain(): readonly Confirmed[] {
    const runs = this.runs;
    this.runs = [];
    return runs;
  }
}

const continues = (run: Confirmed, seq: number, next: Omit<Confirmed, 'seq' | 'count'>): boolean =>
  seq === run.seq + run.count &&
  next.offset === run.offset + run.count &&
  next.log === run.log &&
  next.sessions === run.sessions &&
  sameQueues(run.queues, next.queues) &&
  (next.duplicate ?? false) === (run.duplicate ?? false);

/** Receipts are made for each publish; most are of the same few queues. */
function sameQueues(a: Confirmed['queues'], b: Confirmed['queues']): boolean {
  if (a === b) return true;
  if (!a || !b || a.refused.length > 0 || b.refused.length > 0) return false;
  return a.took.length === b.took.length && a.took.every((name, i) => name === b.took[i]);
}
