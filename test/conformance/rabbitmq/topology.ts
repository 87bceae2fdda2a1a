/**
 * A topology: what is done to a broker, one operation after the other, as a value. Ringhub and RabbitMQ are given the same one,
 * and have to answer the same.
 *
 * Names are short (`q0`, `x1`); a driver maps them to its own. Consumers are named by the operation that makes them.
 */
import type { ExchangeType, Headers, QueueOverflow } from '@ringhub/protocol';

/** Two clients: `b` can go away with all it has. */
export type Actor = 'a' | 'b';

export interface ExchangeWish {
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly internal: boolean;
  readonly autoDelete: boolean;
  readonly alternate?: string;
}

export interface QueueWish {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly maxMessages?: number;
  /** In payloads of the smallest size. */
  readonly maxUnits?: number;
  readonly overflow?: QueueOverflow;
  readonly messageTtlMs?: number;
  readonly deadLetterExchange?: string;
  readonly deadLetterKey?: string;
  /** Failed attempts of a message; in RabbitMQ that makes it a quorum queue. Without, there is no limit. */
  readonly deliveryLimit?: number;
}

/** From an exchange, by a key, and of a headers exchange by arguments. */
export interface BindingWish {
  readonly from: string;
  readonly key: string;
  readonly args?: Headers;
}

/** What is done with a delivery; `reject` is AMQP's without, `requeue` that with requeue. */
export type Settling = 'ack' | 'reject' | 'requeue';

export type Operation =
  | { readonly does: 'declare-exchange'; readonly name: string; readonly options: ExchangeWish }
  | { readonly does: 'delete-exchange'; readonly name: string; readonly ifUnused: boolean }
  | {
      readonly does: 'bind-exchange' | 'unbind-exchange';
      readonly to: string;
      readonly binding: BindingWish;
    }
  | {
      readonly does: 'declare-queue';
      readonly by: Actor;
      readonly name: string;
      readonly options: QueueWish;
    }
  | {
      readonly does: 'delete-queue';
      readonly by: Actor;
      readonly name: string;
      readonly ifUnused: boolean;
      readonly ifEmpty: boolean;
    }
  | { readonly does: 'purge'; readonly by: Actor; readonly name: string }
  | {
      readonly does: 'bind-queue' | 'unbind-queue';
      readonly by: Actor;
      readonly queue: string;
      readonly binding: BindingWish;
    }
  | {
      readonly does: 'publish';
      /** Begins the payload of each of its messages. */
      readonly tag: string;
      readonly exchange: string;
      readonly key: string;
      readonly headers?: Headers;
      readonly count: number;
      readonly units: number;
      readonly mandatory: boolean;
      readonly ttlMs?: number;
    }
  | {
      readonly does: 'consume';
      readonly by: Actor;
      readonly consumer: string;
      readonly queue: string;
      /** Without, nothing is acknowledged: what was sent is done. */
      readonly prefetch?: number;
      readonly exclusive: boolean;
    }
  | { readonly does: 'leave'; readonly consumer: string }
  | {
      readonly does: 'settle';
      readonly consumer: string;
      readonly how: Settling;
      /** Which of its unsettled deliveries, counted round. */
      readonly at: number;
      /** All up to this one. */
      readonly multiple: boolean;
    }
  /** Settles a delivery that is settled already. */
  | { readonly does: 'settle-again'; readonly consumer: string }
  /** Takes all that is ready, and acknowledges it by taking. */
  | { readonly does: 'drain'; readonly by: Actor; readonly consumer: string; readonly queue: string }
  | { readonly does: 'disconnect' };

export interface Topology {
  readonly seed: number;
  readonly operations: readonly Operation[];
}

/** Bytes of a payload: of the smallest one, more than all that a hub adds to a few messages. */
export const UNIT_BYTES = 2_000;
/** Of a message. */
export const MAX_UNITS = 3;

/** One operation, in a line of a table. */
export function describe(operation: Operation): string {
  const { does, ...rest } = operation;
  const parts = Object.entries(rest).flatMap(([name, value]) => {
    if (value === false || value === undefined) return [];
    if (value === true) return [name];
    return [`${name}=${typeof value === 'string' ? value || "''" : compact(value)}`];
  });
  return `${does} ${parts.join(' ')}`;
}

/** JSON without what is switched off. */
const compact = (value: unknown): string =>
  JSON.stringify(value, (_name, inner) => (inner === false ? undefined : inner)).replaceAll('"', '');
