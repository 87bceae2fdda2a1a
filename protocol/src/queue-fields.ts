/** Checks the fields of the frames about named queues (PROTOCOL §20), for `client-fields.ts`. */
import {
  boolean,
  count,
  declaredName,
  durationMs,
  fail,
  numberWithin,
  object,
  oneOf,
  positive,
  routingKey,
} from './field-checks.ts';
import { ACK_MODES, type AckMode, type PassiveDeclare } from './frames.ts';
import {
  type ConsumeOptions,
  type NamedQueue,
  ON_LOST,
  type OnLost,
  QUEUE_OVERFLOWS,
  type QueueOptions,
  type QueueOverflow,
  type QueueRetry,
} from './queue-frames.ts';

const MAX_RETRY_FACTOR = 100;

export const queueName = (value: unknown, field: string): string => declaredName(value, field);

export const namedQueue = (value: unknown, field: string): NamedQueue => ({
  queue: queueName(object(value, field).queue, field),
});

export const queueDeclaration = (value: unknown): QueueOptions | PassiveDeclare =>
  value !== undefined && object(value, 'options').passive === true ? { passive: true } : queueOptions(value);

export function queueOptions(value: unknown): QueueOptions {
  const o = value === undefined ? {} : object(value, 'options');
  const at = (name: string) => `options.${name}`;
  // Nobody could use it after a restart of the hub: its session is gone.
  if (o.durable === true && o.exclusive === true) fail('bad-argument', at('exclusive'));
  if (o.deadLetterKey !== undefined && o.deadLetterExchange === undefined)
    fail('bad-argument', at('deadLetterKey'));
  return {
    ...(o.durable === undefined ? {} : { durable: boolean(o.durable, at('durable')) }),
    ...(o.exclusive === undefined ? {} : { exclusive: boolean(o.exclusive, at('exclusive')) }),
    ...(o.autoDelete === undefined ? {} : { autoDelete: boolean(o.autoDelete, at('autoDelete')) }),
    ...(o.maxMessages === undefined ? {} : { maxMessages: positive(o.maxMessages, at('maxMessages')) }),
    ...(o.maxBytes === undefined ? {} : { maxBytes: positive(o.maxBytes, at('maxBytes')) }),
    ...(o.overflow === undefined
      ? {}
      : { overflow: oneOf<QueueOverflow>(o.overflow, QUEUE_OVERFLOWS, at('overflow')) }),
    ...(o.messageTtlMs === undefined ? {} : { messageTtlMs: durationMs(o.messageTtlMs, at('messageTtlMs')) }),
    ...(o.expiresMs === undefined
      ? {}
      : { expiresMs: positive(durationMs(o.expiresMs, at('expiresMs')), at('expiresMs')) }),
    ...(o.deliveryLimit === undefined
      ? {}
      : { deliveryLimit: o.deliveryLimit === null ? null : count(o.deliveryLimit, at('deliveryLimit')) }),
    ...(o.deadLetterExchange === undefined
      ? {}
      : { deadLetterExchange: deadLetterExchange(o.deadLetterExchange) }),
    ...(o.deadLetterKey === undefined
      ? {}
      : { deadLetterKey: routingKey(o.deadLetterKey, at('deadLetterKey')) }),
    ...(o.retry === undefined ? {} : { retry: queueRetry(o.retry) }),
  };
}

/** The default exchange, which has no name to declare, may be one. */
const deadLetterExchange = (value: unknown): string =>
  value === '' ? '' : declaredName(value, 'options.deadLetterExchange');

function queueRetry(value: unknown): QueueRetry {
  const { delayMs, factor, maxDelayMs, jitter } = object(value, 'options.retry');
  const first = positive(durationMs(delayMs, 'options.retry.delayMs'), 'options.retry.delayMs');
  return {
    delayMs: first,
    ...(factor === undefined
      ? {}
      : { factor: numberWithin(factor, 'options.retry.factor', 1, MAX_RETRY_FACTOR) }),
    ...(maxDelayMs === undefined
      ? {}
      : {
          maxDelayMs: numberWithin(
            durationMs(maxDelayMs, 'options.retry.maxDelayMs'),
            'options.retry.maxDelayMs',
            first,
            Number.MAX_SAFE_INTEGER,
          ),
        }),
    ...(jitter === undefined ? {} : { jitter: numberWithin(jitter, 'options.retry.jitter', 0, 1) }),
  };
}

export function deleteQueueOptions(value: unknown): { ifUnused?: boolean; ifEmpty?: boolean } {
  const { ifUnused, ifEmpty } = value === undefined ? {} : object(value, 'options');
  return {
    ...(ifUnused === undefined ? {} : { ifUnused: boolean(ifUnused, 'options.ifUnused') }),
    ...(ifEmpty === undefined ? {} : { ifEmpty: boolean(ifEmpty, 'options.ifEmpty') }),
  };
}

export const consumeOptions = (o: Record<string, unknown>): ConsumeOptions => ({
  consume: queueName(o.consume, 'options.consume'),
  ...(o.ack === undefined ? {} : { ack: oneOf<AckMode>(o.ack, ACK_MODES, 'options.ack') }),
  ...(o.prefetch === undefined ? {} : { prefetch: count(o.prefetch, 'options.prefetch') }),
  ...(o.onLost === undefined ? {} : { onLost: oneOf<OnLost>(o.onLost, ON_LOST, 'options.onLost') }),
  ...(o.exclusive === undefined ? {} : { exclusive: boolean(o.exclusive, 'options.exclusive') }),
});
