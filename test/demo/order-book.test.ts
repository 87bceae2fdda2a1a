/** What the page says of its orders, from two memories that come in any order and more than once. */
import { describe, expect, it } from 'vitest';
import { OrderBook } from '../../demo/orders/order-book.ts';
import type { Notice, Order, ServiceName } from '../../demo/shared/shop.ts';

const order = (id: string, kind: Order['kind'] = 'goods'): Order => ({
  id,
  customer: 'ada',
  name: 'Ada',
  kind,
  article: 'Teapot',
  quantity: 1,
  total: 24,
});

const notice = (of: string, from: ServiceName, more: Partial<Notice> = {}): Notice => ({
  order: of,
  customer: 'ada',
  from,
  text: '',
  failed: false,
  attempt: 1,
  ...more,
});

const at = (offset: number, epoch = 'e1') => ({ epoch, offset });

describe('an order', () => {
  it('is sent, in work once the hub has it, and done when all it concerns have told', () => {
    const book = new OrderBook('ada');
    book.place(order('a'));
    expect(book.counts).toMatchObject({ sending: 1, work: 0 });
    book.confirm({ order: order('a'), ...at(4) });
    expect(book.counts).toMatchObject({ sending: 0, work: 1 });
    book.ordered(order('a'), at(4));
    book.notified(notice('a', 'mail'), at(5));
    book.notified(notice('a', 'payment'), at(6));
    expect(book.counts).toMatchObject({ work: 1, done: 0 });
    book.notified(notice('a', 'stock'), at(7));
    expect(book.counts).toEqual({ sending: 0, work: 0, done: 1, failed: 0, lost: 0 });
  });

  it('of a voucher concerns no stock, and has failed as soon as one says so', () => {
    const book = new OrderBook('ada');
    book.ordered(order('v', 'voucher'), at(1));
    book.ordered(order('a'), at(2));
    book.notified(notice('v', 'payment'), at(3));
    book.notified(notice('v', 'mail'), at(4));
    book.notified(notice('a', 'stock', { failed: true }), at(5));
    expect(book.counts).toMatchObject({ done: 1, failed: 1, work: 0 });
  });

  it('that was confirmed and that the log has passed without it is lost', () => {
    const book = new OrderBook('ada');
    book.confirm({ order: order('a'), ...at(4) });
    book.confirm({ order: order('b'), ...at(5) });
    book.ordered(order('b'), at(5));
    expect(book.counts).toMatchObject({ lost: 1, work: 1 });
    // What the log has been cut off before is not lost; nor what a log tells that has begun anew.
    book.forgetBefore(5);
    expect(book.counts).toMatchObject({ lost: 0, work: 1 });
    book.rewind();
    book.ordered(order('c'), at(9, 'e2'));
    expect(book.counts).toMatchObject({ lost: 0 });
  });

  it('is the same after the log was read once more', () => {
    const book = new OrderBook('ada');
    const read = () => {
      book.ordered(order('a'), at(1));
      book.charged({ order: 'a', amount: 24 }, at(2));
      for (const from of ['stock', 'payment', 'mail'] as const) book.notified(notice('a', from), at(3));
    };
    book.confirm({ order: order('a'), ...at(1) });
    read();
    const before = { orders: book.orders, counts: book.counts, received: book.received };
    book.rewind();
    expect(book.counts).toMatchObject({ work: 1, done: 0 });
    read();
    expect({ orders: book.orders, counts: book.counts, received: book.received }).toEqual(before);
    expect(book.orders[0]!.charges).toBe(1);
  });
});

describe('the book', () => {
  it('counts what was told twice, and what was meant for somebody else', () => {
    const book = new OrderBook('ada');
    book.ordered(order('a'), at(1));
    book.notified(notice('a', 'mail'), at(2));
    book.notified(notice('a', 'mail'), at(3));
    book.notified(notice('x', 'mail', { customer: 'ben' }), at(4));
    expect([book.received, book.repeated, book.foreign]).toEqual([2, 1, 1]);
  });

  it('of a log that is gone keeps only what was never confirmed', () => {
    const book = new OrderBook('ada');
    book.confirm({ order: order('a'), ...at(1) });
    book.ordered(order('b'), at(2));
    book.place(order('c'));
    book.forget();
    expect(book.orders.map((placed) => [placed.order.id, placed.fate])).toEqual([['c', 'sending']]);
    expect(book.unconfirmed).toHaveLength(1);
    expect(book.confirmed).toEqual([]);
  });
});
