/**
 * What was decided of a text lately, bounded: two generations, of which the older one is forgotten when the newer is full.
 * A question that comes again costs a look-up and allocates nothing.
 */
export class DecisionCache<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  /** @param max texts in each generation */
  constructor(
    private readonly max: number,
    private readonly decide: (text: string) => V,
  ) {}

  get(text: string): V {
    const known = this.young.get(text);
    if (known !== undefined) return known;
    const decided = this.old.get(text) ?? this.decide(text);
    if (this.young.size >= this.max) {
      const emptied = this.old;
      this.old = this.young;
      this.young = emptied;
      emptied.clear();
    }
    this.young.set(text, decided);
    return decided;
  }

  get size(): number {
    return this.young.size + this.old.size;
  }
}
