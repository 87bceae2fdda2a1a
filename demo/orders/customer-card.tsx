/** One customer: the form, the orders with what was told of them, and the count that proves whose notices came. */
import type { TargetedSubmitEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Avatar } from '../shared/avatar.tsx';
import { useChanges } from '../shared/changes.ts';
import { count } from '../shared/figures.ts';
import { toneOf } from '../shared/people-names.ts';
import type { Customer, Placed } from './customer.ts';
import { ARTICLES, concerns, SERVICES } from './shop.ts';

interface CustomerProps {
  readonly customer: Customer;
}

const MAX_QUANTITY = 9;

export function CustomerCard({ customer }: CustomerProps) {
  useChanges(customer.changes);
  const { name, key, problem, orders } = customer;
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
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    customer.order(ARTICLES[chosen]!, quantity);
  };
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
      <button type="submit" class="primary" disabled={!customer.isReady}>
        Order
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
  const { order, kind, isTaken, problem, told } = placed;
  return (
    <li class={isTaken ? '' : 'is-waiting'} data-order={order.id}>
      <p>
        <b>
          {order.quantity} × {order.article}
        </b>{' '}
        <span class="muted">€ {order.total}</span>
        <span class="order-state">
          {problem || (isTaken ? '' : isOffline ? 'waiting to be sent' : 'sending')}
        </span>
      </p>
      <ul class="told">
        {SERVICES.map((service) => {
          const text = told.get(service.name);
          const state = !concerns(service, kind) ? 'none' : text ? 'done' : 'open';
          return (
            <li key={service.name} class={state} data-from={service.name} data-state={state}>
              <i aria-hidden="true">{{ none: '–', done: '✓', open: '…' }[state]}</i>
              <span>
                <b>{service.title}</b> {text ?? (state === 'none' ? 'not concerned' : 'not yet')}
              </span>
            </li>
          );
        })}
      </ul>
    </li>
  );
}

function Proof({ customer }: CustomerProps) {
  const { received, expected, foreign, lost } = customer;
  const holds = foreign === 0 && lost === 0;
  return (
    <p class="proof" data-received={received} data-foreign={foreign} data-expected={expected}>
      <b>{count(received)}</b> of {count(expected)} notices for {customer.name}, <b>{count(foreign)}</b> for
      others, <b>{count(lost)}</b> lost <span class={holds ? 'holds' : 'broken'}>{holds ? '✓' : '✗'}</span>
    </p>
  );
}
