/**
 * What a browser keeps of a customer over reloads: who they are, from where on the log has their orders, what the hub has
 * confirmed and what it has not. All else is in the hub's log. Where the browser keeps nothing, each visit is a new one.
 */
import { freeName } from '../shared/people-names.ts';
import type { Order } from '../shared/shop.ts';
import type { Confirmed } from './order-book.ts';

export interface Remembered {
  readonly key: string;
  readonly name: string;
  /** Before the first order. */
  readonly start: string | null;
  readonly confirmed: readonly Confirmed[];
  readonly unconfirmed: readonly Order[];
}

export class CustomerMemory {
  readonly #place: string;
  #now: Remembered;

  /** @param slot which customer of this browser */
  constructor(slot: string, othersNames: readonly string[]) {
    this.#place = `ringhub.orders.${slot}`;
    this.#now = read(this.#place) ?? {
      key: crypto.randomUUID().slice(0, 8),
      name: freeName(othersNames),
      start: null,
      confirmed: [],
      unconfirmed: [],
    };
    this.keep({});
  }

  get now(): Remembered {
    return this.#now;
  }

  keep(change: Partial<Remembered>): void {
    this.#now = { ...this.#now, ...change };
    try {
      localStorage.setItem(this.#place, JSON.stringify(this.#now));
    } catch {
      // Full, or not permitted.
    }
  }

  forget(): void {
    try {
      localStorage.removeItem(this.#place);
    } catch {
      // Nothing was kept.
    }
  }
}

function read(place: string): Remembered | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(place) ?? 'null');
    const isWhole =
      typeof kept?.key === 'string' && Array.isArray(kept.confirmed) && Array.isArray(kept.unconfirmed);
    return isWhole ? kept : undefined;
  } catch {
    return undefined;
  }
}
