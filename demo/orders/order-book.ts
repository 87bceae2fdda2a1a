/**
 * What became of one customer's orders, made of two memories that must agree: the page's own of what the hub has
 * confirmed, and the hub's log, read from the start at each visit. An order that was confirmed and that the log has
 * passed without showing it is lost. Pure; everything may come to it twice.
 */
import {
  type Charge,
  concerns,
  type Notice,
  type Order,
  SERVICES,
  type ServiceName,
} from '../shared/shop.ts';

export type Fate = 'sending' | 'work' | 'done' | 'failed' | 'lost';

export interface Placed {
  readonly order: Order;
  readonly fate: Fate;
  readonly told: ReadonlyMap<ServiceName, Notice>;
  readonly charges: number;
}

/** In which life of the log, and where in it, the hub has put something. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

export interface Confirmed extends Place {
  readonly order: Order;
}

interface Entry {
  readonly order: Order;
  /** Where the hub said that it is. */
  confirmed?: Place;
  isLogged: boolean;
  readonly told: Map<ServiceName, Notice>;
  charges: number;
}

export class OrderBook {
  readonly #customer: string;
  /** Oldest first; bounded by whoever places orders. */
  readonly #entries = new Map<string, Entry>();
  #seen: Place = { epoch: '', offset: -1 };
  /** Notices for this customer, for others, and those about something that was told already. */
  received = 0;
  foreign = 0;
  repeated = 0;

  constructor(customer: string) {
    this.#customer = customer;
  }

  /** The log is about to be read from the start once more. */
  rewind(): void {
    for (const [id, entry] of [...this.#entries]) {
      this.#entries.set(id, { ...entry, isLogged: false, told: new Map(), charges: 0 });
    }
    this.#seen = { epoch: '', offset: -1 };
    this.received = 0;
    this.foreign = 0;
    this.repeated = 0;
  }

  /** That life of the log is over, with all orders in it; what the hub has not confirmed yet goes to the next one. */
  forget(): void {
    for (const [id, { confirmed, isLogged }] of [...this.#entries])
      if (confirmed || isLogged) this.#entries.delete(id);
    this.rewind();
  }

  /** The log has been cut off in front of `offset`: what was confirmed before and is not known is no loss. */
  forgetBefore(offset: number): void {
    for (const [id, { confirmed, isLogged }] of [...this.#entries])
      if (!isLogged && confirmed && confirmed.offset < offset) this.#entries.delete(id);
  }

  place(order: Order): void {
    this.#entry(order);
  }

  withdraw(id: string): void {
    this.#entries.delete(id);
  }

  confirm({ order, epoch, offset }: Confirmed): void {
    this.#entry(order).confirmed = { epoch, offset };
  }

  /** An order as the log has it. */
  ordered(order: Order, place: Place): void {
    this.#seen = place;
    this.#entry(order).isLogged = true;
  }

  charged({ order }: Charge, place: Place): void {
    this.#seen = place;
    const entry = this.#entries.get(order);
    if (entry) entry.charges += 1;
  }

  notified(notice: Notice, place: Place): void {
    this.#seen = place;
    if (notice.customer !== this.#customer) {
      this.foreign += 1;
      return;
    }
    this.received += 1;
    const entry = this.#entries.get(notice.order);
    if (!entry) return;
    if (entry.told.has(notice.from)) this.repeated += 1;
    else entry.told.set(notice.from, notice);
  }

  /** Newest first. */
  get orders(): Placed[] {
    const placed = [...this.#entries.values()].map(
      (entry): Placed => ({
        order: entry.order,
        fate: this.#fateOf(entry),
        told: entry.told,
        charges: entry.charges,
      }),
    );
    return placed.reverse();
  }

  /** Orders by fate. */
  get counts(): Record<Fate, number> {
    const counts = { sending: 0, work: 0, done: 0, failed: 0, lost: 0 };
    for (const entry of this.#entries.values()) counts[this.#fateOf(entry)] += 1;
    return counts;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What a page has to keep, as the log cannot tell it. */
  get confirmed(): Confirmed[] {
    return [...this.#entries.values()].flatMap(({ order, confirmed }) =>
      confirmed ? [{ order, ...confirmed }] : [],
    );
  }

  get unconfirmed(): Order[] {
    return [...this.#entries.values()].flatMap(({ order, confirmed, isLogged }) =>
      confirmed || isLogged ? [] : [order],
    );
  }

  #entry(order: Order): Entry {
    let entry = this.#entries.get(order.id);
    if (!entry) {
      entry = { order, isLogged: false, told: new Map(), charges: 0 };
      this.#entries.set(order.id, entry);
    }
    return entry;
  }

  #fateOf({ order, confirmed, isLogged, told }: Entry): Fate {
    if (!isLogged) {
      if (!confirmed) return 'sending';
      const isPassed = confirmed.epoch === this.#seen.epoch && confirmed.offset < this.#seen.offset;
      return isPassed ? 'lost' : 'work';
    }
    const asked = SERVICES.filter((service) => concerns(service, order.kind));
    if (asked.some(({ name }) => told.get(name)?.failed)) return 'failed';
    return asked.every(({ name }) => told.has(name)) ? 'done' : 'work';
  }
}
