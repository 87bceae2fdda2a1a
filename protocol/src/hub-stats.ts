/**
 * What a hub says of itself: gauges as they are now, sums since its start (PROTOCOL §2 `stats`).
 */
import type { LogId } from './position.ts';
import type { QueueFigures, QueueInfo } from './queue-frames.ts';

/** The ledger summed over all queues that are and were; `residual` must be 0 (DESIGN promise 1). */
export interface LedgerTotals {
  readonly routed: number;
  readonly acked: number;
  readonly written: number;
  readonly rejected: number;
  readonly expired: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly ready: number;
  readonly inflight: number;
  /** Sum over queues of |routed − everything else|. */
  readonly residual: number;
}

/** Named queues that `stats` and `list` describe one by one. */
export const MAX_LISTED_QUEUES = 100;

export interface HubStats {
  readonly connections: number;
  readonly sessions: { readonly attached: number; readonly parked: number };
  /** Session queues. */
  readonly queues: number;
  readonly namedQueues: {
    readonly count: number;
    /** The first by name, {@link MAX_LISTED_QUEUES} at most. */
    readonly list: readonly QueueInfo[];
  };
  /** Over all named queues that are and were. */
  readonly figures: QueueFigures;
  readonly bindings: number;
  readonly exchanges: number;
  readonly publishes: {
    readonly taken: number;
    readonly duplicate: number;
    readonly refused: Readonly<Record<string, number>>;
  };
  readonly routed: number;
  readonly unroutable: number;
  /** Items handed to sockets, gaps and re-sends included. */
  readonly deliveries: number;
  readonly redeliveries: number;
  readonly gaps: number;
  readonly resumes: { readonly resumed: number; readonly lost: number };
  readonly ledger: LedgerTotals;
  readonly memory: { readonly heldBytes: number; readonly budgetBytes: number };
  readonly logs: readonly {
    readonly log: LogId;
    readonly epoch: string;
    readonly first: number;
    readonly last: number;
    readonly messages: number;
    readonly bytes: number;
  }[];
}
