/**
 * Which numbered publishes of one session were stored (PROTOCOL §11 `resent`): exact from so many stored numbers back as
 * its client may have unconfirmed. Numbers that were refused, or went to a volatile log, are not among them.
 *
 *     [3–9] [12–40]        10 was refused, 11 went elsewhere, 41 has not come yet
 *
 * What a client may send again it has not heard of, and it has not heard of a window of numbers at most: so all that
 * counts lies behind the last window of stored ones, however few stand together, as where every other publish is volatile.
 */

/** As many are kept in any case. */
export const MIN_RANGES = 64;
/** Whatever the window, and where it is not known. */
export const MAX_EXACT = 65_536;

export interface SavedNumbers {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly knownFrom: number;
}

export class StoredNumbers {
  /** First and last number of each range, one after the other: ascending, apart. */
  private readonly edges: number[];
  /** Numbers in all ranges. */
  private count = 0;
  /** Below this nobody knows any more. */
  private knownFrom: number;

  constructor(ranges: readonly (readonly [number, number])[] = [], knownFrom = 1) {
    this.edges = ranges.flat();
    for (const [from, to] of ranges) this.count += to - from + 1;
    this.knownFrom = knownFrom;
  }

  get rangeCount(): number {
    return this.edges.length / 2;
  }

  /**
   * Publishes of a session come in order of their numbers; those sent again may come anywhere.
   *
   * @param exact how many stored numbers back all is to be known
   */
  add(seq: number, exact = MAX_EXACT): void {
    const { edges } = this;
    // It may come a second time, from an older place than what is known.
    if (seq < this.knownFrom) return;
    const last = edges[edges.length - 1];
    if (last === undefined || seq > last + 1) edges.push(seq, seq);
    else if (seq === last + 1) edges[edges.length - 1] = seq;
    else if (!this.insert(seq)) return;
    this.count++;
    if (edges.length > 2 * MIN_RANGES) this.forget(Math.min(exact, MAX_EXACT));
  }

  has(seq: number): 'yes' | 'no' | 'unknown' {
    if (seq < this.knownFrom) return 'unknown';
    const at = this.after(seq);
    return at > 0 && seq <= this.edges[at - 1]! ? 'yes' : 'no';
  }

  get saved(): SavedNumbers {
    const ranges: [number, number][] = [];
    for (let at = 0; at < this.edges.length; at += 2) ranges.push([this.edges[at]!, this.edges[at + 1]!]);
    return { ranges, knownFrom: this.knownFrom };
  }

  /** Where the first range stands that begins behind a number. */
  private after(seq: number): number {
    let low = 0;
    let high = this.edges.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.edges[2 * middle]! > seq) high = middle;
      else low = middle + 1;
    }
    return 2 * low;
  }

  /** Adds a number from among the others; false where it is there. */
  private insert(seq: number): boolean {
    const { edges } = this;
    const at = this.after(seq);
    const before = at > 0 ? edges[at - 1]! : Number.NEGATIVE_INFINITY;
    if (seq <= before) return false;
    const joinsBefore = before === seq - 1;
    const joinsAfter = edges[at] === seq + 1;
    if (joinsBefore && joinsAfter) edges.splice(at - 1, 2);
    else if (joinsBefore) edges[at - 1] = seq;
    else if (joinsAfter) edges[at] = seq;
    else edges.splice(at, 0, seq, seq);
    return true;
  }

  /** Ranges that nobody asks for, oldest first. */
  private forget(exact: number): void {
    const { edges } = this;
    let gone = 0;
    while (edges.length - gone > 2 * MIN_RANGES) {
      const size = edges[gone + 1]! - edges[gone]! + 1;
      if (this.count - size < exact) break;
      this.count -= size;
      gone += 2;
    }
    if (gone === 0) return;
    this.knownFrom = edges[gone - 1]! + 1;
    edges.splice(0, gone);
  }
}
