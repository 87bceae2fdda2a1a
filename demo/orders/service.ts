/**
 * One service of the shop: a client of its own that takes the orders it binds, one after the other, and tells their
 * customers. An order counts as done once its customer's notice is confirmed; should it come again after that, the
 * notice's id keeps the hub from telling the customer twice.
 */
import { connect, type Hub, type Subscription } from '@ringhub/client';
import { Changes } from '../shared/changes.ts';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import {
  BACKOFF,
  type Messages,
  NOTICES,
  ORDERS,
  type Order,
  RETRY_MS,
  type ServicePlan,
  textOf,
} from './shop.ts';

const RECENT = 4;

export class Service {
  readonly changes = new Changes();
  readonly plan: ServicePlan;
  readonly pattern: string;
  handled = 0;
  /** The last orders, newest first. */
  recent: readonly { readonly order: Order; readonly isDone: boolean }[] = [];
  isReady = false;
  isPaused = false;
  problem = '';
  readonly #shop: string;
  readonly #abort = new AbortController();
  #hub: Hub<Messages> | undefined;
  #subscription: Subscription | undefined;
  /** Up to where all orders are done: where to go on after a failure. */
  #cursor: string | null = null;

  constructor(plan: ServicePlan, shop: string) {
    this.plan = plan;
    this.#shop = shop;
    this.pattern = `${shop}.${plan.pattern}`;
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const hub = await connect<Messages>(hubUrl(), {
        client: `${this.plan.name} of ${this.#shop}`,
        backoff: BACKOFF,
        getToken: fetchDevToken,
        signal,
      });
      this.#hub = hub;
      await hub.declareExchange(ORDERS, { type: 'topic' });
      await hub.declareExchange(NOTICES, { type: 'direct' });
      const subscription = await hub.subscribe(ORDERS, this.pattern, {
        since: this.#cursor === null ? 'live' : { cursor: this.#cursor },
      });
      this.#subscription = subscription;
      this.isReady = true;
      this.changes.tell();
      for await (const event of subscription) if (event.kind === 'message') await this.#handle(event.data);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = textOf(error);
      this.changes.tell();
      this.#cursor = this.#subscription?.cursor ?? null;
      void this.#hub?.close();
      setTimeout(() => signal.aborted || void this.start(), RETRY_MS);
    }
  }

  stop(): void {
    this.#abort.abort();
    void this.#hub?.close();
  }

  /** Paused, it takes nothing: its orders wait in its ring on the hub. The others do not notice. */
  togglePause(): void {
    this.isPaused = !this.isPaused;
    const change = this.isPaused ? this.#subscription?.pause() : this.#subscription?.resume();
    change?.catch((error) => {
      this.problem = textOf(error);
      this.changes.tell();
    });
    this.changes.tell();
  }

  async #handle(order: Order): Promise<void> {
    const { name, tookMs, answer } = this.plan;
    this.#show(order, false);
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    const notice = { order: order.id, customer: order.customer, from: name, text: answer(order) };
    await this.#hub!.publish(NOTICES, order.customer, notice, { id: `${order.id}-${name}` });
    this.handled += 1;
    this.problem = '';
    this.#show(order, true);
  }

  #show(order: Order, isDone: boolean): void {
    const others = this.recent.filter((shown) => shown.order.id !== order.id);
    this.recent = [{ order, isDone }, ...others].slice(0, RECENT);
    this.changes.tell();
  }
}
