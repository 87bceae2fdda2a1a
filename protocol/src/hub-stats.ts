/**
 * What a hub says of itself: gauges as they are now, sums since its start, those of durable queues since they were declared
 * (PROTOCOL §10 `stats`).
 */
import type { LogId } from './position.ts';
import type { QueueFigures, QueueInfo } from './queue-frames.ts';

/** The ledger summed over all queues that are and were; `residual` must be 0 (ARCHITECTURE, rule 1). */
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

/** How often something took how long: not cumulative, and one bucket more than bounds, for what took longer. */
export interface Distribution {
  readonly boundsMs: readonly number[];
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** What figures of named queues are made of (PROTOCOL §20): of one, or of all together. */
export interface QueueMeasures {
  /** Losses by reason; those that are 0 are left out. */
  readonly lost: Readonly<Record<string, number>>;
  /** T of each processed message. */
  readonly responseTime: Distribution;
  /** t − T of each processed message. */
  readonly delay: Distribution;
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
    /** In all of them. */
    readonly messages: QueueInfo['messages'];
    readonly bytes: number;
    readonly consumers: number;
    /** The first by name, {@link MAX_LISTED_QUEUES} at most. */
    readonly list: readonly QueueInfo[];
  };
  /** Over all named queues that are and were. */
  readonly figures: QueueFigures;
  /** Of the same messages. */
  readonly measures: QueueMeasures;
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
  /**
   * Messages that named queues buried: published to their dead-letter exchange, or lost, as that was not there or the message had
   * died too often. The ledger counts both as dead-lettered.
   */
  readonly deadLetters: { readonly published: number; readonly lost: number };
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
  /** Where the hub keeps data. */
  readonly store?: {
    /** What its file takes of the disk. */
    readonly bytes: number;
    readonly entries: number;
    /** Records found damaged when they were read. */
    readonly corrupt: number;
    /** Nothing durable can be stored any more. */
    readonly failed: boolean;
  };
}
