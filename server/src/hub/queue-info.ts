/**
 * A named queue as clients and operators see it (PROTOCOL §20).
 */
import type { Distribution, LedgerTotals, QueueFigures, QueueInfo, QueueMeasures } from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import { BUCKETS_MS, type Histogram } from '../core/histogram.ts';
import type { Ledger } from '../core/ledger.ts';
import { type QueueFigures as Figures, lossRate, lostBy } from '../core/queue-figures.ts';

export function infoOf({ name, state }: DeclaredQueue, nowMs: number): QueueInfo {
  const { ready, delayed, inflightMessages: inflight } = state;
  return {
    name,
    options: state.settings,
    messages: { ready: ready.messages, inflight, delayed: delayed.messages },
    bytes: state.bytes,
    consumers: state.consumers.size,
    figures: figuresOf(state.account.figures, state.ledger, nowMs),
    ledger: ledgerTotals(state.ledger, state.waitingMessages, inflight, state.residual),
  };
}

export const figuresOf = (figures: Figures, ledger: Ledger, nowMs: number): QueueFigures => ({
  responseTimeMs: figures.response.meanMs ?? null,
  throughputPerSec: figures.throughputPerSec(nowMs),
  lossRate: ledger.routed === 0 ? null : lossRate(ledger),
  delayMs: figures.delay.meanMs ?? null,
});

export const measuresOf = ({ response, delay }: Figures, ledger: Ledger): QueueMeasures => ({
  lost: Object.fromEntries(lostBy(ledger)),
  responseTime: distribution(response),
  delay: distribution(delay),
});

const distribution = (histogram: Histogram): Distribution => ({
  boundsMs: BUCKETS_MS,
  ...histogram.toSums(),
});

export const ledgerTotals = (
  ledger: Ledger,
  ready: number,
  inflight: number,
  residual: number,
): LedgerTotals => ({
  routed: ledger.routed,
  acked: ledger.acked,
  written: ledger.written,
  rejected: ledger.rejected,
  expired: ledger.expired,
  dropped: Object.fromEntries(ledger.droppedBy ?? []),
  deadLettered: ledger.deadLettered,
  ready,
  inflight,
  residual,
});
