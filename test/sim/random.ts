/**
 * The one source of randomness of a run: sfc32, seeded. `fork` gives an independent stream by name, so that a change
 * in how one part draws leaves the others as they were.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed | 0;
    this.#a = this.#seed;
    this.#b = Math.imul(this.#seed ^ 0x9e3779b9, 0x85ebca6b);
    this.#c = Math.imul(this.#seed + 0x7f4a7c15, 0xc2b2ae35);
    for (let i = 0; i < 15; i++) this.next();
  }

  fork(name: string): Random {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Random(hash);
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  /** One of some things, each as likely as its weight. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let left = this.next() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return items[items.length - 1]![1];
  }
}
