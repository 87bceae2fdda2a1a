/**
 * What HTTP, metrics and the command line ask of the hub.
 */
import type {
  BindingSpec,
  ClientFrame,
  ErrorDetail,
  ErrorEntry,
  ErrorName,
  HistoryPage,
  HistoryRequest,
  HubStats,
  LogId,
  NamedQueue,
  Payload,
  PublishProperties,
  QueueEmptied,
  QueueInfo,
  QueueMeasures,
  QueueReceipt,
  Subscribed,
  SubscribeOptions,
  Topology,
} from '@ringhub/protocol';
import type { Principal } from './auth.ts';

export type { HubStats, LedgerTotals } from '@ringhub/protocol';

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
      /** Where the graph led to named queues. */
      readonly queues?: QueueReceipt;
    }
  | { readonly kind: 'refused'; readonly error: ErrorName; readonly detail?: ErrorDetail };

export interface Health {
  readonly ready: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

/** Why something was not done. */
export interface HubRefusal {
  readonly error: ErrorName;
  readonly detail?: ErrorDetail;
}

type WithoutRef<T> = T extends unknown ? Omit<T, 'ref'> : never;

/** A change of what the hub routes by, between exchanges and named queues; session queues belong to their sessions. */
export type TopologyChange =
  | WithoutRef<Extract<ClientFrame, { type: 'declare' } | { type: 'delete' }>>
  | {
      readonly type: 'bind' | 'unbind';
      readonly to: string | NamedQueue;
      readonly binding: BindingSpec;
    };

/** What can be asked of named queues but for consuming, which takes a session. */
export type QueueCommand = WithoutRef<
  Extract<
    ClientFrame,
    { type: 'declareQueue' } | { type: 'deleteQueue' } | { type: 'purge' } | { type: 'inspect' }
  >
>;

/** Takes what one subscription brings, as the frames of a WebSocket (PROTOCOL §2). */
export interface Listener {
  /** Sent and not yet handed to the operating system: above a bound nothing more is sent. */
  readonly bufferedBytes: number;
  send(message: string): void;
  /** Nothing more comes. */
  end(why: ErrorEntry | 'bye'): void;
}

/** A subscription with a session of its own, which ends with it. */
export interface Listening extends Subscribed {
  /** The listener has room again. */
  drained(): void;
  close(): void;
}

/** A session as its operator sees it. */
export interface SessionInfo {
  readonly session: string;
  readonly subject: string;
  readonly role: string;
  /** What the client calls itself. */
  readonly client: string;
  readonly state: 'attached' | 'parked';
  /** Until the resume window is over, of a parked one. */
  readonly parkedForMs?: number;
  readonly subscriptions: number;
  readonly consumers: number;
  readonly bindings: number;
  /** Of messages that its rings hold. */
  readonly bytes: number;
}

export interface SessionQuery {
  /** Only of this subject. */
  readonly subject?: string;
  /** The session that the page before ended with. */
  readonly after?: string;
  readonly limit: number;
}

export interface SessionPage {
  /** By id. */
  readonly sessions: readonly SessionInfo[];
  /** There are more behind the last one. */
  readonly more: boolean;
}

/** Which sessions to close, and whether their subject's credentials are refused from now on. */
export type ClosingSessions =
  | { readonly session: string }
  | { readonly subject: string; readonly revoke?: { readonly forMs: number } };

export interface SessionsClosed {
  readonly closed: number;
  readonly revoked: boolean;
}

/** Something an administrator did or wanted to do, for the log. */
export interface AuditEntry {
  readonly subject: string;
  readonly role: string;
  /** The session it came by; none over HTTP. */
  readonly session?: string;
  readonly action: string;
  /** What it was done to: names, never payloads. */
  readonly on: string;
  /** `done`, or the name of the error. */
  readonly outcome: 'done' | ErrorName;
}

/** For administrators; everything takes the permission `admin`. */
export interface SessionsApi {
  list(principal: Principal, query: SessionQuery): SessionPage | HubRefusal;
  /** Closes at once; a revocation is done when it is on disk. */
  close(
    principal: Principal,
    which: ClosingSessions,
    done: (answer: SessionsClosed | HubRefusal) => void,
  ): void;
}

export interface HubApi {
  readonly control: SessionsApi;
  publish(principal: Principal, request: PublishRequest, done: (outcome: PublishOutcome) => void): void;
  /** One page of history; `done` may be called before this returns. */
  history(
    principal: Principal,
    request: HistoryRequest,
    done: (answer: HistoryPage | HubRefusal) => void,
  ): void;
  /** Subscribes with ack `none`; heartbeats and marks come by themselves. */
  listen(principal: Principal, options: SubscribeOptions, listener: Listener): Listening | HubRefusal;
  /** What this principal may subscribe to. */
  topology(principal: Principal): Topology;
  /** What is durable is done when it is on disk; `done` may be called before this returns. */
  changeTopology(principal: Principal, change: TopologyChange, done: (refusal?: HubRefusal) => void): void;
  /** As `changeTopology`, for named queues. */
  queueCommand(
    principal: Principal,
    command: QueueCommand,
    done: (answer: QueueInfo | QueueEmptied | HubRefusal) => void,
  ): void;
  stats(): HubStats;
  /** Of the queues that `stats` lists, in their order. */
  queueMeasures(): readonly QueueMeasures[];
  /** How much each register of the hub holds: what is not back where it was once all clients have gone, leaks. */
  sizes(): Readonly<Record<string, number>>;
  health(): Health;
}
