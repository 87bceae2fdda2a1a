/**
 * The two exchanges of the shop and what they carry.
 *
 *     orders   topic    <shop>.goods, <shop>.voucher   an order; each service binds what concerns it
 *     notices  direct   <customer>                     what a service tells one customer; nobody else is bound to the key
 *
 * Each tab is a shop with services of its own, so that two tabs do not work on each other's orders; customers may
 * come to it from other tabs.
 */

export const ORDERS = 'orders';
export const NOTICES = 'notices';

export type Kind = 'goods' | 'voucher';

export interface Article {
  readonly name: string;
  readonly kind: Kind;
  readonly price: number;
}

export const ARTICLES: readonly Article[] = [
  { name: 'Teapot', kind: 'goods', price: 24 },
  { name: 'Garden chair', kind: 'goods', price: 59 },
  { name: 'Gift voucher', kind: 'voucher', price: 30 },
];

export interface Order {
  readonly id: string;
  /** The key under which this customer listens. */
  readonly customer: string;
  readonly name: string;
  readonly article: string;
  readonly quantity: number;
  readonly total: number;
}

export type ServiceName = 'stock' | 'payment' | 'mail';

export interface Notice {
  readonly order: string;
  /** Whom it is for, so that a customer can check that it is. */
  readonly customer: string;
  readonly from: ServiceName;
  readonly text: string;
}

/** Which exchange carries what. */
export interface Messages {
  readonly [ORDERS]: Order;
  readonly [NOTICES]: Notice;
}

export interface ServicePlan {
  readonly name: ServiceName;
  readonly title: string;
  /** What it binds, below the key of the shop. */
  readonly pattern: Kind | '*';
  readonly tookMs: number;
  readonly answer: (order: Order) => string;
}

export const SERVICES: readonly ServicePlan[] = [
  {
    name: 'stock',
    title: 'Stock',
    pattern: 'goods',
    tookMs: 500,
    answer: ({ quantity, article }) => `${quantity} × ${article} set aside`,
  },
  {
    name: 'payment',
    title: 'Payment',
    pattern: '*',
    tookMs: 300,
    answer: ({ total }) => `€ ${total} received`,
  },
  {
    name: 'mail',
    title: 'Mail',
    pattern: '*',
    tookMs: 150,
    answer: ({ name }) => `confirmation sent to ${name}`,
  },
];

export const concerns = (plan: ServicePlan, kind: Kind): boolean =>
  plan.pattern === '*' || plan.pattern === kind;

export const BACKOFF = { minMs: 150, maxMs: 800 };
export const RETRY_MS = 2_000;

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
