/**
 * What the disk has to give back after a crash, kept beside it: records handed to it that nobody was told of, and the
 * definitions of durable exchanges after each change.
 *
 *     changes   … [n−1] [n: confirmed] [n+1] [n+2]        a restart finds the state after one of n … n+2, whole
 *     records   … shown, in the truth ┊ handed over       … and of these records all up to one
 */
import type { BindingSpec } from '@ringhub/protocol';
import { type BindingArguments, fromArguments } from '../../server/src/core/routing-table.ts';
import type { HubContext } from '../../server/src/hub/context.ts';
import { type Declared, type Incarnations, idOf, type Kept } from './reference-router.ts';
import type { Taken } from './truth.ts';

export class DiskBook {
  /** Counts declarations over all lives of the hub. */
  readonly incarnations: Incarnations = { last: 0 };
  /** The last crash has torn a transaction. */
  isTorn = false;
  /** Handed to the disk, and not shown to anybody yet: in order of offset. */
  appended: Taken[] = [];
  /** Incarnations that the hub has given to declarations. */
  readonly #given = new Map<Declared, number>();
  /** After each change that nobody may rely on yet; the first is confirmed. */
  #states: Kept[] = [{ exchanges: [], links: [] }];

  /** The hub has given an incarnation of its own to a declaration. */
  given(declared: Declared, incarnation: number): void {
    this.#given.set(declared, incarnation);
  }

  /** What is to be on the disk has changed. */
  changed(kept: Kept): void {
    this.#states.push(kept);
  }

  /** Call what it returns once everything up to now is confirmed. */
  get confirming(): () => void {
    const state = this.#states.at(-1)!;
    return () => {
      const at = this.#states.indexOf(state);
      if (at > 0) this.#states.splice(0, at);
    };
  }

  /** What a restarted hub has found, or `undefined` where that is no state which the disk may be in. */
  found({ exchanges }: HubContext): Kept | undefined {
    const names = [...exchanges].filter(({ log }) => log === 'd');
    const links = exchanges.exchangeBindings.filter(({ source }) => source.log === 'd');
    const text = textOf(
      names.map(({ name, incarnation }) => `${name} ${incarnation}`),
      links.map(({ source, destination, binding }) =>
        linkText(source.name, destination.name, specOf(source.name, binding)),
      ),
    );
    const kept = this.#states.findLast((state) => this.#textOf(state) === text);
    if (kept) this.#states = [kept];
    return kept;
  }

  #textOf({ exchanges, links }: Kept): string {
    return textOf(
      exchanges.map((declared) => `${declared.name} ${this.#given.get(declared)}`),
      links.map(({ exchange, destination, spec }) => linkText(exchange.name, destination.name, spec)),
    );
  }
}

function specOf(name: string, binding: BindingArguments): BindingSpec {
  const args = fromArguments(binding);
  return args ? [name, binding.key, args] : [name, binding.key];
}

const linkText = (source: string, destination: string, spec: BindingSpec): string =>
  `${idOf({ incarnation: 0, name: source }, spec)} to ${destination}`;

const textOf = (names: string[], links: string[]): string => JSON.stringify([names.sort(), links.sort()]);
