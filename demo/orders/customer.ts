/**
 * One customer: a connection of its own, the orders it placed and what it was told of them. It is bound to its own key
 * only; every notice says whom it is for, so that the page can count those that are for somebody else.
 */
import { connect, type Hub, type HubEvents, type Message } from '@ringhub/client';
import { Changes } from '../shared/changes.ts';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import { SocketLine } from '../shared/severable-socket.ts';
import {
  type Article,
  BACKOFF,
  concerns,
  type Kind,
  type Messages,
  NOTICES,
  type Notice,
  ORDERS,
  type Order,
  RETRY_MS,
  SERVICES,
  type ServiceName,
  textOf,
} from './shop.ts';

export interface Placed {
  readonly order: Order;
  readonly kind: Kind;
  /** Whether the hub has taken it. */
  isTaken: boolean;
  problem: string;
  readonly told: ReadonlyMap<ServiceName, string>;
}

const MAX_ORDERS = 30;

export class Customer {
  readonly changes = new Changes();
  readonly line = new SocketLine();
  readonly name: string;
  readonly key: string;
  state: HubEvents['state']['state'] = 'connecting';
  isReady = false;
  problem = '';
  /** Newest first. */
  orders: readonly Placed[] = [];
  /** Notices for this customer, for others, and those that came twice or are missing. */
  received = 0;
  foreign = 0;
  lost = 0;
  readonly #shop: string;
  readonly #abort = new AbortController();
  #count = 0;
  #hub: Hub<Messages> | undefined;

  constructor(name: string, shop: string) {
    this.name = name;
    this.#shop = shop;
    this.key = `customer.${crypto.randomUUID().slice(0, 8)}`;
  }

  get isOffline(): boolean {
    return this.isReady && this.state !== 'online' && this.state !== 'draining';
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
      await hub.declareExchange(ORDERS, { type: 'topic' });
      await hub.declareExchange(NOTICES, { type: 'direct' });
      const subscription = await hub.subscribe(NOTICES, this.key);
      this.isReady = true;
      this.problem = '';
      this.changes.tell();
      for await (const event of subscription) {
        if (event.kind === 'message') this.#notice(event);
        if (event.kind === 'gap') this.lost += event.count ?? 1;
        this.changes.tell();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.problem = textOf(error);
      this.changes.tell();
      void this.#hub?.close();
      setTimeout(() => signal.aborted || void this.join(), RETRY_MS);
    }
  }

  leave(): void {
    this.#abort.abort();
    void this.#hub?.close();
  }

  order({ name: article, kind, price }: Article, quantity: number): void {
    this.#count += 1;
    const id = `${this.key}-${this.#count}`;
    const order = { id, customer: this.key, name: this.name, article, quantity, total: price * quantity };
    const placed: Placed = { order, kind, isTaken: false, problem: '', told: new Map() };
    this.orders = [placed, ...this.orders].slice(0, MAX_ORDERS);
    this.changes.tell();
    // Nobody in the shop is a shop that is closed: better told than kept in silence.
    this.#hub?.publish(ORDERS, `${this.#shop}.${kind}`, order, { id, mandatory: true }).then(
      () => this.#change(id, (now) => ({ ...now, isTaken: true })),
      (error) => this.#change(id, (now) => ({ ...now, problem: textOf(error) })),
    );
  }

  /** Notices that the orders taken so far should bring. */
  get expected(): number {
    const taken = this.orders.filter(({ isTaken }) => isTaken);
    return taken.reduce(
      (sum, { kind }) => sum + SERVICES.filter((service) => concerns(service, kind)).length,
      0,
    );
  }

  #notice({ data }: Message<Notice>): void {
    if (data.customer !== this.key) {
      this.foreign += 1;
      return;
    }
    this.received += 1;
    this.#change(data.order, (placed) => ({
      ...placed,
      told: new Map([...placed.told, [data.from, data.text]]),
    }));
  }

  #change(id: string, change: (placed: Placed) => Placed): void {
    this.orders = this.orders.map((placed) => (placed.order.id === id ? change(placed) : placed));
    this.changes.tell();
  }
}
