/**
 * How the head of a durable queue is read from the store: when, how much, and which of the answer still counts.
 *
 * When nobody consumes any more the head is left to the store again, but for a little; what consumers gave back stays, as
 * the store does not know when they did.
 *
 * One load at a time. What was purged while it was under way is passed over; what was counted and not found where the
 * answer says to have read everything is missing.
 */
import type { QueueEffect } from './queue-effects.ts';
import type { SavedEntry } from './queue-entry.ts';
import type { ReadyEntries } from './ready-entries.ts';

/** What a durable queue keeps loaded at most. */
export interface HeadBounds {
  /** While consumers wait for it. */
  readonly messages: number;
  readonly bytes: number;
  /** While none does. */
  readonly idleMessages: number;
  readonly idleBytes: number;
}

export const HEAD_BOUNDS: HeadBounds = {
  messages: 1024,
  bytes: 4 * 1024 * 1024,
  idleMessages: 64,
  idleBytes: 256 * 1024,
};

/** What a `load` found: a message, or the number of a damaged one. */
export type LoadedEntry = SavedEntry | { readonly seq: number; readonly record?: never };

export class HeadLoading {
  /** The load under way, and how many of the rest it finds if it reads to its end. */
  private underWay: { readonly upTo: number; messages: number } | undefined;

  constructor(
    private readonly ready: ReadyEntries,
    private readonly bounds: HeadBounds,
  ) {}

  /** Whether a message pushed now stays in memory; `isWanted`: a consumer waits. */
  keepsPushed(isWanted: boolean): boolean {
    const { restMessages, loadedMessages, loadedBytes } = this.ready;
    if (restMessages > 0) return false;
    const { messages, bytes } = this.atMost(isWanted);
    return loadedMessages < messages && loadedBytes < bytes;
  }

  /**
   * Asks for more of the rest, if it is time.
   *
   * @param isWanted a consumer waits
   * @param isNeeded the first message has to be known: it may expire, or has to give way
   */
  ask(isWanted: boolean, isNeeded: boolean, lastSeq: number, effects: QueueEffect[]): void {
    const { restMessages, loadedMessages, loadedBytes, after } = this.ready;
    if (restMessages === 0 || this.underWay) return;
    const runsLow = loadedMessages * 4 < this.bounds.messages && loadedBytes * 4 < this.bounds.bytes;
    if (!(isNeeded && loadedMessages === 0) && !(isWanted && runsLow)) return;
    const { messages, bytes } = this.atMost(isWanted);
    this.underWay = { upTo: lastSeq, messages: restMessages };
    effects.push({
      kind: 'load',
      after,
      upTo: lastSeq,
      limit: messages - loadedMessages,
      maxBytes: bytes - loadedBytes,
    });
  }

  /** The answer: gives what counts of it to `take`, in order, and returns how many messages are missing. */
  answered(entries: readonly LoadedEntry[], isEnd: boolean, take: (found: LoadedEntry) => void): number {
    const load = this.underWay;
    this.underWay = undefined;
    if (!load) return 0;
    for (const found of entries) {
      // Purged meanwhile, or never counted.
      if (found.seq <= this.ready.after || load.messages === 0) continue;
      load.messages--;
      take(found);
    }
    // Nothing found is an end, too: asked again it would be found no sooner.
    if (load.messages === 0 || !(isEnd || entries.length === 0)) return 0;
    this.ready.forget(load.messages, load.upTo);
    return load.messages;
  }

  /** Nobody consumes: leaves all but a little to the store again. Returns whether any of it may expire. */
  unload(): boolean {
    // What is on its way from there belongs behind what is loaded.
    if (this.underWay) return false;
    const { messages, bytes } = this.atMost(false);
    return this.ready.unload(messages, bytes);
  }

  /** The rest was dropped: the load under way finds nothing that counts. */
  dropRest(): void {
    if (this.underWay) this.underWay.messages = 0;
  }

  private atMost(isWanted: boolean): { readonly messages: number; readonly bytes: number } {
    return isWanted ? this.bounds : { messages: this.bounds.idleMessages, bytes: this.bounds.idleBytes };
  }
}
