/**
 * Bounded time series on one time axis: rows of named columns, the oldest fall off. Pure.
 *
 * A row opens with the values of the one before it, and later messages of the same tick fill in their columns, so
 * that metrics published one after the other stand at one time. `breakLine` leaves a hole.
 */
export class History {
  readonly #rows: number;
  #times: number[] = [];
  readonly #columns = new Map<string, (number | null)[]>();

  constructor(rows: number) {
    this.#rows = rows;
  }

  get length(): number {
    return this.#times.length;
  }

  openRow(timeMs: number): void {
    this.#times.push(timeMs / 1000);
    for (const column of this.#columns.values()) column.push(column.at(-1) ?? null);
    // Dropping half at a time moves the arrays seldom.
    if (this.#times.length > this.#rows * 1.5) {
      const extra = this.#times.length - this.#rows;
      this.#times = this.#times.slice(extra);
      for (const [name, column] of this.#columns) this.#columns.set(name, column.slice(extra));
    }
  }

  /** Sets a column of the newest row. */
  set(name: string, value: number | null): void {
    if (this.#times.length === 0) return;
    let column = this.#columns.get(name);
    if (!column) {
      column = new Array<number | null>(this.#times.length).fill(null);
      this.#columns.set(name, column);
    }
    column[column.length - 1] = value;
  }

  breakLine(): void {
    const last = this.#times.at(-1);
    if (last === undefined) return;
    this.openRow(last * 1000 + 0.01);
    for (const column of this.#columns.values()) column[column.length - 1] = null;
  }

  latest(name: string): number | null {
    return this.#columns.get(name)?.at(-1) ?? null;
  }

  /** The arrays themselves, for a chart: times in seconds, then each column that is asked for. */
  data(names: readonly string[]): [number[], ...(number | null)[][]] {
    const none = () => new Array<number | null>(this.#times.length).fill(null);
    return [this.#times, ...names.map((name) => this.#columns.get(name) ?? none())];
  }

  clear(): void {
    this.#times = [];
    this.#columns.clear();
  }
}
