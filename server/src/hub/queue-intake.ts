/**
 * Messages on their way into named queues (PROTOCOL §20): room is kept where the publish arrives, and the queue has the
 * message once it is safe: at once, or when its copy is on disk.
 *
 *     admit ─► engine.publish ─► taken ─► push
 *        └─ refused                └─ release: it was a duplicate, or could not be stored
 */
import type { ErrorName, QueueReceipt } from '@ringhub/protocol';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import { newEntry } from '../core/queue-entry.ts';
import { recordBytes } from '../core/stored-record.ts';
import type { PublishResult, StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { QueueWork } from './queue-work.ts';

/** The queues that have room for one message, and those that have not. */
export interface Taking {
  readonly bytes: number;
  readonly durable: readonly DeclaredQueue[];
  readonly volatile: readonly DeclaredQueue[];
  /** Ids of the durable ones, for the engine. */
  readonly stored: readonly number[];
  /** For the publisher; `undefined` where no named queue was reached. */
  readonly receipt: QueueReceipt | undefined;
}

type Weighed = Parameters<typeof recordBytes>[0];

const NOTHING: readonly never[] = [];
/** Of a message that reaches no named queue. */
export const NO_QUEUES: Taking = {
  bytes: 0,
  durable: NOTHING,
  volatile: NOTHING,
  stored: NOTHING,
  receipt: undefined,
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
    const refused: [string, ErrorName][] = [];
    for (const queue of queues) {
      const admission = this.hub.hasQueueMemoryFor(queue, bytes) ? queue.state.admit(bytes) : 'full';
      if (admission === 'admitted') admitted.push(queue);
      else refused.push([queue.name, admission === 'full' ? 'queue-full' : 'payload-too-large']);
    }
    const durable = admitted.filter(({ isDurable }) => isDurable);
    for (const queue of durable) {
      queue.storing++;
      queue.storingBytes += bytes;
    }
    return {
      bytes,
      durable,
      volatile: durable.length === admitted.length ? NOTHING : admitted.filter(({ isDurable }) => !isDurable),
      stored: durable.map(({ id }) => id),
      receipt: { took: admitted.map(({ name }) => name), refused },
    };
  }

  /** What became of the publish. */
  taken(taking: Taking, result: PublishResult): void {
    if (taking === NO_QUEUES) return;
    for (const queue of taking.durable) {
      queue.storing--;
      queue.storingBytes -= taking.bytes;
    }
    if (result.kind !== 'taken') {
      for (const queue of taking.durable) queue.state.release(taking.bytes);
      for (const queue of taking.volatile) queue.state.release(taking.bytes);
      return;
    }
    taking.durable.forEach((queue, i) => {
      this.push(queue, result.seqs[i]!, result.record);
    });
    for (const queue of taking.volatile) this.push(queue, queue.state.lastSeq + 1, result.record);
  }

  private push(queue: DeclaredQueue, seq: number, record: StoredRecord): void {
    this.work.attempt(queue, (moment, effects) => {
      const { messageTtlMs } = queue.state.settings;
      // Its TTL begins when it could be delivered first.
      queue.state.push(newEntry(seq, record, messageTtlMs, moment.wallMs), moment, effects);
    });
  }
}
