/**
 * A map that knows its oldest entry: what bounded memories forget first.
 *
 *     byKey:   k1 ─┐   k2 ─┐   k3 ─┐
 *     oldest ─► [k1] ⇄ [k2] ⇄ [k3] ◄─ newest
 *
 * A `Map` keeps the order of insertion, too, but what is deleted at its front stays in its table until that is made anew,
 * and each look for the first entry passes over all of that: with 10,000 entries 8 µs a time, with 500,000 a millisecond.
 */
export class OldestFirstMap<K, V> implements Iterable<Dated<K, V>> {
  private readonly byKey = new Map<K, Dated<K, V>>();
  private first: Dated<K, V> | undefined;
  private last: Dated<K, V> | undefined;

  get size(): number {
    return this.byKey.size;
  }

  /** The entry that was put longest ago. */
  get oldest(): Dated<K, V> | undefined {
    return this.first;
  }

  get(key: K): V | undefined {
    return this.byKey.get(key)?.value;
  }

  /** Puts a value under a key; the entry is the newest from now on. */
  put(key: K, value: V): void {
    // Often the same key is put again and again.
    if (this.last !== undefined && this.last.key === key) {
      this.last.value = value;
      return;
    }
    let entry = this.byKey.get(key);
    if (entry === undefined) {
      entry = new Dated(key, value);
      this.byKey.set(key, entry);
    } else {
      entry.value = value;
      this.unlink(entry);
    }
    this.append(entry);
  }

  /** Returns whether there was such an entry. */
  delete(key: K): boolean {
    const entry = this.byKey.get(key);
    if (entry === undefined) return false;
    this.byKey.delete(key);
    this.unlink(entry);
    return true;
  }

  /** Oldest first; the entry that is being looked at may be deleted. */
  *[Symbol.iterator](): Generator<Dated<K, V>> {
    for (let entry = this.first; entry !== undefined; ) {
      const { newer } = entry;
      yield entry;
      entry = newer;
    }
  }

  private append(entry: Dated<K, V>): void {
    entry.older = this.last;
    entry.newer = undefined;
    if (this.last === undefined) this.first = entry;
    else this.last.newer = entry;
    this.last = entry;
  }

  private unlink({ older, newer }: Dated<K, V>): void {
    if (older === undefined) this.first = newer;
    else older.newer = newer;
    if (newer === undefined) this.last = older;
    else newer.older = older;
  }
}

class Dated<K, V> {
  older: Dated<K, V> | undefined = undefined;
  newer: Dated<K, V> | undefined = undefined;

  constructor(
    readonly key: K,
    public value: V,
  ) {}
}
