/**
 * A list in order of age through its entries themselves: what bounded memories forget first is at its front.
 *
 *     oldest ─► [a] ⇄ [b] ⇄ [c] ◄─ newest
 *
 * An entry is in one such list at most. One that was taken out refers to no other any more: an old one that is garbage already
 * would keep all that came after it alive, until the next collection of everything.
 */
export interface Linked<E> {
  older: E | undefined;
  newer: E | undefined;
}

export class OldestFirstList<E extends Linked<E>> implements Iterable<E> {
  oldest: E | undefined;
  private newest: E | undefined;

  /** Takes an entry that is in no list; it is the newest from now on. */
  append(entry: E): void {
    entry.older = this.newest;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  /** Makes an entry the newest again. */
  renew(entry: E): void {
    if (entry === this.newest) return;
    this.remove(entry);
    this.append(entry);
  }

  remove(entry: E): void {
    const { older, newer } = entry;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    entry.older = undefined;
    entry.newer = undefined;
  }

  /** Oldest first; the entry that is being looked at may be removed. */
  *[Symbol.iterator](): Generator<E> {
    for (let entry = this.oldest; entry !== undefined; ) {
      const { newer } = entry;
      yield entry;
      entry = newer;
    }
  }
}
