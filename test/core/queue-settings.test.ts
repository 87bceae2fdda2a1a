/** Defaults, bounds, and when two queues are the same. */
import type { QueueOptions } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import {
  MAX_SETTING_MS,
  QUEUE_BOUNDS,
  queueSettings,
  settingDifference,
} from '../../server/src/core/queue-settings.ts';
import { retryDelayMs, spreadRandom } from '../../server/src/core/retry-delay.ts';
import { settingsOf } from './named-queue-scene.ts';

describe('queue settings', () => {
  it('are made whole by defaults', () => {
    expect(queueSettings({})).toEqual({
      durable: false,
      exclusive: false,
      autoDelete: false,
      maxMessages: 100_000,
      maxBytes: 64 * 1024 * 1024,
      overflow: 'drop-head',
      deliveryLimit: 20,
    });
    expect(queueSettings({ durable: true, retry: { delayMs: 10 }, deliveryLimit: null })).toMatchObject({
      maxMessages: 1_000_000,
      maxBytes: 1024 * 1024 * 1024,
      deliveryLimit: null,
      retry: { delayMs: 10, factor: 2, maxDelayMs: 3_600_000, jitter: 0.2 },
    });
  });

  it('give less than was asked for, where that is too much', () => {
    const much = { maxMessages: 1e12, maxBytes: 1e15 };
    expect(queueSettings(much)).toMatchObject({
      maxMessages: QUEUE_BOUNDS.volatile.maxMessages,
      maxBytes: QUEUE_BOUNDS.volatile.maxBytes,
    });
    expect(queueSettings({ ...much, durable: true })).toMatchObject({
      maxMessages: QUEUE_BOUNDS.durable.maxMessages,
      maxBytes: QUEUE_BOUNDS.durable.maxBytes,
    });
  });

  it.each<[string, QueueOptions]>([
    ['maxMessages', { maxMessages: 0 }],
    ['maxMessages', { maxMessages: 1.5 }],
    ['maxBytes', { maxBytes: -1 }],
    ['overflow', { overflow: 'drop-tail' as 'drop-head' }],
    ['messageTtlMs', { messageTtlMs: -1 }],
    ['messageTtlMs', { messageTtlMs: MAX_SETTING_MS + 1 }],
    ['expiresMs', { expiresMs: 0 }],
    ['deliveryLimit', { deliveryLimit: -1 }],
    ['deliveryLimit', { deliveryLimit: Number.NaN }],
    ['deadLetterExchange', { deadLetterExchange: 'x'.repeat(256) }],
    ['deadLetterKey', { deadLetterKey: 'k' }],
    ['deadLetterKey', { deadLetterExchange: 'x', deadLetterKey: 'k'.repeat(256) }],
    ['retry.delayMs', { retry: { delayMs: 0 } }],
    ['retry.factor', { retry: { delayMs: 1, factor: 0.5 } }],
    ['retry.maxDelayMs', { retry: { delayMs: 1, maxDelayMs: 0 } }],
    ['retry.jitter', { retry: { delayMs: 1, jitter: 2 } }],
  ])('refuse a wrong %s', (name, options) => {
    expect(queueSettings(options)).toMatch(name);
  });

  it.each<[string, QueueOptions]>([
    ['messageTtlMs', { messageTtlMs: 0 }],
    ['deliveryLimit', { deliveryLimit: 0 }],
    ['deadLetterExchange', { deadLetterExchange: '' }],
    ['retry', { retry: { delayMs: 5, jitter: 0 } }],
    ['durable', { durable: true }],
    ['exclusive', { exclusive: true }],
    ['autoDelete', { autoDelete: true }],
    ['maxMessages', { maxMessages: 7 }],
    ['maxBytes', { maxBytes: 7 }],
    ['overflow', { overflow: 'reject-publish' }],
    ['expiresMs', { expiresMs: 1 }],
  ])('differ by %s', (name, options) => {
    // What durability changes of the defaults is not meant here.
    const one = settingsOf({ maxMessages: 9, maxBytes: 9 });
    const other = settingsOf({ maxMessages: 9, maxBytes: 9, ...options });
    expect(settingDifference(one, other)).toBe(name);
    expect(settingDifference(other, one)).toBe(name);
    expect(settingDifference(other, settingsOf({ maxMessages: 9, maxBytes: 9, ...options }))).toBeUndefined();
  });

  it('differ by any part of the retry', () => {
    const one = settingsOf({ retry: { delayMs: 5 } });
    for (const part of [{ factor: 3 }, { maxDelayMs: 7 }, { jitter: 0 }, { delayMs: 6 }])
      expect(settingDifference(one, settingsOf({ retry: { delayMs: 5, ...part } }))).toBe('retry');
  });
});

describe('the delay before a retry', () => {
  it('grows with each attempt up to its bound', () => {
    const retry = { delayMs: 100, factor: 3, maxDelayMs: 2000, jitter: 0 };
    expect([1, 2, 3, 4, 5, 2000].map((n) => retryDelayMs(retry, n, 0.5))).toEqual([
      100, 300, 900, 2000, 2000, 2000,
    ]);
  });

  it('varies by its jitter, either way', () => {
    const retry = { delayMs: 100, factor: 2, maxDelayMs: 1000, jitter: 0.2 };
    expect(retryDelayMs(retry, 1, 0)).toBeCloseTo(80);
    expect(retryDelayMs(retry, 1, 0.5)).toBeCloseTo(100);
    expect(retryDelayMs(retry, 1, 0.999_999)).toBeCloseTo(120, 3);
  });

  it('is another for each of many messages that failed together', () => {
    const chances = Array.from({ length: 1000 }, (_, i) => spreadRandom(0.7, i + 1));
    const perTenth = new Array<number>(10).fill(0);
    for (const chance of chances) perTenth[Math.floor(chance * 10)]!++;
    expect(Math.min(...perTenth)).toBeGreaterThan(90);
    expect(Math.max(...perTenth)).toBeLessThan(110);
  });
});
