/**
 * What a named queue has done, or needs done: appended by its calls to the caller's list, performed by the hub in order.
 *
 * Of every message pushed, one effect or none has told the end so far, and never two: `settled`, `dead-letter`, `corrupt`,
 * or a share of `dropped-range` or `missing`.
 */
import type { Consumer } from './consumer.ts';
import type { DeathReason } from './dead-letter.ts';
import type { DropReason, Outcome } from './ledger.ts';
import type { QueueEntry } from './queue-entry.ts';

export type QueueEffect =
  /** Its obligation has ended: to be removed from the store. */
  | { readonly kind: 'settled'; readonly entry: QueueEntry; readonly outcome: Outcome }
  /** To be published to the dead-letter exchange and removed, in one unit. */
  | { readonly kind: 'dead-letter'; readonly entry: QueueEntry; readonly reason: DeathReason }
  /** It failed, and waits again, `delayMs` long, until `entry.dueWallMs`: attempts and due time are to be stored. */
  | { readonly kind: 'requeued'; readonly entry: QueueEntry; readonly delayMs: number }
  /** `count` messages with after < seq <= upTo, none of them loaded, have ended: to be removed from the store. */
  | {
      readonly kind: 'dropped-range';
      readonly after: number;
      readonly upTo: number;
      readonly count: number;
      readonly outcome: DropReason;
    }
  /**
   * Messages with after < seq <= upTo are wanted, in order: at most `limit`, and `maxBytes`, but the first one whatever it
   * weighs. To be answered by one call of `loaded`; there is no other `load` of the queue before.
   */
  | {
      readonly kind: 'load';
      readonly after: number;
      readonly upTo: number;
      readonly limit: number;
      readonly maxBytes: number;
    }
  /** A damaged message was read, and is dropped: to be removed from the store. */
  | { readonly kind: 'corrupt'; readonly seq: number }
  /**
   * Messages with seq <= upTo may be delivered soon: `deliveredMark` is to be stored, and then `marked` called; those
   * behind the last mark wait for it.
   */
  | { readonly kind: 'mark'; readonly upTo: number }
  /** So many messages were counted and not found in the store; they are dropped. */
  | { readonly kind: 'missing'; readonly count: number }
  /** A consumer has something to send; told once until it is filled. What a fill leaves over, the caller knows itself. */
  | { readonly kind: 'dirty'; readonly consumer: Consumer }
  /** Nobody uses the queue any more: to be deleted. */
  | { readonly kind: 'unused' };
