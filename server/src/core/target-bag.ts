/**
 * A multiset of targets: each distinct one stands once in a dense array, with how many times it was added.
 *
 * It holds the bindings of one pattern (count: how often that binding was made) and the result for one key
 * (count: how many patterns lead to that target). Up to {@link LINEAR} targets are searched through; an index
 * is built when a larger bag is first searched, so that one which is only copied and read never has it.
 * Removing moves the last target into the hole: the order means nothing.
 */
const LINEAR = 16;

/** About what one target costs in memory, without and with its place in an index. */
const TARGET_BYTES = 16;
const INDEXED_TARGET_BYTES = 64;

export class TargetBag<T extends object> {
  readonly targets: T[];
  /** Absent while every count is 1, which is nearly always. */
  #counts: number[] | undefined;
  #index: Map<T, number> | undefined;

  /** Holds each of `targets` once; they must be distinct. The array is copied. */
  constructor(targets: readonly T[] = []) {
    this.targets = targets.slice();
  }

  get size(): number {
    return this.targets.length;
  }

  /** An estimate. */
  get bytes(): number {
    return this.size * (this.size > LINEAR ? INDEXED_TARGET_BYTES : TARGET_BYTES);
  }

  /** True where the target was not in the bag. */
  add(target: T): boolean {
    const at = this.#find(target);
    if (at >= 0) {
      this.#counts ??= this.targets.map(() => 1);
      this.#counts[at] = (this.#counts[at] as number) + 1;
      return false;
    }
    this.#index?.set(target, this.targets.length);
    this.targets.push(target);
    this.#counts?.push(1);
    return true;
  }

  /** Takes back one `add`; true where it was the last one, and the target is gone. */
  remove(target: T): boolean {
    const at = this.#find(target);
    if (at < 0) return false;
    const count = this.#counts?.[at] ?? 1;
    if (this.#counts && count > 1) {
      this.#counts[at] = count - 1;
      return false;
    }
    this.#removeAt(at, target);
    return true;
  }

  #removeAt(at: number, target: T): void {
    const lastTarget = this.targets.pop() as T;
    const lastCount = this.#counts?.pop() ?? 1;
    this.#index?.delete(target);
    if (at === this.targets.length) return;
    this.targets[at] = lastTarget;
    if (this.#counts) this.#counts[at] = lastCount;
    this.#index?.set(lastTarget, at);
  }

  #find(target: T): number {
    if (this.targets.length <= LINEAR) {
      this.#index = undefined;
      return this.targets.indexOf(target);
    }
    this.#index ??= new Map(this.targets.map((t, i) => [t, i]));
    return this.#index.get(target) ?? -1;
  }
}
