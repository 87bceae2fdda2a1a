/**
 * The frame table: one logical protocol, whatever the codec (PROTOCOL §2).
 *
 * A WebSocket message carries one frame or more, handled in order. `ref` is the client's own number for a
 * command; the hub's `ok` or `error` repeats it. Tags and queues are numbers of the hub.
 */
import type { HubStats } from './hub-stats.ts';
import type { Gap, GapRange, GapReason, LogId } from './position.ts';
import type {
  ConsumeOptions,
  Consuming,
  Death,
  NamedQueue,
  QueueEmptied,
  QueueInfo,
  QueueOptions,
  QueueReceipt,
} from './queue-frames.ts';

export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL_JSON = 'ringhub.v1.json';
/** Where a hub listens for WebSockets, unless a proxy maps it elsewhere. */
export const WEBSOCKET_PATH = '/v1/ws';

/** What happens to messages for a full ring (PROTOCOL §6). */
export const OVERFLOW_POLICIES = [
  'drop-oldest',
  'drop-newest',
  'conflate',
  'catch-up',
  'disconnect',
] as const;
export type OverflowPolicy = (typeof OVERFLOW_POLICIES)[number];

/** Who says that a message was processed (PROTOCOL §8). */
export const ACK_MODES = ['none', 'auto', 'manual'] as const;
export type AckMode = (typeof ACK_MODES)[number];

export type HeaderValue = string | number | boolean | null;
export type Headers = Readonly<Record<string, HeaderValue>>;

/** Text stays text; bytes travel as base64 in JSON frames. */
export type Payload = string | Uint8Array;

/** Inclusive ranges of tags, ascending: `[[3, 5], [9, 9]]`. */
export type TagRanges = readonly (readonly [from: number, to: number])[];

/** Where a subscription starts (PROTOCOL §10): a keyword, a cursor, or a time in ms since 1970. */
export type Since =
  | 'live'
  | 'earliest'
  | 'last-per-key'
  | { readonly cursor: string }
  | { readonly timeMs: number };

export const EXCHANGE_TYPES = ['direct', 'fanout', 'topic', 'headers'] as const;
export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

/** Attributes of an exchange (PROTOCOL §5). Declared again, they have to be the same. */
export interface ExchangeOptions {
  readonly type: ExchangeType;
  /** It, its bindings to durable queues, and what is published to it survive the hub. */
  readonly durable?: boolean;
  /** Nobody may publish to it but the hub and other exchanges. */
  readonly internal?: boolean;
  /** Deleted with its last binding. */
  readonly autoDelete?: boolean;
  /** Gets what this exchange has no binding for. */
  readonly alternate?: string;
}

/** Only asks whether the exchange is there. */
export interface PassiveDeclare {
  readonly passive: true;
}

/** For headers exchanges: the headers to match, and `x-match`: `all` (default) or `any`. */
export type BindingArguments = Headers;

/** Exchange, routing key or pattern, and arguments of a binding. */
export type BindingSpec = readonly [exchange: string, key: string, args?: BindingArguments];

/** A binding as it stands: from an exchange to a queue of a session, a named queue, or another exchange. */
export interface BindingInfo {
  readonly exchange: string;
  readonly key: string;
  readonly args?: BindingArguments;
  readonly to:
    | { readonly exchange: string }
    | { readonly session: string; readonly queue: number }
    | { readonly namedQueue: string };
}

export interface ExchangeInfo extends ExchangeOptions {
  readonly name: string;
  readonly bindings: number;
}

/** What the hub routes by, at most so many entries of each (PROTOCOL §5). */
export interface Topology {
  readonly exchanges: readonly ExchangeInfo[];
  readonly bindings: readonly BindingInfo[];
  /** Named queues. */
  readonly queues: readonly QueueInfo[];
  /** False where not everything is listed. */
  readonly complete: boolean;
}

/** Offsets of one life of a log, both inclusive; `to` is null for its end. A gap's ranges begin like this. */
export type HistoryRange = readonly [log: LogId, epoch: string, from: number, to: number | null];

/** One page of what the log holds for these bindings (PROTOCOL §10). Exactly one of the first three is given. */
export interface HistoryRequest {
  /** Forward from this cursor. */
  readonly after?: string;
  /** The latest ones up to this cursor; `null` for the head. */
  readonly before?: string | null;
  /** What a gap names: these and no others. */
  readonly ranges?: readonly HistoryRange[];
  readonly bindings: readonly BindingSpec[];
  /** Messages at most, 1 to 1000, default 100. */
  readonly limit?: number;
}

export interface HistoryPage {
  /** In order of offset; what the log no longer holds is a gap where it would have stood. */
  readonly items: readonly Item[];
  /** Where to go on: the next `after` or `before`; with `ranges`, what they still have to be read after. */
  readonly cursor: string;
  /** There may be more; a page can be empty nevertheless. */
  readonly more: boolean;
}

export interface SubscribeOptions {
  readonly bindings: readonly BindingSpec[];
  readonly overflow?: OverflowPolicy;
  /** Items the ring holds at most, unacknowledged ones included. */
  readonly capacity?: number;
  readonly capacityBytes?: number;
  readonly ack?: AckMode;
  /** Unacknowledged items sent at most; smaller than the capacity. Ignored with ack `none`. */
  readonly prefetch?: number;
  /** Messages waiting longer than this expire. */
  readonly ttlMs?: number;
  readonly since?: Since;
  /** Header that holds the conflation key; the routing key where absent. */
  readonly conflationHeader?: string;
}

/** What the hub gave, which may be less than was asked for. */
export interface Granted {
  readonly overflow: OverflowPolicy;
  readonly capacity: number;
  readonly capacityBytes: number;
  readonly ack: AckMode;
  readonly prefetch: number;
  readonly ttlMs?: number;
}

export interface Subscribed {
  readonly queue: number;
  /** From here the subscription reads; `null` until the snapshot of `last-per-key` has ended. */
  readonly cursor: string | null;
  readonly granted: Granted;
}

/** One queue in a resume: what was received, what was settled, and how to go on without the session. */
export interface ResumeQueue {
  readonly queue: number;
  readonly lastTag: number;
  readonly ackedUpTo: number;
  readonly ackedRanges: TagRanges;
  /** Of a consumer, `null`: its messages wait in the named queue. */
  readonly cursor: string | null;
  readonly options: SubscribeOptions | ConsumeOptions;
}

/** A named queue to be declared again, with the bindings this client gave it. */
export type ResumeNamedQueue = readonly [
  name: string,
  options: QueueOptions,
  bindings: readonly BindingSpec[],
];

/** What a resume may declare, at most (PROTOCOL §12); a hello with more is no frame. */
export const MAX_RESUME_EXCHANGES = 256;
export const MAX_RESUME_NAMED_QUEUES = 256;

export interface Resume {
  readonly session: string;
  readonly token: string;
  readonly queues: readonly ResumeQueue[];
  readonly exchanges: readonly (readonly [name: string, options: ExchangeOptions])[];
  readonly namedQueues?: readonly ResumeNamedQueue[];
}

export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly token?: string;
  readonly client?: string;
  readonly resume?: Resume;
}

/** Answer to `auth`: how long the new token is good for. */
export interface Renewed {
  /** Absent where it never expires. */
  readonly tokenExpiresInMs?: number;
}

/** Answer to `bind` of a session queue. */
export interface Bound {
  /** Where the queue began to read the log that the binding is of. */
  readonly cursor: string;
}

export interface PublishProperties {
  readonly contentType?: string;
  readonly headers?: Headers;
  /** Remembered per subject and exchange for a while: the same id is published once. */
  readonly id?: string;
  readonly ttlMs?: number;
  /** Refuse with `unroutable` rather than publish to nobody. */
  readonly mandatory?: boolean;
  /** A lost session may have made this publish already, under this number: then it is confirmed as it was. */
  readonly resent?: readonly [session: string, seq: number];
}

export interface Publish {
  readonly type: 'publish';
  readonly seq: number;
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly properties: PublishProperties;
}

export interface Ack {
  readonly type: 'ack';
  readonly queue: number;
  /** Settles every tag up to and including this one; 0 for none. */
  readonly upTo: number;
  readonly ranges: TagRanges;
}

export type ClientFrame =
  | Hello
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** A newer token for the same subject and role. */
  | { readonly type: 'auth'; readonly ref: number; readonly token: string }
  | {
      readonly type: 'declare';
      readonly ref: number;
      readonly exchange: string;
      readonly options: ExchangeOptions | PassiveDeclare;
    }
  | {
      readonly type: 'bind' | 'unbind';
      readonly ref: number;
      /** A queue of this session, an exchange, or a named queue. */
      readonly to: number | string | NamedQueue;
      readonly binding: BindingSpec;
    }
  | { readonly type: 'delete'; readonly ref: number; readonly exchange: string; readonly ifUnused: boolean }
  | { readonly type: 'list' | 'stats'; readonly ref: number }
  | { readonly type: 'history'; readonly ref: number; readonly options: HistoryRequest }
  | { readonly type: 'subscribe'; readonly ref: number; readonly options: SubscribeOptions }
  | {
      readonly type: 'declareQueue';
      readonly ref: number;
      readonly name: string;
      readonly options: QueueOptions | PassiveDeclare;
    }
  | {
      readonly type: 'deleteQueue';
      readonly ref: number;
      readonly name: string;
      readonly options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean };
    }
  | { readonly type: 'purge'; readonly ref: number; readonly name: string }
  | { readonly type: 'inspect'; readonly ref: number; readonly name: string }
  | { readonly type: 'consume'; readonly ref: number; readonly options: ConsumeOptions }
  | { readonly type: 'unsubscribe'; readonly ref: number; readonly queue: number }
  | { readonly type: 'credit'; readonly ref: number; readonly queue: number; readonly prefetch: number }
  | Publish
  | Ack
  | { readonly type: 'reject'; readonly queue: number; readonly ranges: TagRanges }
  | {
      readonly type: 'nack';
      readonly queue: number;
      readonly ranges: TagRanges;
      /** Of a named queue: not delivered again before. */
      readonly delayMs?: number;
    }
  | { readonly type: 'bye' };

/** How a queue of a resume went on: resumed as it was, begun anew from its cursor, or refused. */
export type ResumedQueue =
  | ((Subscribed | Consuming) & { readonly was: number })
  | { readonly was: number; readonly code: number; readonly text: string };

export interface Welcome {
  readonly type: 'welcome';
  readonly session: string;
  readonly resumeToken: string;
  /** True where the old session goes on; false for a new one, also after a resume that found nothing. */
  readonly resumed: boolean;
  /** Highest publish number of this session the hub has seen. */
  readonly publishSeq: number;
  /** The epoch of each log. */
  readonly epochs: Readonly<Partial<Record<LogId, string>>>;
  readonly heartbeatMs: number;
  readonly deadMs: number;
  readonly resumeWindowMs: number;
  /** The connection ends then, unless `auth` brings a newer token; absent where the token never expires. */
  readonly tokenExpiresInMs?: number;
  readonly publishWindow: { readonly messages: number; readonly bytes: number };
  readonly limits: { readonly maxFrameBytes: number; readonly maxPayloadBytes: number };
  readonly queues: readonly ResumedQueue[];
  readonly hub: string;
}

export interface MessageItem {
  readonly kind: 'message';
  readonly exchange: string;
  readonly key: string;
  readonly payload: Payload;
  readonly contentType: string;
  readonly log: LogId;
  readonly offset: number;
  /** When the hub took it, ms since 1970. */
  readonly timeMs: number;
  readonly id?: string;
  readonly headers?: Headers;
  /** Of a dead letter: how it died, the latest first. */
  readonly xDeath?: readonly Death[];
}

export interface GapItem {
  readonly kind: 'gap';
  readonly gap: Gap;
}

/** The snapshot of `last-per-key` has ended; what follows is live from `cursor`. */
export interface SnapshotEndItem {
  readonly kind: 'snapshot-end';
  readonly cursor: string;
  /** False where the bounded index had forgotten some keys. */
  readonly complete: boolean;
}

export type Item = MessageItem | GapItem | SnapshotEndItem;

/** What differs by receiver, for few items of a batch. */
export interface Note {
  /** Messages of the same conflation key that this one took the place of. */
  readonly replaced?: number;
  /** How many attempts to process it failed before: nacked, or its consumer was lost. */
  readonly redelivered?: number;
}

export interface Deliver {
  readonly type: 'deliver';
  readonly queue: number;
  /** Tag of the first item; the others follow one by one. */
  readonly firstTag: number;
  readonly items: readonly Item[];
  readonly notes: readonly (readonly [index: number, note: Note])[];
}

/**
 * `count` publishes from `seq` on were taken, at offsets that grow by one from `offset`, each routed to
 * `sessions` session queues' sessions of this node.
 */
export interface Confirmed {
  readonly seq: number;
  readonly count: number;
  readonly log: LogId;
  readonly offset: number;
  readonly sessions: number;
  /** An earlier publish with the same id or number was taken; this is its position. */
  readonly duplicate?: boolean;
  /** Where the graph led to named queues: which, the same for all `count`. */
  readonly queues?: QueueReceipt;
}

export type ErrorDetail = Readonly<Record<string, string | number | boolean | null>>;

export type ServerFrame =
  | Welcome
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | {
      readonly type: 'ok';
      readonly ref: number;
      readonly result?:
        | Subscribed
        | Topology
        | HistoryPage
        | HubStats
        | QueueInfo
        | QueueEmptied
        | Consuming
        | Renewed
        | Bound;
    }
  | {
      readonly type: 'error';
      /** `null` where the fault was in a frame without a ref. */
      readonly ref: number | null;
      readonly code: number;
      readonly text: string;
      readonly detail?: ErrorDetail;
    }
  | Deliver
  | { readonly type: 'mark'; readonly queue: number; readonly cursor: string }
  | { readonly type: 'confirm'; readonly runs: readonly Confirmed[] }
  | {
      readonly type: 'refused';
      readonly seq: number;
      readonly code: number;
      readonly text: string;
      readonly detail?: ErrorDetail;
    }
  | { readonly type: 'drain'; readonly reconnectInMs: number };

export type { Gap, GapRange, GapReason, LogId };
