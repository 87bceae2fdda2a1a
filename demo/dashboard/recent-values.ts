/** The last values of things that come and go by name, for sparklines. */
export class RecentValues {
  readonly #values = new Map<string, number[]>();

  constructor(private readonly kept: number) {}

  /** What is not among these is gone, and forgotten. */
  add(now: ReadonlyMap<string, number>): void {
    for (const name of this.#values.keys()) if (!now.has(name)) this.#values.delete(name);
    for (const [name, value] of now) {
      const values = this.#values.get(name) ?? [];
      values.push(value);
      if (values.length > this.kept) values.shift();
      this.#values.set(name, values);
    }
  }

  of(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }
}
