/**
 * Messages on their way into named queues (PROTOCOL §20): room is kept where the publish arrives, and the queue has the
 * message once it is safe: where it is not durable when the log has it, where it is when its copy is on disk. So each
 * queue has the messages of a log in the order of that log.
 *
 *     admit ─► engine.publish ─► placed: push (not durable) ─► taken: push (durable)
 *        └─ refused                                              └─ release: it was a duplicate, or could not be stored
 */
import type { ErrorName, QueueReceipt } from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import { newEntry } from '../core/queue-entry.ts';
import { recordBytes } from '../core/stored-record.ts';
import type { PublishExtras, PublishResult, StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { QueueWork } from './queue-work.ts';

/** The queues that have room for one message, and those that have not. */
export interface Taking {
  readonly bytes: number;
  readonly durable: readonly DeclaredQueue[];
  readonly volatile: readonly DeclaredQueue[];
  /** Those that have no room: they count it, unless it turns out to be published before. */
  readonly refusing: readonly DeclaredQueue[];
  /** Ids of the durable ones, for the engine. */
  readonly stored: readonly number[];
  /** For the publisher; `undefined` where no named queue was reached. */
  readonly receipt: QueueReceipt | undefined;
  /** Those that are not durable have it. */
  isPlaced: boolean;
}

type Weighed = Parameters<typeof recordBytes>[0];

const NOTHING: readonly never[] = [];
/** Of a message that reaches no named queue. */
export const NO_QUEUES: Taking = {
  bytes: 0,
  durable: NOTHING,
  volatile: NOTHING,
  refusing: NOTHING,
  stored: NOTHING,
  receipt: undefined,
  isPlaced: false,
};

export class QueueIntake {
  constructor(
    private readonly hub: HubContext,
    private readonly work: QueueWork,
  ) {}

  /** Keeps room for a message in each queue that has it. */
  admit(queues: readonly DeclaredQueue[], message: Weighed): Taking {
    if (queues.length === 0) return NO_QUEUES;
    const bytes = recordBytes(message);
    const admitted: DeclaredQueue[] = [];
    const refusing: DeclaredQueue[] = [];
    const refused: [string, ErrorName][] = [];
    for (const queue of queues) {
      const hasMemory = this.hub.hasQueueMemoryFor(queue, bytes);
      const admission = hasMemory ? queue.state.admit(bytes) : 'full';
      if (admission === 'admitted') admitted.push(queue);
      else {
        refusing.push(queue);
        refused.push([queue.name, admission === 'full' ? 'queue-full' : 'payload-too-large']);
      }
    }
    const durable = admitted.filter(({ isDurable }) => isDurable);
    return {
      bytes,
      durable,
      volatile: durable.length === admitted.length ? NOTHING : admitted.filter(({ isDurable }) => !isDurable),
      refusing,
      stored: durable.map(({ id }) => id),
      receipt: { took: admitted.map(({ name }) => name), refused },
      isPlaced: false,
    };
  }

  /** What the engine is to know of the queues, beside what else it is told. */
  extrasOf(taking: Taking, extras: PublishExtras | undefined): PublishExtras | undefined {
    if (taking.stored.length === 0 && taking.volatile.length === 0) return extras;
    if (taking.volatile.length === 0) return { ...extras, queues: taking.stored };
    const placed = (record: StoredRecord): void => {
      taking.isPlaced = true;
      for (const queue of taking.volatile) this.push(queue, queue.state.lastSeq + 1, record);
    };
    return { ...extras, queues: taking.stored, placed };
  }

  /** What became of the publish. */
  taken(taking: Taking, result: PublishResult): void {
    if (result.kind === 'taken' && result.record.sessions === 0 && !taking.receipt?.took.length)
      this.hub.counters.unroutable++;
    if (taking === NO_QUEUES) return;
    if (result.kind !== 'duplicate') this.refused(taking);
    if (!taking.isPlaced) for (const queue of taking.volatile) queue.state.release(taking.bytes);
    taking.durable.forEach((queue, i) => {
      if (result.kind === 'taken') this.push(queue, result.seqs[i]!, result.record);
      else queue.state.release(taking.bytes);
    });
  }

  /** It is counted by the queues that have no room for it, as it does not come another way. */
  refused({ refusing }: Taking): void {
    for (const { state } of refusing) {
      if (!state.closed) state.refuse();
    }
  }

  private push(queue: DeclaredQueue, seq: number, record: StoredRecord): void {
    if (queue.state.closed) {
      // Deleted while the message was on its way: its books are closed.
      queue.state.release(record.bytes);
      this.hub.endedQueues.begin();
      this.hub.endedQueues.settle('deleted');
      return;
    }
    this.work.attempt(queue, (moment, effects) => {
      const { messageTtlMs } = queue.state.settings;
      // Its TTL begins when it could be delivered first.
      queue.state.push(newEntry(seq, record, messageTtlMs, moment.wallMs), moment, effects);
    });
  }
}
