/** Random queues, and what may be done to one: for the property of named queues. */
import fc from 'fast-check';
import type { SceneOptions } from './named-queue-scene.ts';

export type Op =
  | { readonly op: 'push'; readonly bytes: number; readonly ttlMs: number | undefined }
  | { readonly op: 'admit'; readonly bytes: number }
  | { readonly op: 'arrive' | 'cancel' | 'sweep' | 'desert' | 'purge' | 'restart' | 'answer' }
  | {
      readonly op: 'join';
      readonly ack: 'manual' | 'none';
      readonly prefetch: number;
      readonly lost: boolean;
    }
  | { readonly op: 'leave' | 'lose' | 'resume'; readonly who: number; readonly share: number }
  | { readonly op: 'fill' | 'credit'; readonly who: number; readonly n: number }
  | {
      readonly op: 'ack' | 'ack-one' | 'reject' | 'nack';
      readonly who: number;
      readonly share: number;
      readonly delayMs: number | undefined;
    }
  | { readonly op: 'pass'; readonly ms: number };

const share = fc.nat(999).map((n) => n / 1000);
const who = fc.nat(5);
const bytes = fc.constantFrom(10, 20, 50, 90, 300);
const just = <T extends string>(...ops: T[]) => fc.record({ op: fc.constantFrom(...ops) });

export const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('push' as const),
      bytes,
      ttlMs: fc.constantFrom(undefined, undefined, undefined, undefined, 1000, 0, 20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('admit' as const), bytes }) },
  { weight: 3, arbitrary: just('arrive', 'arrive', 'cancel') },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('join' as const),
      ack: fc.constantFrom('manual' as const, 'manual' as const, 'none' as const),
      prefetch: fc.constantFrom(0, 1, 1, 2, 3, 4),
      lost: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom('leave', 'lose', 'lose', 'resume', 'resume'), who, share }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ op: fc.constant('fill' as const), who, n: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('credit' as const), who, n: fc.nat(5) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constantFrom('ack', 'ack-one', 'ack-one', 'reject', 'nack', 'nack', 'nack'),
      who,
      share,
      delayMs: fc.constantFrom(undefined, 0, 5, 40),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 15 }) }),
  },
  { weight: 2, arbitrary: just('sweep', 'desert', 'desert', 'purge', 'restart') },
  { weight: 5, arbitrary: just('answer') },
);

const anyQueue: fc.Arbitrary<SceneOptions> = fc.record(
  {
    durable: fc.boolean(),
    maxMessages: fc.integer({ min: 1, max: 12 }),
    maxBytes: fc.constantFrom(100, 400, 100_000),
    overflow: fc.constantFrom('drop-head' as const, 'reject-publish' as const),
    deliveryLimit: fc.constantFrom(0, 0, 1, 20, null),
    messageTtlMs: fc.constantFrom(0, 30, 1000, 1000),
    retry: fc.constant({ delayMs: 4, factor: 2, maxDelayMs: 10, jitter: 0 }),
    head: fc.constantFrom(
      { messages: 4, bytes: 1000, idleMessages: 1, idleBytes: 1000 },
      { messages: 2, bytes: 60, idleMessages: 1, idleBytes: 60 },
    ),
    loadAtMost: fc.constantFrom(1, 3),
  },
  { requiredKeys: ['durable', 'maxMessages', 'maxBytes', 'overflow', 'head', 'deliveryLimit'] },
);

/** Settings of a queue, with a dead-letter exchange or without. */
export const options = fc
  .tuple(anyQueue, fc.boolean())
  .map(([queue, buries]) => (buries ? { ...queue, deadLetterExchange: 'dlx' } : queue));
