/**
 * What a named queue is: the options it was declared with, made whole by defaults and held to bounds (PROTOCOL §20).
 *
 * Declared again, a queue has to be the same; {@link settingDifference} says what differs.
 */
import { QUEUE_OVERFLOWS, type QueueOptions, type QueueRetry, type QueueSettings } from '@ringhub/protocol';

const MIB = 1024 * 1024;
/** No time in the settings is longer: thirty days. */
export const MAX_SETTING_MS = 30 * 24 * 3600 * 1000;
const MAX_NAME_LENGTH = 255;

/** Bounds of the bounds: what is not durable lies in memory. */
export const QUEUE_BOUNDS = {
  durable: { messages: 1_000_000, maxMessages: 10_000_000, bytes: 1024 * MIB, maxBytes: 64 * 1024 * MIB },
  volatile: { messages: 100_000, maxMessages: 1_000_000, bytes: 64 * MIB, maxBytes: 512 * MIB },
} as const;

const DEFAULT_DELIVERY_LIMIT = 20;
const DEFAULT_RETRY = { factor: 2, maxDelayMs: 3_600_000, jitter: 0.2 } as const;

/** The settings, or which option is none, as a text for the client. */
export function queueSettings(options: QueueOptions): QueueSettings | string {
  const fault = faultOf(options);
  if (fault !== undefined) return fault;
  const durable = options.durable ?? false;
  const bounds = durable ? QUEUE_BOUNDS.durable : QUEUE_BOUNDS.volatile;
  const { messageTtlMs, expiresMs, deadLetterExchange, deadLetterKey, retry } = options;
  return {
    durable,
    exclusive: options.exclusive ?? false,
    autoDelete: options.autoDelete ?? false,
    maxMessages: Math.min(options.maxMessages ?? bounds.messages, bounds.maxMessages),
    maxBytes: Math.min(options.maxBytes ?? bounds.bytes, bounds.maxBytes),
    overflow: options.overflow ?? 'drop-head',
    deliveryLimit: options.deliveryLimit === undefined ? DEFAULT_DELIVERY_LIMIT : options.deliveryLimit,
    ...(messageTtlMs === undefined ? {} : { messageTtlMs }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
    ...(deadLetterExchange === undefined ? {} : { deadLetterExchange }),
    ...(deadLetterKey === undefined ? {} : { deadLetterKey }),
    ...(retry === undefined ? {} : { retry: retrySettings(retry) }),
  };
}

const retrySettings = (retry: QueueRetry): Required<QueueRetry> => ({
  ...DEFAULT_RETRY,
  maxDelayMs: Math.max(DEFAULT_RETRY.maxDelayMs, retry.delayMs),
  ...retry,
});

/** The first setting in which two queues differ, or `undefined`. */
export function settingDifference(a: QueueSettings, b: QueueSettings): string | undefined {
  return NAMES.find((name) =>
    name === 'retry' ? RETRY_NAMES.some((part) => a.retry?.[part] !== b.retry?.[part]) : a[name] !== b[name],
  );
}

const RETRY_NAMES = ['delayMs', 'factor', 'maxDelayMs', 'jitter'] as const;

/** A record, so that a new setting without a place here does not compile. */
const NAMES = Object.keys({
  durable: true,
  exclusive: true,
  autoDelete: true,
  maxMessages: true,
  maxBytes: true,
  overflow: true,
  messageTtlMs: true,
  expiresMs: true,
  deliveryLimit: true,
  deadLetterExchange: true,
  deadLetterKey: true,
  retry: true,
} satisfies Record<keyof QueueSettings, true>) as (keyof QueueSettings)[];

function faultOf(options: QueueOptions): string | undefined {
  const { retry, deliveryLimit, deadLetterExchange, deadLetterKey } = options;
  const isBetween = (value: number | undefined, min: number, max: number): boolean =>
    value === undefined || (value >= min && value <= max);
  const isCount = (value: number | undefined, min: number, max: number): boolean =>
    isBetween(value, min, max) && (value === undefined || Number.isInteger(value));

  if (!isCount(options.maxMessages, 1, Number.MAX_SAFE_INTEGER)) return 'maxMessages is at least 1';
  if (!isCount(options.maxBytes, 1, Number.MAX_SAFE_INTEGER)) return 'maxBytes is at least 1';
  if (options.overflow !== undefined && !QUEUE_OVERFLOWS.includes(options.overflow))
    return `overflow is one of ${QUEUE_OVERFLOWS.join(', ')}`;
  if (!isCount(options.messageTtlMs, 0, MAX_SETTING_MS)) return `messageTtlMs is 0 to ${MAX_SETTING_MS}`;
  if (!isCount(options.expiresMs, 1, MAX_SETTING_MS)) return `expiresMs is 1 to ${MAX_SETTING_MS}`;
  if (deliveryLimit !== null && !isCount(deliveryLimit, 0, 1_000_000))
    return 'deliveryLimit is 0 to 1000000, or null';
  if ((deadLetterExchange?.length ?? 0) > MAX_NAME_LENGTH) return 'deadLetterExchange is too long';
  if (deadLetterKey !== undefined && deadLetterExchange === undefined)
    return 'deadLetterKey needs a deadLetterExchange';
  if ((deadLetterKey?.length ?? 0) > MAX_NAME_LENGTH) return 'deadLetterKey is too long';
  if (!retry) return undefined;
  if (!isCount(retry.delayMs, 1, MAX_SETTING_MS)) return `retry.delayMs is 1 to ${MAX_SETTING_MS}`;
  if (!isBetween(retry.factor, 1, 100)) return 'retry.factor is 1 to 100';
  if (!isCount(retry.maxDelayMs, 1, MAX_SETTING_MS)) return `retry.maxDelayMs is 1 to ${MAX_SETTING_MS}`;
  return isBetween(retry.jitter, 0, 1) ? undefined : 'retry.jitter is 0 to 1';
}
