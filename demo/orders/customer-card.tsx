/** One customer: the form, the orders with what became of them, and the count that proves whose notices came. */
import type { TargetedSubmitEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Avatar } from '../shared/avatar.tsx';
import { useChanges } from '../shared/changes.ts';
import { count } from '../shared/figures.ts';
import { toneOf } from '../shared/people-names.ts';
import { ARTICLES, concerns, SERVICES, type ServicePlan } from '../shared/shop.ts';
import type { Customer } from './customer.ts';
import type { Fate, Placed } from './order-book.ts';

interface CustomerProps {
  readonly customer: Customer;
}

const MAX_QUANTITY = 9;
/** At the button that fills the queues. */
const MANY = 5;
/** Those in front of them are counted, not shown. */
const SHOWN = 30;

export function CustomerCard({ customer }: CustomerProps) {
  useChanges(customer.changes);
  const { name, key, problem, note, book } = customer;
  const orders = book.orders.slice(0, SHOWN);
  return (
    <article class={`panel customer ${toneOf(name)}`} data-customer={name} aria-label={name}>
      <header>
        <Avatar name={name} />
        <h3>
          {name} <small>customer</small>
        </h3>
        <LinkPill customer={customer} />
      </header>
      <p class="bound muted">
        bound to <code>{key}</code> only
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {note && (
        <p class="problem" data-note>
          {note}
        </p>
      )}
      <OrderForm customer={customer} />
      <ol class="orders" aria-label={`Orders of ${name}`} aria-live="polite">
        {orders.map((placed) => (
          <OrderView key={placed.order.id} placed={placed} isOffline={customer.isOffline} />
        ))}
        {orders.length === 0 && <li class="empty muted">No orders yet.</li>}
      </ol>
      <Proof customer={customer} />
    </article>
  );
}

function LinkPill({ customer }: CustomerProps) {
  const text = customer.isOffline ? 'offline' : customer.isReady ? 'online' : 'connecting';
  return (
    <p class={`link-state ${text === 'offline' ? 'waiting' : text}`} data-state={text} role="status">
      <i aria-hidden="true" /> {text}
    </p>
  );
}

function OrderForm({ customer }: CustomerProps) {
  const id = useId();
  const [chosen, setChosen] = useState(0);
  const [quantity, setQuantity] = useState(1);
  const order = () => customer.order(ARTICLES[chosen]!, quantity);
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    order();
  };
  const cannot = !customer.isReady || customer.isFull;
  return (
    <form class="order-form" onSubmit={submit}>
      <label class="sr-only" for={`${id}-article`}>
        Article
      </label>
      <select
        id={`${id}-article`}
        value={String(chosen)}
        onChange={(event) => setChosen(Number(event.currentTarget.value))}
      >
        {ARTICLES.map(({ name, price }, index) => (
          <option key={name} value={String(index)}>
            {name}, € {price}
          </option>
        ))}
      </select>
      <label class="sr-only" for={`${id}-quantity`}>
        How many
      </label>
      <select
        id={`${id}-quantity`}
        value={String(quantity)}
        onChange={(event) => setQuantity(Number(event.currentTarget.value))}
      >
        {Array.from({ length: MAX_QUANTITY }, (_, index) => String(index + 1)).map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
      <button type="submit" class="primary" disabled={cannot}>
        Order
      </button>
      <button type="button" disabled={cannot} onClick={() => Array.from({ length: MANY }).forEach(order)}>
        Order five
      </button>
      {customer.line.isDown ? (
        <button type="button" class="primary" onClick={() => customer.line.restore()}>
          Come back
        </button>
      ) : (
        <button
          type="button"
          class="danger"
          aria-disabled={!customer.isReady || customer.isOffline}
          onClick={() => customer.isReady && !customer.isOffline && customer.line.cut(undefined)}
        >
          Go offline
        </button>
      )}
    </form>
  );
}

function OrderView({ placed, isOffline }: { readonly placed: Placed; readonly isOffline: boolean }) {
  const { order, fate } = placed;
  const words = WORDS[fate];
  return (
    <li class={fate === 'sending' ? 'is-waiting' : ''} data-order={order.id} data-fate={fate}>
      <p>
        <b>
          {order.quantity} × {order.article}
        </b>{' '}
        <span class="muted">€ {order.total}</span>
        <span class={`order-state is-${fate}`}>
          {fate === 'sending' && isOffline ? 'waiting to be sent' : words}
        </span>
      </p>
      <ul class="told">
        {SERVICES.map((service) => (
          <ServiceLine key={service.name} service={service} placed={placed} />
        ))}
      </ul>
    </li>
  );
}

const WORDS: Record<Fate, string> = {
  sending: 'sending',
  work: 'in work',
  done: 'done',
  failed: 'failed',
  lost: 'lost',
};

const SIGNS = { none: '–', done: '✓', failed: '✗', open: '…' };

function ServiceLine({ service, placed }: { readonly service: ServicePlan; readonly placed: Placed }) {
  const { order, told, charges } = placed;
  const notice = told.get(service.name);
  const isConcerned = concerns(service, order.kind);
  const state = !isConcerned ? 'none' : !notice ? 'open' : notice.failed ? 'failed' : 'done';
  return (
    <li
      class={state}
      data-from={service.name}
      data-state={state}
      data-charges={service.name === 'payment' ? charges : undefined}
    >
      <i aria-hidden="true">{SIGNS[state]}</i>
      <span>
        <b>{service.title}</b> {notice?.text ?? (state === 'none' ? 'not concerned' : 'not yet')}
        {notice && notice.attempt > 1 && <em class="again"> attempt {notice.attempt}</em>}
      </span>
    </li>
  );
}

function Proof({ customer }: CustomerProps) {
  const { received, foreign } = customer.book;
  return (
    <footer>
      <p class="proof" data-received={received} data-foreign={foreign}>
        <b>{count(received)}</b> notices for {customer.name}, <b>{count(foreign)}</b> for others{' '}
        <span class={foreign === 0 ? 'holds' : 'broken'}>{foreign === 0 ? '✓' : '✗'}</span>
      </p>
      <button type="button" class="quiet" onClick={() => customer.replace()}>
        New customer
      </button>
    </footer>
  );
}
