/**
 * The bindings that an application wants of one subscription, by its own book: each bind and unbind that was answered
 * counts; one that was not may or may not have been done. A resume has to ask for exactly these.
 */
import type { BindingSpec } from '@ringhub/protocol';
import { idOf } from './reference-router.ts';

interface Wish {
  readonly spec: BindingSpec;
  /** `undefined`: a change was refused, which leaves it to the client what it asks for. */
  isWanted: boolean | undefined;
  pending: number;
}

const nameOf = (spec: BindingSpec): string => idOf({ incarnation: 0, name: spec[0] }, spec);

export class BindingWishes {
  readonly #wishes = new Map<string, Wish>();

  constructor(first: readonly BindingSpec[]) {
    for (const spec of first) this.#wishes.set(nameOf(spec), { spec, isWanted: true, pending: 0 });
  }

  /** Those that are certainly wanted, at least one. */
  get bindings(): BindingSpec[] {
    const all = [...this.#wishes.values()];
    const wanted = all.filter(({ isWanted, pending }) => isWanted && pending === 0);
    return (wanted.length > 0 ? wanted : all).map(({ spec }) => spec);
  }

  /** A bind or unbind is under way. Call what it returns with how it ended. */
  change(type: 'bind' | 'unbind', spec: BindingSpec): (isDone: boolean) => void {
    const wish = this.#wishes.get(nameOf(spec)) ?? { spec, isWanted: false, pending: 0 };
    this.#wishes.set(nameOf(spec), wish);
    wish.pending++;
    return (isDone) => {
      wish.pending--;
      wish.isWanted = isDone ? type === 'bind' : undefined;
    };
  }

  /** What is wrong with asking for these. */
  faultOf(bindings: readonly BindingSpec[]): string | undefined {
    const asked = new Set(bindings.map(nameOf));
    const all = [...this.#wishes.values()];
    for (const name of asked) if (!this.#wishes.has(name)) return `with ${name}, which was never wanted`;
    for (const [name, { isWanted, pending }] of this.#wishes) {
      if (pending > 0 || isWanted === undefined || isWanted === asked.has(name)) continue;
      // The last one stays, also where two were taken back at the same time: a resume names one.
      if (!isWanted && asked.size === 1 && !all.some((wish) => wish.isWanted)) continue;
      return isWanted ? `without ${name}` : `with ${name}, which was taken back`;
    }
    return undefined;
  }
}
