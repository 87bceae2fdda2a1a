/**
 * What frames say of named queues: shared by competing consumers, durable or not (PROTOCOL §20).
 *
 * A consumer's queue id is of the same space as those of session queues, so acks, credit and `deliver` are the same.
 */
import type { AckMode } from './frames.ts';
import type { LedgerTotals } from './hub-stats.ts';

/** What happens to messages for a full named queue: the oldest ready one gives way, or the new one is refused. */
export const QUEUE_OVERFLOWS = ['drop-head', 'reject-publish'] as const;
export type QueueOverflow = (typeof QUEUE_OVERFLOWS)[number];

/** What becomes of unacknowledged messages when their connection is lost: at once, or with their session. */
export const ON_LOST = ['keep', 'requeue'] as const;
export type OnLost = (typeof ON_LOST)[number];

/** A nack without a delay waits delayMs · factor^(attempts − 1), at most maxDelayMs, give or take the jitter. */
export interface QueueRetry {
  readonly delayMs: number;
  /** 1 to 100, default 2. */
  readonly factor?: number;
  /** Default one hour, or `delayMs` where that is longer. */
  readonly maxDelayMs?: number;
  /** Part of the delay that is random, 0 to 1, default 0.2. */
  readonly jitter?: number;
}

/** As declared. Declared again, they have to be the same. */
export interface QueueOptions {
  /** It and its messages survive the hub. */
  readonly durable?: boolean;
  /** Only the session that declared it may use it, and it goes with that session. Never durable. */
  readonly exclusive?: boolean;
  /** Deleted with its last consumer. */
  readonly autoDelete?: boolean;
  /** Messages it holds at most, unacknowledged and delayed ones included; default 1,000,000, or 100,000 where not durable. */
  readonly maxMessages?: number;
  /** Their bytes; default 1 GiB, or 64 MiB where not durable. */
  readonly maxBytes?: number;
  /** When full; default `drop-head`. */
  readonly overflow?: QueueOverflow;
  /** Messages waiting longer than this expire. */
  readonly messageTtlMs?: number;
  /** Deleted after so long without consumers, declares or inspections. */
  readonly expiresMs?: number;
  /** Failed deliveries a message may have; one more, and it is dead-lettered. Default 20, `null` for no limit. */
  readonly deliveryLimit?: number | null;
  /** Gets what was rejected, expired, dropped for want of room or failed too often; `""` is the default exchange. */
  readonly deadLetterExchange?: string;
  /** Routing key of dead letters; their own where not given. */
  readonly deadLetterKey?: string;
  readonly retry?: QueueRetry;
}

/** As granted: with all defaults, and within the hub's bounds. */
export interface QueueSettings
  extends Required<
    Omit<QueueOptions, 'messageTtlMs' | 'expiresMs' | 'deadLetterExchange' | 'deadLetterKey' | 'retry'>
  > {
  readonly messageTtlMs?: number;
  readonly expiresMs?: number;
  readonly deadLetterExchange?: string;
  readonly deadLetterKey?: string;
  readonly retry?: Required<QueueRetry>;
}

/**
 * The four numbers of the field (PROTOCOL §20), over what was processed since the hub's start, and in a durable queue since it
 * was declared; `null` while nothing was. For one queue, or for all of a hub together.
 */
export interface QueueFigures {
  /** Mean time that processed messages had waited in the queue. */
  readonly responseTimeMs: number | null;
  /** Messages processed in a second, over the last ten whole seconds. */
  readonly throughputPerSec: number;
  /** Lost of all there were: ended, and neither acknowledged nor written nor asked for (purged, deleted). */
  readonly lossRate: number | null;
  /** Mean time from a message's arrival at the hub to its consumer's ack, less the waiting time. */
  readonly delayMs: number | null;
}

export interface QueueInfo {
  readonly name: string;
  readonly options: QueueSettings;
  readonly messages: {
    readonly ready: number;
    readonly inflight: number;
    /** Not to be delivered before their time; they are not among the ready ones here. */
    readonly delayed: number;
  };
  readonly bytes: number;
  readonly consumers: number;
  readonly figures: QueueFigures;
  readonly ledger: LedgerTotals;
}

/** Answer to `deleteQueue` and `purge`: how many messages went. */
export interface QueueEmptied {
  readonly messages: number;
}

export interface ConsumeOptions {
  /** Name of the queue. */
  readonly consume: string;
  readonly ack?: AckMode;
  /** Unacknowledged messages sent at most. Ignored with ack `none`. */
  readonly prefetch?: number;
  /** Default `keep`: they wait for the session, and return when it ends. */
  readonly onLost?: OnLost;
  /** Nobody else may consume from the queue meanwhile. */
  readonly exclusive?: boolean;
}

/** What a consumer got. */
export interface Consuming {
  readonly queue: number;
  readonly granted: {
    readonly ack: AckMode;
    readonly prefetch: number;
    readonly onLost: OnLost;
    readonly exclusive: boolean;
  };
}

/** In place of a session queue's number or an exchange's name, where a binding leads. */
export interface NamedQueue {
  readonly queue: string;
}

export const DEAD_LETTER_REASONS = ['rejected', 'expired', 'maxlen', 'delivery_limit'] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** One way a message died: so often, for this reason, in this queue. */
export interface Death {
  readonly queue: string;
  readonly reason: DeadLetterReason;
  readonly count: number;
  /** Of the first time, ms since 1970. */
  readonly timeMs: number;
  /** Where it had been published, with which keys. */
  readonly exchange: string;
  readonly keys: readonly string[];
  /** The TTL it had, which dead letters lose: they must not expire again at once. */
  readonly originalTtlMs?: number;
}

/** Named queues that took a publish, and those that refused it, with the error's name. */
export interface QueueReceipt {
  readonly took: readonly string[];
  readonly refused: readonly (readonly [queue: string, reason: string])[];
}
