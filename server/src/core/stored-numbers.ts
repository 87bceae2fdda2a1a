/**
 * Which numbered publishes of one session were stored, as ranges: exact for the last {@link MAX_RANGES} of them
 * (PROTOCOL §11 `resent`). Numbers that were refused, or went to a volatile log, are not among them.
 *
 *     [3–9] [12–40]        10 was refused, 11 went elsewhere, 41 has not come yet
 */
export const MAX_RANGES = 64;

export interface SavedNumbers {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly knownFrom: number;
}

type Range = [from: number, to: number];

export class StoredNumbers {
  /** Ascending, apart. */
  readonly ranges: Range[];
  /** Below this nobody knows any more. */
  private knownFrom: number;

  constructor(ranges: readonly (readonly [number, number])[] = [], knownFrom = 1) {
    this.ranges = ranges.map(([from, to]) => [from, to]);
    this.knownFrom = knownFrom;
  }

  /** Publishes of a session come in order of their numbers; those sent again may come anywhere. */
  add(seq: number): void {
    // It may come a second time, from an older place than what is known.
    if (seq < this.knownFrom) return;
    const last = this.ranges[this.ranges.length - 1];
    if (last && seq === last[1] + 1) last[1] = seq;
    else if (!last || seq > last[1]) this.ranges.push([seq, seq]);
    else this.insert(seq);
    if (this.ranges.length <= MAX_RANGES) return;
    const forgotten = this.ranges.shift()!;
    this.knownFrom = forgotten[1] + 1;
  }

  has(seq: number): 'yes' | 'no' | 'unknown' {
    if (seq < this.knownFrom) return 'unknown';
    return this.ranges.some(([from, to]) => seq >= from && seq <= to) ? 'yes' : 'no';
  }

  get saved(): SavedNumbers {
    return { ranges: this.ranges, knownFrom: this.knownFrom };
  }

  private insert(seq: number): void {
    const at = this.ranges.findIndex(([from]) => from > seq);
    const index = at < 0 ? this.ranges.length : at;
    const before = this.ranges[index - 1];
    const after = this.ranges[index];
    if (before && seq <= before[1]) return;
    const joinsBefore = before?.[1] === seq - 1;
    const joinsAfter = after?.[0] === seq + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.ranges.splice(index, 1);
    } else if (joinsBefore) before[1] = seq;
    else if (joinsAfter) after[0] = seq;
    else this.ranges.splice(index, 0, [seq, seq]);
  }
}
