/**
 * How long a message waits before it is tried again: exponential backoff with jitter.
 */
import type { QueueRetry } from '@ringhub/protocol';

/**
 * The delay after an attempt failed.
 *
 * @param attempts how many have failed, this one included
 * @param random from 0 up to, not including, 1
 */
export function retryDelayMs(retry: Required<QueueRetry>, attempts: number, random: number): number {
  const delayMs = Math.min(retry.maxDelayMs, retry.delayMs * retry.factor ** (attempts - 1));
  return delayMs * (1 + retry.jitter * (2 * random - 1));
}

const GOLDEN = 0.618_033_988_749_894_9;

/** A chance of its own for each of many messages, all from one: spread evenly, so that they do not come back together. */
export const spreadRandom = (random: number, seq: number): number => (random + seq * GOLDEN) % 1;
