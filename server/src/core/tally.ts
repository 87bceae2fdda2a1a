/**
 * How many of something each of many has: only those that have any are kept.
 */
export class Tally {
  private readonly counts = new Map<string, number>();

  /** How many have any. */
  get size(): number {
    return this.counts.size;
  }

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  /** Counts one more. */
  add(key: string): void {
    this.counts.set(key, this.of(key) + 1);
  }

  /** Counts one less. */
  remove(key: string): void {
    const count = this.of(key) - 1;
    if (count < 0) throw new Error('tally: removed once too often');
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }
}
