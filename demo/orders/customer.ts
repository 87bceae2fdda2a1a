/**
 * One customer: a connection of its own, bound to its own key only. The list of its orders is read from the hub's log, so it
 * is the same after a reload, and after the hub was killed.
 */
import {
  connect,
  type EventOf,
  type GapEvent,
  type Hub,
  type HubEvents,
  RinghubError,
} from '@ringhub/client';
import { Changes } from '../shared/changes.ts';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import { SocketLine } from '../shared/severable-socket.ts';
import {
  type Article,
  CHARGES,
  keyOf,
  type Messages,
  NOTICES,
  ORDERS,
  type Order,
  openShop,
  textOf,
} from '../shared/shop.ts';
import { CustomerMemory } from './customer-memory.ts';
import { OrderBook } from './order-book.ts';

/** Orders of one customer that a page keeps. */
const MAX_ORDERS = 200;
export const BACKOFF = { minMs: 150, maxMs: 800 };
export const RETRY_MS = 2_000;

export class Customer {
  readonly changes = new Changes();
  readonly line = new SocketLine();
  readonly name: string;
  readonly key: string;
  readonly book: OrderBook;
  state: HubEvents['state']['state'] = 'connecting';
  isReady = false;
  problem = '';
  /** What happened to the hub's memory. */
  note = '';
  readonly #memory: CustomerMemory;
  readonly #abort = new AbortController();
  #hub: Hub<Messages> | undefined;

  constructor(slot: string, othersNames: readonly string[]) {
    this.#memory = new CustomerMemory(slot, othersNames);
    const { key, name, confirmed, unconfirmed } = this.#memory.now;
    this.key = key;
    this.name = name;
    this.book = new OrderBook(key);
    for (const known of confirmed) this.book.confirm(known);
    for (const order of unconfirmed) this.book.place(order);
  }

  get isOffline(): boolean {
    return this.isReady && this.state !== 'online' && this.state !== 'draining';
  }

  get isFull(): boolean {
    return this.book.size >= MAX_ORDERS;
  }

  async join(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const hub = await connect<Messages>(hubUrl(), {
        client: this.name,
        backoff: BACKOFF,
        getToken: fetchDevToken,
        signal,
        WebSocket: this.line.WebSocket,
      });
      this.#hub = hub;
      this.state = 'online';
      hub.addEventListener('state', ({ state }) => {
        this.state = state;
        this.changes.tell();
      });
      await openShop(hub);
      await this.#follow(hub);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RinghubError && error.name === 'bad-cursor') this.#beginAnew();
      else this.problem = textOf(error);
      this.changes.tell();
      void this.#hub?.close();
      setTimeout(() => signal.aborted || void this.join(), RETRY_MS);
    }
  }

  leave(): void {
    this.#abort.abort();
    void this.#hub?.close();
  }

  /** Somebody else from now on. */
  replace(): void {
    this.#memory.forget();
    location.reload();
  }

  order({ name: article, kind, price }: Article, quantity: number): void {
    if (this.isFull) return;
    const { key: customer, name } = this;
    const id = crypto.randomUUID().slice(0, 13);
    const order = { id, customer, name, kind, article, quantity, total: price * quantity };
    this.book.place(order);
    this.#remember();
    if (this.#hub) this.#send(this.#hub, order);
  }

  async #follow(hub: Hub<Messages>): Promise<void> {
    const { start } = this.#memory.now;
    this.book.rewind();
    const subscription = await hub.subscribe({
      bindings: [
        [ORDERS, `*.${this.key}`],
        [CHARGES, this.key],
        [NOTICES, this.key],
      ],
      since: start === null ? 'live' : { cursor: start },
      // The list is made of the log: nothing of it may give way.
      overflow: 'catch-up',
    });
    this.#memory.keep({ start: start ?? subscription.cursor });
    this.isReady = true;
    this.problem = '';
    // Sent once more under its id, an order that did get through is a duplicate.
    for (const order of this.book.unconfirmed) this.#send(hub, order);
    this.changes.tell();
    for await (const event of subscription) {
      if (this.#memory.now.start === null) this.#memory.keep({ start: subscription.cursor });
      this.#take(event);
      this.changes.tell();
    }
  }

  #take(event: EventOf<Messages, typeof ORDERS | typeof CHARGES | typeof NOTICES>): void {
    if (event.kind === 'gap') this.#lose(event);
    if (event.kind !== 'message') return;
    const { position } = event;
    if (event.exchange === ORDERS) this.book.ordered(event.data, position);
    else if (event.exchange === CHARGES) this.book.charged(event.data, position);
    else this.book.notified(event.data, position);
  }

  #lose({ reason, ranges }: GapEvent): void {
    if (reason === 'epoch' || ranges.some((range) => range.reason === 'epoch')) this.#beginAnew();
    else for (const { to } of ranges) this.book.forgetBefore((to ?? -1) + 1);
    this.#remember();
  }

  /** The log is another one: the hub keeps no data, or has got another folder. */
  #beginAnew(): void {
    const { done, work, failed } = this.book.counts;
    if (done + work + failed > 0)
      this.note = 'The hub was started without the data it had: its orders of before are gone.';
    this.book.forget();
    this.#memory.keep({ start: null });
    this.#remember();
  }

  #send(hub: Hub<Messages>, order: Order): void {
    hub.publish(ORDERS, keyOf(order), order, { id: order.id }).then(
      ({ position: { epoch, offset } }) => {
        this.book.confirm({ order, epoch, offset });
        this.#remember();
      },
      (error: unknown) => {
        if (this.#abort.signal.aborted) return;
        // With its id it may be sent again, whatever became of it.
        if (error instanceof RinghubError && error.name === 'outcome-unknown') return this.#send(hub, order);
        if (error instanceof RinghubError && error.name === 'closed') return;
        this.problem = textOf(error);
        this.book.withdraw(order.id);
        this.#remember();
      },
    );
  }

  #remember(): void {
    const { confirmed, unconfirmed } = this.book;
    this.#memory.keep({ confirmed, unconfirmed });
    this.changes.tell();
  }
}
