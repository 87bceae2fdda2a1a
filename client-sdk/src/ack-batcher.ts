/**
 * Collects the tags to acknowledge on one queue and says when to send them (PROTOCOL §8).
 *
 * Acks are lazy and cumulative: everything up to the first unsettled tag in one number, what is settled beyond
 * it as ranges, each tag named once. What was sent on a connection that died is named again by the resume, so
 * no ack is ever lost and none is sent twice on one connection.
 */
import type { TagRanges } from '@ringhub/protocol';
import { TagSet } from './tag-set.ts';

/** The hub takes so many ranges in one frame. */
const MAX_RANGES = 1024;
const MAX_BATCH = 64;

interface Acks {
  readonly ackedUpTo: number;
  readonly ackedRanges: TagRanges;
}

export class AckBatcher {
  readonly #settled = new TagSet();
  #unsent = new TagSet();
  #unsentCount = 0;
  #batch = 1;

  /** Acks are due after a quarter of the prefetch, 64 at most. */
  set prefetch(prefetch: number) {
    this.#batch = Math.max(1, Math.min(MAX_BATCH, prefetch >> 2));
  }

  get isDue(): boolean {
    return this.#unsentCount >= this.#batch;
  }

  /** A tag to acknowledge. */
  settle(tag: number): void {
    if (!this.#settled.add(tag)) return;
    this.#unsent.add(tag);
    this.#unsentCount++;
  }

  /** A tag that was settled by a `reject` frame: later acks may step over it. */
  skip(tag: number): void {
    this.#settled.add(tag);
  }

  /** The next ack to send, or `undefined` where nothing is new. */
  take(): Acks | undefined {
    return this.#unsentCount > 0 ? this.#send(this.#unsent) : undefined;
  }

  /** Everything settled, for a resume; what goes in there need not be sent again. */
  resume(): Acks {
    return this.#send(this.#settled);
  }

  #send(tags: TagSet): Acks {
    const ackedUpTo = this.#settled.upTo;
    const rest = tags.above(ackedUpTo);
    const ackedRanges = rest.splice(0, MAX_RANGES);
    this.#unsent = new TagSet();
    this.#unsent.ranges.push(...rest);
    this.#unsentCount = rest.length;
    return { ackedUpTo, ackedRanges };
  }
}
