/**
 * The hub's counters and gauges in one answer (PROTOCOL §2 `stats`).
 */
import { type HubStats, MAX_LISTED_QUEUES, type QueueMeasures } from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import { Ledger } from '../core/ledger.ts';
import { QueueFigures } from '../core/queue-figures.ts';
import type { HubContext } from './context.ts';
import { figuresOf, infoOf, ledgerTotals, measuresOf } from './queue-info.ts';

export function statsOf(hub: HubContext, parked: number): HubStats {
  const { counters } = hub;
  const ledger = new Ledger();
  ledger.add(hub.ended);
  ledger.add(hub.endedQueues);
  let [ready, inflight, queues, attached] = [0, 0, 0, 0];
  let residual = hub.endedResidual + hub.storeResidual;
  for (const session of hub.sessions.values()) {
    if (session.link) attached++;
    for (const { queue } of session.subscriptions.values()) {
      queues++;
      ledger.add(queue.ledger);
      ready += queue.ready.messages;
      inflight += queue.window.messages;
      residual += Math.abs(queue.residual);
    }
  }
  for (const { state } of hub.namedQueues.values()) {
    ledger.add(state.ledger);
    ready += state.waitingMessages;
    inflight += state.inflightMessages;
    residual += Math.abs(state.residual);
  }
  return {
    connections: attached,
    sessions: { attached, parked },
    queues,
    namedQueues: namedQueuesOf(hub),
    ...overallFigures(hub),
    bindings: hub.bindings,
    exchanges: hub.exchanges.size,
    publishes: {
      taken: counters.taken,
      duplicate: counters.duplicate,
      refused: Object.fromEntries(counters.refused),
    },
    routed: ledger.routed,
    unroutable: counters.unroutable,
    deliveries: counters.deliveries,
    redeliveries: counters.redeliveries,
    gaps: counters.gaps,
    deadLetters: { published: counters.deadLetters, lost: counters.deadLettersLost },
    resumes: { resumed: counters.resumed, lost: counters.resumesLost },
    ledger: ledgerTotals(ledger, ready, inflight, residual),
    memory: { heldBytes: hub.budget.heldBytes, budgetBytes: hub.budget.budgetBytes },
    logs: hub.engine.logs.map((log) => ({ log, ...hub.engine.bounds(log) })),
    ...(hub.engine.stored && {
      store: { ...hub.engine.stored, corrupt: counters.corrupt, failed: hub.failure !== undefined },
    }),
  };
}

/** Of the queues that are listed one by one. */
export const measuresOfQueues = (hub: HubContext): QueueMeasures[] =>
  listedQueues(hub).map(({ state }) => measuresOf(state.account.figures, state.ledger));

/** Those of its registers that grow and shrink with its clients; `subjects` of which have a session. */
export function sizesOf(hub: HubContext, subjects: number): Readonly<Record<string, number>> {
  let lastValues = 0;
  for (const exchange of hub.exchanges) lastValues += exchange.lastValues.size;
  return {
    sessions: hub.sessions.size,
    subjects,
    consumers: hub.consumers.size,
    named_queues: hub.namedQueues.size,
    declarers: hub.declared.size,
    exchange_bindings: hub.exchanges.exchangeBindingCount,
    last_values: lastValues,
    cached_routes: hub.exchanges.cachedRoutes,
  };
}

function namedQueuesOf(hub: HubContext): HubStats['namedQueues'] {
  const nowMs = hub.clock.nowMs();
  let [ready, inflight, delayed, bytes, consumers] = [0, 0, 0, 0, 0];
  for (const { state } of hub.namedQueues.values()) {
    ready += state.ready.messages;
    inflight += state.inflightMessages;
    delayed += state.delayed.messages;
    bytes += state.bytes;
    consumers += state.consumers.size;
  }
  return {
    count: hub.namedQueues.size,
    messages: { ready, inflight, delayed },
    bytes,
    consumers,
    list: listedQueues(hub).map((queue) => infoOf(queue, nowMs)),
  };
}

const listedQueues = (hub: HubContext): DeclaredQueue[] =>
  [...hub.namedQueues.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_LISTED_QUEUES);

/** Over all named queues, those that ended included. */
function overallFigures(hub: HubContext): Pick<HubStats, 'figures' | 'measures'> {
  const nowMs = hub.clock.nowMs();
  const ledger = new Ledger();
  ledger.add(hub.endedQueues);
  const figures = new QueueFigures(nowMs);
  figures.add(hub.endedFigures.toSums());
  let throughputPerSec = 0;
  for (const { state } of hub.namedQueues.values()) {
    ledger.add(state.ledger);
    figures.add(state.account.figures.toSums());
    throughputPerSec += state.account.figures.throughputPerSec(nowMs);
  }
  return {
    figures: { ...figuresOf(figures, ledger, nowMs), throughputPerSec },
    measures: measuresOf(figures, ledger),
  };
}
