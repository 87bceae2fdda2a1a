/**
 * A map that knows its oldest entry: what bounded memories forget first.
 *
 * A `Map` keeps the order of insertion, too, but what is deleted at its front stays in its table until that is made anew,
 * and each look for the first entry passes over all of that: with 10,000 entries 8 µs a time, with 500,000 a millisecond.
 */
import { type Linked, OldestFirstList } from './oldest-first-list.ts';

export class OldestFirstMap<K, V> implements Iterable<Dated<K, V>> {
  private readonly byKey = new Map<K, Dated<K, V>>();
  private readonly order = new OldestFirstList<Dated<K, V>>();

  get size(): number {
    return this.byKey.size;
  }

  /** The entry that was put longest ago. */
  get oldest(): Dated<K, V> | undefined {
    return this.order.oldest;
  }

  get(key: K): V | undefined {
    return this.byKey.get(key)?.value;
  }

  /** Puts a value under a key; the entry is the newest from now on. */
  put(key: K, value: V): void {
    let entry = this.byKey.get(key);
    if (entry === undefined) {
      entry = new Dated(key, value);
      this.byKey.set(key, entry);
      this.order.append(entry);
    } else {
      entry.value = value;
      this.order.renew(entry);
    }
  }

  /** Returns whether there was such an entry. */
  delete(key: K): boolean {
    const entry = this.byKey.get(key);
    if (entry === undefined) return false;
    this.byKey.delete(key);
    this.order.remove(entry);
    return true;
  }

  /** Oldest first; the entry that is being looked at may be deleted. */
  [Symbol.iterator](): Iterator<Dated<K, V>> {
    return this.order[Symbol.iterator]();
  }
}

class Dated<K, V> implements Linked<Dated<K, V>> {
  older: Dated<K, V> | undefined = undefined;
  newer: Dated<K, V> | undefined = undefined;

  constructor(
    readonly key: K,
    public value: V,
  ) {}
}
