/**
 * A set of delivery tags as sorted, disjoint, inclusive ranges. Tags are mostly added in order, so the set is
 * mostly one range, and the place of a tag is looked for from the end.
 */

export class TagSet {
  /** Ascending, with at least one missing tag between neighbours. */
  readonly ranges: [from: number, to: number][] = [];

  /** All tags from 1 to this one are in the set; 0 for none. */
  get upTo(): number {
    const first = this.ranges[0];
    return first?.[0] === 1 ? first[1] : 0;
  }

  /** False where the tag was in the set already. */
  add(tag: number): boolean {
    const { ranges } = this;
    let index = ranges.length;
    while (index > 0 && ranges[index - 1]![0] > tag) index--;
    const before = ranges[index - 1];
    const after = ranges[index];
    if (before && tag <= before[1]) return false;
    const from = before?.[1] === tag - 1 ? before[0] : tag;
    const to = after?.[0] === tag + 1 ? after[1] : tag;
    const start = from < tag ? index - 1 : index;
    ranges.splice(start, (to > tag ? index + 1 : index) - start, [from, to]);
    return true;
  }

  /** Ranges of the tags above `tag`; the set is not changed. */
  above(tag: number): [number, number][] {
    return this.ranges.filter(([, to]) => to > tag).map(([from, to]) => [Math.max(from, tag + 1), to]);
  }
}
