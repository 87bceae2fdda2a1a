/** One service: what it binds, what it has done, and a switch to make it wait. */
import { useChanges } from '../shared/changes.ts';
import { count } from '../shared/figures.ts';
import type { Service } from './service.ts';

export function ServiceCard({ service }: { readonly service: Service }) {
  useChanges(service.changes);
  const { plan, pattern, handled, recent, isPaused, isReady, problem } = service;
  return (
    <article
      class={`panel service ${isPaused ? 'is-paused' : ''}`}
      data-service={plan.name}
      aria-label={plan.title}
    >
      <header>
        <h3>{plan.title}</h3>
        <code>{pattern}</code>
        <button
          type="button"
          aria-label={`${isPaused ? 'Work on' : 'Pause'}: ${plan.title}`}
          disabled={!isReady}
          onClick={() => service.togglePause()}
        >
          {isPaused ? 'Work on' : 'Pause'}
        </button>
      </header>
      <p class="muted">
        <b data-figure="handled">{count(handled)}</b> {handled === 1 ? 'order' : 'orders'} done
        {isPaused && ' · paused: orders wait on the hub'}
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <ul>
        {recent.map(({ order, isDone }) => (
          <li key={order.id}>
            <span class={isDone ? 'done' : 'working'}>{isDone ? '✓' : '…'}</span> {order.name}:{' '}
            {order.quantity} × {order.article}
          </li>
        ))}
      </ul>
    </article>
  );
}
