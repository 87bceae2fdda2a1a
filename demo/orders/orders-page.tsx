/** The page: what it is, two customers side by side, and between them the workers and their queues. */
import { Mark } from '../shared/mark.tsx';
import { SERVICES } from '../shared/shop.ts';
import { Balance } from './balance.tsx';
import type { Customer } from './customer.ts';
import { CustomerCard } from './customer-card.tsx';
import { HubCard } from './hub-card.tsx';
import { WorkerCard } from './worker-card.tsx';
import type { Workshop } from './workshop.ts';

interface OrdersPageProps {
  readonly customers: readonly Customer[];
  readonly workshop: Workshop;
  readonly isGuest: boolean;
}

export function OrdersPage({ customers, workshop, isGuest }: OrdersPageProps) {
  return (
    <>
      <header class="top">
        <h1>
          <Mark /> Ringhub <small>orders</small>
        </h1>
        {!isGuest && (
          <a class="button" href={GUEST} target="_blank" rel="noopener">
            One more customer, in another tab
          </a>
        )}
      </header>
      <main>
        <Intro />
        <Balance customers={customers} />
        <div class={`floor ${isGuest ? 'is-guest' : ''}`}>
          {customers.map((customer) => (
            <CustomerCard key={customer.key} customer={customer} />
          ))}
          <section class="services" aria-labelledby="services-title">
            <h3 id="services-title">
              The shop <small>three processes, each with a durable queue</small>
            </h3>
            {SERVICES.map((plan) => (
              <WorkerCard key={plan.name} workshop={workshop} plan={plan} />
            ))}
            <HubCard workshop={workshop} />
          </section>
        </div>
      </main>
    </>
  );
}

const GUEST = `?guest=${crypto.randomUUID().slice(0, 6)}`;

const Intro = () => (
  <section class="intro" aria-labelledby="intro-title">
    <div>
      <h2 id="intro-title">Kill a worker, kill the hub: no order is lost</h2>
      <p>
        An order is published once; each service gets it in a <b>durable queue</b> of its own, and
        acknowledges it when its part is done and its customer told.{' '}
        <b>What is not acknowledged comes again</b>, to whoever works then; and as each step carries the
        order’s id, nothing is done twice.
      </p>
    </div>
    <ol class="steps">
      <li>
        <b>Order five</b>, and <b>kill</b> a worker that has one in hand.{' '}
        <span class="muted">It goes back to its queue and is done at the second attempt. Paid for once.</span>
      </li>
      <li>
        <b>Kill the hub</b> with orders in work, and start it again.{' '}
        <span class="muted">All goes on where it was: workers, this page, and the sum above the cards.</span>
      </li>
      <li>
        <b>Order a Moon lamp</b>, which is sold out, or for € 100 and more, where the bank has to be asked
        twice. <span class="muted">A dead letter; a retry with delay.</span>
      </li>
    </ol>
  </section>
);
