/**
 * The places in the store where groups of numbers lie, each taken by one group after the other:
 *
 *     place   0    1    2    3   …        next ─► 2: what lay there, group 258, is overwritten by group 386
 *     group  384  385  258  259
 *
 * Places, and not a row that is written in front and deleted behind: what that frees lies all over the file, and so does
 * what is written next, which a disk takes several times as long for. Who uses it sees that nothing is overwritten that
 * is needed. A place that cannot be read is left alone, so that the next start knows of it, too.
 */
import type { Store } from '../ports/store.ts';
import {
  decodeNumberGroup,
  encodeNumberGroup,
  type NumberGroup,
  type SessionNumbers,
} from './number-group.ts';
import { numberKey, sequenceOf, tableRange } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

/** More than any version has. */
const MAX_PLACES = 100_000;

export class NumberGroups {
  /** Number of the group to come. */
  next = 1;
  /** Places that have something. */
  private readonly taken = new Set<number>();
  private readonly damaged = new Set<number>();

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly places: number,
  ) {}

  get haveDamage(): boolean {
    return this.damaged.size > 0;
  }

  /** What there is at the start, in order. */
  read(): NumberGroup[] {
    const { from, to } = tableRange('numberGroups');
    const groups: NumberGroup[] = [];
    for (const { key, value } of this.store.range(from, to, { limit: MAX_PLACES })) {
      const read = decodeNumberGroup(value);
      const place = sequenceOf(key);
      if (read === 'corrupt') this.damaged.add(place);
      else {
        this.taken.add(place);
        groups.push(read);
      }
    }
    groups.sort((a, b) => a.group - b.group);
    this.next = (groups[groups.length - 1]?.group ?? 0) + 1;
    this.passDamaged();
    return groups;
  }

  /** The newest group that is overwritten by the one to come, or was before. */
  get overwritten(): number {
    return this.next - this.places;
  }

  put(atMs: number, sessions: readonly SessionNumbers[]): number {
    const group = this.next++;
    const place = group % this.places;
    this.taken.add(place);
    this.group.put(numberKey('numberGroups', place), encodeNumberGroup({ group, atMs, sessions }));
    this.passDamaged();
    return group;
  }

  /** None of them is needed. */
  clear(): void {
    this.remove(this.taken);
  }

  /** Nobody will ask for what the damaged ones had. */
  clearDamaged(): void {
    this.remove(this.damaged);
  }

  private remove(places: Set<number>): void {
    for (const place of places) this.group.put(numberKey('numberGroups', place), undefined);
    places.clear();
  }

  private passDamaged(): void {
    if (this.damaged.size >= this.places) this.damaged.clear();
    while (this.damaged.has(this.next % this.places)) this.next++;
  }
}
