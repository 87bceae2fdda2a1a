import { render } from 'preact';
import { freeName } from '../shared/people-names.ts';
import { Customer } from './customer.ts';
import { OrdersPage } from './orders-page.tsx';
import { Service } from './service.ts';
import { SERVICES } from './shop.ts';

/** `?shop=<id>`: a customer who comes to the shop of another tab; without, a shop of its own with two customers. */
const asked = new URLSearchParams(location.search).get('shop') ?? '';
const isGuest = /^shop-[\da-f]{6}$/.test(asked);
const shop = isGuest ? asked : `shop-${crypto.randomUUID().slice(0, 6)}`;

const customers: Customer[] = [];
for (let left = isGuest ? 1 : 2; left > 0; left--) {
  customers.push(new Customer(freeName(customers.map(({ name }) => name)), shop));
}
const services = isGuest ? [] : SERVICES.map((plan) => new Service(plan, shop));

for (const service of services) void service.start();
for (const customer of customers) void customer.join();
addEventListener('pagehide', () => {
  for (const customer of customers) customer.leave();
  for (const service of services) service.stop();
});
// Coming back from the back/forward cache would show a page without a connection.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

render(<OrdersPage shop={shop} customers={customers} services={services} />, document.getElementById('app')!);
