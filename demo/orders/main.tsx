import { render } from 'preact';
import { Customer } from './customer.ts';
import { OrdersPage } from './orders-page.tsx';
import { Workshop } from './workshop.ts';

/** `?guest=<id>`: one more customer; without, the two of this browser. */
const asked = new URLSearchParams(location.search).get('guest') ?? '';
const isGuest = /^[\da-f]{6}$/.test(asked);
const slots = isGuest ? [`guest-${asked}`] : ['first', 'second'];

const customers: Customer[] = [];
for (const slot of slots)
  customers.push(
    new Customer(
      slot,
      customers.map(({ name }) => name),
    ),
  );
const workshop = new Workshop();

void workshop.start();
for (const customer of customers) void customer.join();
addEventListener('pagehide', () => {
  for (const customer of customers) customer.leave();
  workshop.stop();
});
// Coming back from the back/forward cache would show a page without a connection.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

const page = <OrdersPage customers={customers} workshop={workshop} isGuest={isGuest} />;
render(page, document.getElementById('app')!);
