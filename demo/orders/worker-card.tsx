/** One service: its worker process, what it has in hand, what waits in its queue, and the end of it at a button. */
import type { QueueInfo } from '@ringhub/client/queues';
import { useChanges } from '../shared/changes.ts';
import { count, duration } from '../shared/figures.ts';
import type { ServicePlan, WorkerStatus } from '../shared/shop.ts';
import type { WorkerState, Workshop } from './workshop.ts';

interface WorkerCardProps {
  readonly workshop: Workshop;
  readonly plan: ServicePlan;
}

export function WorkerCard({ workshop, plan }: WorkerCardProps) {
  useChanges(workshop.changes);
  const { name, title, queue } = plan;
  const state = workshop.stateOf(name, queue);
  const status = workshop.statuses.get(name);
  const info = workshop.queues.get(queue);
  return (
    <article
      class={`panel service is-${state}`}
      data-service={name}
      data-state={state}
      data-pid={status?.pid}
      data-working={state === 'up' && status?.working ? 'yes' : 'no'}
      aria-label={title}
    >
      <header>
        <h3>{title}</h3>
        <p class="worker-state" role="status">
          <i aria-hidden="true" /> {WORDS[state]}
          {status && state === 'up' && <span class="muted"> pid {status.pid}</span>}
        </p>
        <button type="button" class="danger" disabled={state !== 'up'} onClick={() => workshop.kill(name)}>
          Kill<span class="sr-only">: {title}</span>
        </button>
      </header>
      <p class="in-hand">{inHand(state, status)}</p>
      <Depth info={info} />
    </article>
  );
}

const WORDS: Record<WorkerState, string> = {
  up: 'up',
  restarting: 'killed, restarting',
  down: 'no worker',
  unknown: 'out of sight',
};

function inHand(state: WorkerState, status: WorkerStatus | undefined) {
  const working = status?.working;
  switch (state) {
    case 'up':
      if (!working) return <span class="muted">waits for an order</span>;
      return (
        <>
          <b class="working">…</b> {working.name}: {working.what}
          {working.attempt > 1 && <b class="again"> attempt {working.attempt}</b>}
        </>
      );
    case 'restarting':
      return (
        <span>
          {working
            ? `${working.name}’s ${working.what} is back in the queue`
            : 'its orders wait in the queue'}
        </span>
      );
    case 'down':
      return <span>Orders wait in the queue: is this hub started with --no-demo?</span>;
    case 'unknown':
      return <span class="muted">no answer from the hub</span>;
  }
}

export function Depth({ info }: { readonly info: QueueInfo | undefined }) {
  const { ready = 0, inflight = 0, delayed = 0 } = info?.messages ?? {};
  const { responseTimeMs = null, delayMs = null } = info?.figures ?? {};
  const figures = { ready, 'in flight': inflight, delayed, done: info?.ledger.acked ?? 0 };
  return (
    <>
      <dl class="depth">
        {Object.entries(figures).map(([name, value]) => (
          <div key={name} class={value > 0 ? '' : 'is-zero'}>
            <dt>{name}</dt>
            <dd data-figure={name}>{count(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="times muted">
        <code>{info?.name ?? '…'}</code>{' '}
        {responseTimeMs !== null && delayMs !== null && (
          <>
            waits {duration(responseTimeMs)}, takes {duration(delayMs)}
          </>
        )}
      </p>
    </>
  );
}
