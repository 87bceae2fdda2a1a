/**
 * Entries in memory in the order of their keys. A key is kept as a string of one character per byte: those compare
 * as the bytes do.
 */
import type { RangeOptions, StoreEntry, StoreWrite } from '../ports/store.ts';

export class SortedEntries {
  bytes = 0;

  private readonly values = new Map<string, Uint8Array>();
  private readonly keys: string[] = [];

  get count(): number {
    return this.keys.length;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.values.get(textOf(key))?.slice();
  }

  /** Copies of the entries with from <= key < to; an end left out is open. */
  range(
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
    { limit, reverse = false, maxBytes = Number.POSITIVE_INFINITY }: RangeOptions,
  ): StoreEntry[] {
    const first = from ? this.indexOf(textOf(from)) : 0;
    const end = to ? this.indexOf(textOf(to)) : this.keys.length;
    const count = Math.min(Math.max(0, limit), Math.max(0, end - first));
    const keys = reverse
      ? this.keys.slice(end - count, end).reverse()
      : this.keys.slice(first, first + count);
    let bytes = 0;
    const reaches = keys.findIndex((key) => {
      bytes += this.values.get(key)!.length;
      return bytes >= maxBytes;
    });
    const taken = reaches < 0 ? keys : keys.slice(0, reaches + 1);
    return taken.map((key) => ({ key: bytesOf(key), value: this.values.get(key)!.slice() }));
  }

  /** Values are kept as they are given. */
  apply(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      const text = textOf(key);
      const before = this.values.get(text);
      const at = this.indexOf(text);
      if (before) this.bytes -= text.length + before.length;
      if (value) {
        this.bytes += text.length + value.length;
        this.values.set(text, value);
        if (!before) this.keys.splice(at, 0, text);
      } else if (before) {
        this.values.delete(text);
        this.keys.splice(at, 1);
      }
    }
  }

  /** Where the key is, or would be. */
  private indexOf(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const textOf = (key: Uint8Array): string => String.fromCharCode(...key);
const bytesOf = (key: string): Uint8Array => Uint8Array.from(key, (character) => character.charCodeAt(0));
