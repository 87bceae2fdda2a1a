/**
 * Holds the books of durable queues against what the store has, after a restart: in the background, a slice at a time.
 *
 * The books say how many messages there are; the entries are counted as they were at the start. A difference means that
 * something was lost or kept that should not have been: it is told, and counts as a residual of the ledger's law. What
 * damaged messages weigh nobody knows: where there are or were any, their queue's bytes are set right instead.
 */
import type { NamedQueue } from '../core/named-queue.ts';
import type { Recount } from '../ports/engine.ts';
import type { HubContext } from './context.ts';

/** What the stored books say of a queue. */
export interface Expected {
  readonly state: NamedQueue;
  readonly messages: number;
  readonly bytes: number;
  /** False where messages were damaged that the bytes still count. */
  readonly isWeighed: boolean;
}

/** Entries looked at in one slice, and how long others have the loop between two. */
const SLICE = 500;
const PAUSE_MS = 5;

export class Recounts {
  private readonly waiting: { readonly expected: Expected; readonly recount: Recount }[] = [];
  private timer: { stop(): void } | undefined;

  constructor(private readonly hub: HubContext) {}

  /** Has a queue counted as it is now. */
  add(id: number, expected: Expected): void {
    const recount = this.hub.engine.queues?.recount(id);
    if (!recount) return;
    this.waiting.push({ expected, recount });
    this.timer ??= this.hub.clock.after(PAUSE_MS, () => this.step());
  }

  stop(): void {
    this.timer?.stop();
    for (const { recount } of this.waiting.splice(0)) recount.stop();
  }

  private step(): void {
    this.timer = undefined;
    const [first] = this.waiting;
    if (!first) return;
    if (first.recount.step(SLICE)) {
      this.waiting.shift();
      if (!first.recount.isGone) this.compare(first.expected, first.recount);
    }
    if (this.waiting.length > 0) this.timer = this.hub.clock.after(PAUSE_MS, () => this.step());
  }

  private compare({ state, messages, bytes, isWeighed }: Expected, recount: Recount): void {
    const isBytesKnown = isWeighed && recount.damaged === 0;
    if (!isBytesKnown) state.ready.correct(bytes - recount.bytes);
    if (recount.messages === messages && (!isBytesKnown || recount.bytes === bytes)) return;
    const difference = Math.abs(recount.messages - messages);
    // Bytes that do not add up are one fault, however many they are.
    this.hub.storeResidual += difference === 0 ? 1 : difference;
    this.hub.fault(
      `the books of the queue ${state.name} say ${messages} messages of ${bytes} bytes, the store has ${recount.messages} of ${recount.bytes}`,
    );
  }
}
