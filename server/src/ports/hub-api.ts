/**
 * What HTTP, metrics and the command line ask of the hub.
 */
import type { ErrorDetail, ErrorName, LogId, Payload, PublishProperties } from '@ringhub/protocol';
import type { Principal } from './auth.ts';

/** A publish without a session: numbering is the caller's affair, ids make it safe to repeat. */
export interface PublishRequest {
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly properties: PublishProperties;
}

export type PublishOutcome =
  | {
      readonly kind: 'taken';
      readonly log: LogId;
      readonly epoch: string;
      readonly offset: number;
      /** Sessions of this node it was routed to. */
      readonly sessions: number;
      readonly duplicate: boolean;
    }
  | { readonly kind: 'refused'; readonly error: ErrorName; readonly detail?: ErrorDetail };

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

export interface HubStats {
  readonly connections: number;
  readonly sessions: { readonly attached: number; readonly parked: number };
  readonly queues: number;
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

export interface Health {
  readonly ready: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

export interface HubApi {
  publish(principal: Principal, request: PublishRequest, done: (outcome: PublishOutcome) => void): void;
  stats(): HubStats;
  health(): Health;
}
