/**
 * A set of delivery tags as sorted, disjoint, inclusive ranges. Tags are mostly added in order, so the set is
 * mostly one range; adding at the end costs nothing, anywhere else a binary search.
 */

export class TagSet {
  /** Ascending, with at least one missing tag between neighbours. */
  readonly ranges: [from: number, to: number][] = [];

  /** All tags from 1 to this one are in the set; 0 for none. */
  get upTo(): number {
    const first = this.ranges[0];
    return first?.[0] === 1 ? first[1] : 0;
  }

  has(tag: number): boolean {
    const range = this.ranges[this.#indexAfter(tag) - 1];
    return range !== undefined && tag <= range[1];
  }

  /** False where the tag was in the set already. */
  add(tag: number): boolean {
    const { ranges } = this;
    const index = this.#indexAfter(tag);
    const before = ranges[index - 1];
    const after = ranges[index];
    if (before && tag <= before[1]) return false;
    const joinsBefore = before?.[1] === tag - 1;
    const joinsAfter = after?.[0] === tag + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      ranges.splice(index, 1);
    } else if (joinsBefore) before[1] = tag;
    else if (joinsAfter) after[0] = tag;
    else ranges.splice(index, 0, [tag, tag]);
    return true;
  }

  /** Ranges of the tags above `tag`; the set is not changed. */
  above(tag: number): [number, number][] {
    return this.ranges.filter(([, to]) => to > tag).map(([from, to]) => [Math.max(from, tag + 1), to]);
  }

  clear(): void {
    this.ranges.length = 0;
  }

  /** Index of the first range that begins above `tag`. */
  #indexAfter(tag: number): number {
    let low = 0;
    let high = this.ranges.length;
    const last = this.ranges[high - 1];
    if (last && last[0] <= tag) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ranges[middle]![0] <= tag) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
