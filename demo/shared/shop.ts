/**
 * The shop: its exchanges and queues, and what they carry. Its pages and its worker processes read it.
 *
 *     orders          topic    <kind>.<customer>   an order: a copy for each queue that has bound its key
 *       orders.stock    queue  goods.*             one worker process consumes each of them
 *       orders.payment  queue  *.*
 *       orders.mail     queue  *.*
 *     orders.dead     topic    <kind>.<customer>   what a queue has given up, or its worker has rejected
 *       orders.failed   queue  #                   the mail worker writes to those who wait for it
 *     charges         direct   <customer>          the bank's book: one charge for an order, however often it is asked
 *     notices         direct   <customer>          what became of an order, told to nobody but its customer
 *     orders.workers  topic    <service>           what a worker is doing
 *     orders.control  direct   <service>           asks a worker to kill itself
 *
 * All but the last two are durable, where the hub keeps data.
 */
import { type Hub, RinghubError } from '@ringhub/client';
import { bindQueue, declareQueue } from '@ringhub/client/queues';

export const ORDERS = 'orders';
export const DEAD = 'orders.dead';
export const CHARGES = 'charges';
export const NOTICES = 'notices';
export const WORKERS = 'orders.workers';
export const CONTROL = 'orders.control';
export const FAILED_QUEUE = 'orders.failed';

export type Kind = 'goods' | 'voucher';
export type ServiceName = 'stock' | 'payment' | 'mail';

export interface Order {
  readonly id: string;
  /** The key under which this customer listens; one word. */
  readonly customer: string;
  readonly name: string;
  readonly kind: Kind;
  readonly article: string;
  readonly quantity: number;
  readonly total: number;
}

export interface Charge {
  readonly order: string;
  readonly amount: number;
}

export interface Notice {
  readonly order: string;
  /** Whom it is for, so that a customer can check that it is. */
  readonly customer: string;
  readonly from: ServiceName;
  readonly text: string;
  /** The service could not do its part. */
  readonly failed: boolean;
  /** Of the delivery that led to it, from 1. */
  readonly attempt: number;
}

export interface WorkerStatus {
  readonly pid: number;
  /** The process that started it. */
  readonly hubPid: number;
  /** How many were started for this service since the hub began, this one included. */
  readonly start: number;
  readonly working: { readonly name: string; readonly what: string; readonly attempt: number } | null;
}

export interface KillRequest {
  /** Meant for this process only. */
  readonly pid: number;
}

/** Which exchange carries what. */
export interface Messages {
  readonly [ORDERS]: Order;
  readonly [DEAD]: Order;
  readonly [CHARGES]: Charge;
  readonly [NOTICES]: Notice;
  readonly [WORKERS]: WorkerStatus;
  readonly [CONTROL]: KillRequest;
}

export interface Article {
  readonly name: string;
  readonly kind: Kind;
  readonly price: number;
}

/** Not in stock: its orders are rejected there. */
export const SOLD_OUT = 'Moon lamp';
/** From this sum on the bank does not answer at the first attempt. */
export const SLOW_BANK_TOTAL = 100;

export const ARTICLES: readonly Article[] = [
  { name: 'Teapot', kind: 'goods', price: 24 },
  { name: 'Garden chair', kind: 'goods', price: 59 },
  { name: 'Gift voucher', kind: 'voucher', price: 30 },
  { name: SOLD_OUT, kind: 'goods', price: 80 },
];

export interface ServicePlan {
  readonly name: ServiceName;
  readonly title: string;
  readonly queue: string;
  /** What its queue binds. */
  readonly pattern: string;
  readonly tookMs: number;
}

export const SERVICES: readonly ServicePlan[] = [
  { name: 'stock', title: 'Stock', queue: 'orders.stock', pattern: 'goods.*', tookMs: 600 },
  { name: 'payment', title: 'Payment', queue: 'orders.payment', pattern: '*.*', tookMs: 450 },
  { name: 'mail', title: 'Mail', queue: 'orders.mail', pattern: '*.*', tookMs: 300 },
];

export const keyOf = ({ kind, customer }: Pick<Order, 'kind' | 'customer'>): string => `${kind}.${customer}`;

export const concerns = ({ pattern }: ServicePlan, kind: Kind): boolean =>
  pattern.startsWith('*') || pattern.startsWith(`${kind}.`);

/** An order may fail 5 times: killed with its worker, or put back by it. */
const DELIVERY_LIMIT = 4;

/**
 * Declares all of it, whoever comes first. Resolves with whether it is durable: `ringhub serve --data none` keeps nothing
 * on a disk, and there the shop lives as long as the hub.
 */
export async function openShop(hub: Hub<Messages>): Promise<boolean> {
  const durable = await hub.declareExchange(ORDERS, { type: 'topic', durable: true }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof RinghubError && error.detail.field === 'options.durable') return false;
      throw error;
    },
  );
  if (!durable) await hub.declareExchange(ORDERS, { type: 'topic' });
  await Promise.all([
    hub.declareExchange(DEAD, { type: 'topic', durable }),
    hub.declareExchange(CHARGES, { type: 'direct', durable }),
    hub.declareExchange(NOTICES, { type: 'direct', durable }),
    hub.declareExchange(WORKERS, { type: 'topic' }),
    hub.declareExchange(CONTROL, { type: 'direct' }),
  ]);
  const retry = { delayMs: 1_000, maxDelayMs: 10_000 };
  const options = { durable, deliveryLimit: DELIVERY_LIMIT, deadLetterExchange: DEAD, retry };
  await Promise.all([
    declareQueue(hub, FAILED_QUEUE, { durable }),
    ...SERVICES.map(({ queue }) => declareQueue(hub, queue, options)),
  ]);
  await Promise.all([
    bindQueue(hub, FAILED_QUEUE, DEAD, '#'),
    ...SERVICES.map(({ queue, pattern }) => bindQueue(hub, queue, ORDERS, pattern)),
  ]);
  return durable;
}

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
