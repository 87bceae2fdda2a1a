/**
 * What a subscription gives its application: messages, gaps, and the end of a snapshot.
 */
import type { GapRange, GapReason, Headers, Payload, Position } from '@ringhub/protocol';
import { fromPayload } from './content.ts';
import type { Delivery, Outcome } from './delivery.ts';

/** A message. With ack `auto` it settles itself; `ack`, `nack` and `reject` settle it at once, the first one counts. */
export interface Message<T = unknown, Exchange extends string = string> {
  readonly kind: 'message';
  readonly exchange: Exchange;
  readonly routingKey: string;
  /**
   * By content type: the value of a JSON message, the string of `text/*`, else the bytes. Parsed when first read; throws a
   * {@link RinghubError} `bad-payload` where a JSON message is not JSON. Nobody has checked that it is a `T`.
   */
  readonly data: T;
  /** The payload as it came. */
  readonly raw: Payload;
  readonly contentType: string;
  readonly headers: Headers;
  /** The id its publisher gave it. */
  readonly id: string | undefined;
  /** When the hub took it, ms since 1970. */
  readonly timeMs: number;
  readonly position: Position;
  /** With `conflate`: how many earlier messages of the same key this one stands for. */
  readonly replaced: number;
  /** How many times it was sent before, after a `nack`. */
  readonly redelivered: number;
  /** It was processed; the hub forgets it. */
  ack(): void;
  /** It could not be processed now: the hub sends it again, 5 times at most, then a gap `redelivery-limit`. */
  nack(): void;
  /** It cannot be processed at all; the hub forgets it. */
  reject(): void;
}

/** A message as the log has it: nobody owes it to anybody, so there is nothing to acknowledge. */
export type HistoryMessage<T = unknown, Exchange extends string = string> = Omit<
  Message<T, Exchange>,
  'replaced' | 'redelivered' | 'ack' | 'nack' | 'reject'
>;

/** Messages that this subscription lost, told where they would have stood (PROTOCOL §9). */
export interface GapEvent {
  readonly kind: 'gap';
  /** How many; `null` where nobody can know. */
  readonly count: number | null;
  readonly reason: GapReason;
  readonly ranges: readonly GapRange[];
}

/** The snapshot of `since: 'last-per-key'` is complete; what follows is live. */
export interface SnapshotEnd {
  readonly kind: 'snapshot-end';
  readonly cursor: string;
  /** False where the hub had forgotten some keys. */
  readonly complete: boolean;
}

export type SubscriptionEvent<T = unknown, Exchange extends string = string> =
  | Message<T, Exchange>
  | GapEvent
  | SnapshotEnd;

/** The event of a delivery; `settle` is told how the application ended it. */
export function eventOf(
  { item, note, position }: Delivery,
  settle: (outcome: Outcome) => void,
): SubscriptionEvent {
  if (item.kind === 'gap') return { kind: item.kind, ...item.gap };
  if (item.kind === 'snapshot-end') return item;
  const { kind, exchange, key, payload, contentType, headers = {}, id, timeMs } = item;
  let parsed: { data: unknown } | undefined;
  return {
    kind,
    exchange,
    routingKey: key,
    get data() {
      parsed ??= { data: fromPayload(payload, contentType) };
      return parsed.data;
    },
    raw: payload,
    contentType,
    headers,
    id,
    timeMs,
    position: position!,
    replaced: note?.replaced ?? 0,
    redelivered: note?.redelivered ?? 0,
    ack: () => settle('ack'),
    nack: () => settle('nack'),
    reject: () => settle('reject'),
  };
}
