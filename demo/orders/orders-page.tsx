/** The page: what it is, two customers side by side, and the services of the shop between them and their notices. */
import { Mark } from '../shared/mark.tsx';
import type { Customer } from './customer.ts';
import { CustomerCard } from './customer-card.tsx';
import type { Service } from './service.ts';
import { ServiceCard } from './service-card.tsx';

interface OrdersPageProps {
  readonly shop: string;
  readonly customers: readonly Customer[];
  readonly services: readonly Service[];
}

export function OrdersPage({ shop, customers, services }: OrdersPageProps) {
  return (
    <>
      <header class="top">
        <h1>
          <Mark /> Ringhub <small>orders</small>
        </h1>
        {services.length > 0 && (
          <a class="button" href={`?shop=${shop}`} target="_blank" rel="noopener">
            One more customer, in another tab
          </a>
        )}
      </header>
      <main>
        <Intro isGuest={services.length === 0} />
        <div class={`floor ${services.length === 0 ? 'is-guest' : ''}`}>
          {customers.map((customer) => (
            <CustomerCard key={customer.key} customer={customer} />
          ))}
          {services.length > 0 && (
            <section class="services" aria-labelledby="services-title">
              <h3 id="services-title">
                The shop <small>three services, each a client of its own</small>
              </h3>
              {services.map((service) => (
                <ServiceCard key={service.plan.name} service={service} />
              ))}
            </section>
          )}
        </div>
      </main>
    </>
  );
}

const Intro = ({ isGuest }: { readonly isGuest: boolean }) => (
  <section class="intro" aria-labelledby="intro-title">
    <div>
      <h2 id="intro-title">One order, three services, one customer told</h2>
      <p>
        An order is published once, to a <b>topic exchange</b>: each service has bound the keys that concern
        it. What they have done they tell over a <b>direct exchange</b>, under the key of the one who ordered.{' '}
        <b>Whoever is not bound to that key sees nothing of it.</b>
      </p>
    </div>
    <ol class="steps">
      <li>
        <b>Order</b> as {isGuest ? 'this customer' : 'either customer'}.{' '}
        <span class="muted">
          You should see all that concerns it done, and {isGuest ? 'nobody else' : 'the other customer not'}{' '}
          told.
        </span>
      </li>
      <li>
        <b>Order a voucher.</b>{' '}
        <span class="muted">Nothing is taken from the stock: it has not bound that key.</span>
      </li>
      <li>
        <b>
          {isGuest ? 'Go offline, or pause a service in the other tab.' : 'Pause a service, or go offline.'}
        </b>{' '}
        <span class="muted">
          You should see that what is meant for it waits, and is done once it is back.
        </span>
      </li>
    </ol>
  </section>
);
