/**
 * One item on its way from the hub through the application: what was delivered, where it stands, and whether
 * it was settled. The same object is found again when a lost session makes the hub deliver it once more.
 */
import type { Item, Note, Position } from '@ringhub/protocol';

export interface Delivery {
  readonly item: Item;
  readonly note: Note | undefined;
  /** Of a message; its epoch is the log's when it came. */
  readonly position: Position | undefined;
  readonly tag: number;
  /** Counts the sessions' queues of this subscription: tags of an earlier one mean nothing. */
  readonly life: number;
  /** For a gap that stands for messages dropped here: the last of their tags. */
  readonly lastTag: number;
  readonly settled: boolean;
}

/** How the application ended a delivery. */
export type Outcome = 'ack' | 'nack' | 'reject';
