/**
 * The sums of a durable queue as they are stored with its entries, and how a queue goes on from them: a million entries
 * cost a start nothing, and the books are as exact after it as before.
 */
import type { DeclaredQueue } from '../core/declared-queue.ts';
import { Ledger } from '../core/ledger.ts';
import type { NamedQueue } from '../core/named-queue.ts';
import type { QueueSums } from '../core/queue-account.ts';
import type { EngineQueues, Storing } from '../ports/engine.ts';
import type { HubContext } from './context.ts';
import type { Expected } from './recount.ts';

interface StoredSums {
  readonly bytes: number;
  /** `bytes` counts messages that were damaged or missing, too. */
  readonly isUnweighed?: true;
  /** Entries up to here may have been delivered before the next sums are stored. */
  readonly deliveredUpTo: number;
  readonly account: QueueSums;
}

/** As JSON; `storing` is what the store has with them and the queue was not told of yet. */
export function sumsOf({ state }: DeclaredQueue, { messages, bytes }: Storing): string {
  const sums: StoredSums = {
    bytes: state.bytes + bytes,
    ...(state.ready.isRestWeighed ? {} : { isUnweighed: true }),
    deliveredUpTo: state.deliveredMark,
    account: state.account.toSums(messages),
  };
  return JSON.stringify(sums);
}

/** A queue goes on from the sums stored last; where those are damaged, from its entries. Returns what is to be there. */
export function restoreMessages(
  hub: HubContext,
  state: NamedQueue,
  queues: EngineQueues,
  id: number,
): Expected {
  const { first, last } = queues.bounds(id);
  const text = queues.sums(id);
  const sums = text === undefined ? undefined : (JSON.parse(text) as StoredSums);
  if (!sums && last > 0) {
    hub.counters.corrupt++;
    hub.fault(`the books of the queue ${state.name} are damaged on disk, and begin anew`);
  }
  const books = new Ledger();
  if (sums) books.add(sums.account.ledger);
  const { messages, bytes } = sums
    ? { messages: books.routed - books.settled, bytes: sums.bytes }
    : queues.count(id);
  const isWeighed = !sums?.isUnweighed;
  state.restore({
    messages,
    bytes,
    isWeighed,
    after: first - 1,
    lastSeq: last,
    redeliveredUpTo: sums?.deliveredUpTo ?? last,
    sums: sums?.account,
  });
  return { state, messages, bytes, isWeighed };
}
