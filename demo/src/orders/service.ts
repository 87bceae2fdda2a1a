/**
 * What a worker does with the orders of its queue. It may die at any point, so an order may come to it, or to another
 * one, a second time. Nothing is done twice nevertheless, and nothing is left out:
 *
 *     1  the order comes              dies here: it comes again
 *     2  the bank is asked            with the order's id: asked again, it charges nothing more
 *     3  the customer is told         under an id made of order and service: told again, the hub drops the second one
 *     4  the order is acknowledged    only now: what was told cannot be forgotten, as `publish` resolves once it is stored
 *
 * A service of your own keeps such ids where its effects are: a unique index in its database, the idempotency key of
 * the bank's API. The hub remembers an id for an hour (PROTOCOL §11).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from '@ringhub/client';
import { consume, type QueueMessage } from '@ringhub/client/queues';
import {
  CHARGES,
  FAILED_QUEUE,
  type Messages,
  NOTICES,
  type Order,
  SERVICES,
  type ServiceName,
  type ServicePlan,
  SLOW_BANK_TOTAL,
  SOLD_OUT,
  textOf,
  WORKERS,
  type WorkerStatus,
} from '../../shared/shop.ts';

export class Service {
  readonly #hub: Hub<Messages>;
  readonly #plan: ServicePlan;
  readonly #process: Omit<WorkerStatus, 'working'>;
  #working: WorkerStatus['working'] = null;

  constructor(hub: Hub<Messages>, plan: ServicePlan, process: Omit<WorkerStatus, 'working'>) {
    this.#hub = hub;
    this.#plan = plan;
    this.#process = process;
  }

  /** Goes on until a queue is gone or the hub refuses this worker for good: then it rejects. */
  async run(): Promise<void> {
    this.tell();
    const failures = this.#plan.name === 'mail' ? [this.#each(FAILED_QUEUE, this.#writeOff)] : [];
    await Promise.all([this.#each(this.#plan.queue, this.#handle), ...failures]);
  }

  /** Says what it is doing, to whoever watches. */
  tell(): void {
    const status = { ...this.#process, working: this.#working };
    this.#hub.publish(WORKERS, this.#plan.name, status).catch(warn);
  }

  /**
   * One order at a time. `onLost: 'requeue'`: what this worker had in hand when it died is for others at once, as nobody
   * comes back for it.
   */
  async #each(queue: string, handle: (message: QueueMessage<Order>) => Promise<void>): Promise<void> {
    const messages = await consume<Order>(this.#hub, queue, {
      ack: 'manual',
      prefetch: 1,
      onLost: 'requeue',
    });
    for await (const message of messages) {
      try {
        await handle(message);
      } catch (error) {
        // Something that may go better next time: the queue's `retry` says when, its `deliveryLimit` how often.
        warn(error);
        message.nack();
      }
    }
  }

  readonly #handle = async (message: QueueMessage<Order>): Promise<void> => {
    const order = orderOf(message);
    // Nobody can work on this, now or later: a dead letter at once.
    if (!order) return message.reject();
    const { attempt } = message;
    this.#working = { name: order.name, what: `${order.quantity} × ${order.article}`, attempt };
    this.tell();
    try {
      await this.#work(order, message);
    } finally {
      this.#working = null;
      this.tell();
    }
  };

  async #work(order: Order, message: QueueMessage<Order>): Promise<void> {
    const { name, tookMs } = this.#plan;
    const { attempt } = message;
    const isSlow = name === 'payment' && order.total >= SLOW_BANK_TOTAL && attempt === 1;
    const isCharged = name === 'payment' && !isSlow && (await this.#charge(order));
    await sleep(tookMs);
    if (isSlow) return message.nack();
    if (name === 'stock' && order.article === SOLD_OUT) return message.reject();
    await this.#notify(order, name, { text: doneText(name, order, isCharged), attempt });
    message.ack();
  }

  /** Returns whether an attempt before had done it. */
  async #charge({ id, customer, total }: Order): Promise<boolean> {
    const charge = { order: id, amount: total };
    const receipt = await this.#hub.publish(CHARGES, customer, charge, { id: `charge-${id}` });
    return receipt.duplicate;
  }

  /** What a queue has given up: its customer gets to know of it. */
  readonly #writeOff = async (message: QueueMessage<Order>): Promise<void> => {
    const order = orderOf(message);
    const [death] = message.xDeath;
    const from = SERVICES.find(({ queue }) => queue === death?.queue)?.name;
    if (order && from) {
      const text = death?.reason === 'rejected' ? 'sold out, money goes back' : 'given up, money goes back';
      await this.#notify(order, from, { text, failed: true });
    }
    message.ack();
  };

  /** Once for an order and a service: what was told first counts. */
  async #notify(
    { id, customer }: Order,
    from: ServiceName,
    { text, failed = false, attempt = 1 }: { text: string; failed?: boolean; attempt?: number },
  ): Promise<void> {
    const notice = { order: id, customer, from, text, failed, attempt };
    await this.#hub.publish(NOTICES, customer, notice, { id: `${id}-${from}` });
  }
}

function doneText(
  service: ServiceName,
  { quantity, article, total, name }: Order,
  isCharged: boolean,
): string {
  switch (service) {
    case 'stock':
      return `${quantity} × ${article} set aside`;
    case 'payment':
      return `€ ${total} received${isCharged ? ', charged once' : ''}`;
    case 'mail':
      return `confirmation sent to ${name}`;
  }
}

/** Whoever may publish may publish anything: what is no order is `undefined`. */
function orderOf(message: QueueMessage<Order>): Order | undefined {
  try {
    const { id, customer, name, article, quantity, total } = message.data;
    const texts = [id, customer, name, article].every((text) => typeof text === 'string');
    return texts && Number.isFinite(quantity) && Number.isFinite(total) ? message.data : undefined;
  } catch {
    return undefined;
  }
}

const warn = (error: unknown): void => console.error(`the ${process.argv[2]} worker: ${textOf(error)}`);
