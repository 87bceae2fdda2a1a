/**
 * How one connection writes and reads frames: chosen by its subprotocol, the same for as long as it lives (PROTOCOL §2).
 *
 *     frame ─ encode ─► kept for the flush ─┐
 *                                           ├─ begin, put…, end ─► one message
 *     batch of a queue ─────────────────────┘
 *
 * One instance of each codec serves a whole hub and puts one message together at a time. What is the same for all
 * receivers is written once: a record's item, and the joined items of neighbours with the same batch.
 */
import type { ClientMessage, ServerFrame } from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import type { Batch } from './batch.ts';
import type { Entry } from './ready-ring.ts';

/** Every frame of the hub's but `deliver`, which is put together from items that are shared. */
export type Answer = Exclude<ServerFrame, { type: 'deliver' }>;

export interface HubCodec {
  /** The frames of a message, to be read one by one; of the wrong kind, it is one `bad-frame`. */
  read(message: Message): ClientMessage;
  /** A frame by itself, to be kept and put into a message later. */
  encode(frame: Answer): Message;
  /** As `encode`, for a frame that was written as JSON before. */
  encodeText(line: string): Message;

  /** A new message; what was put into an unfinished one is dropped. */
  begin(): void;
  put(frame: Message): void;
  putBatch(queue: number, batch: Batch): void;
  /** The message, if anything was put into it; bytes hold until the next `begin`. */
  end(): Message | undefined;

  /** At the end of a turn: neighbours of the next one have other batches. */
  forgetShared(): void;
}

/** Gaps of different queues are different entries, so equal entries have equal items. */
export function hasEntries(
  { entries, count }: Batch,
  shared: readonly Entry[],
  sharedCount: number,
): boolean {
  if (count !== sharedCount) return false;
  for (let i = 0; i < count; i++) if (entries[i] !== shared[i]) return false;
  return true;
}
