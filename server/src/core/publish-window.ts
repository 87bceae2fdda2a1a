/**
 * Numbered publishes of one session: each number once, and no more unconfirmed than the window allows
 * (PROTOCOL §11).
 *
 * A client re-sends at most a window of publishes after a resume. Their outcomes are remembered, so a re-sent
 * number is answered as the first one was, and never published again.
 */
import type { Confirmed, ErrorName } from '@ringhub/protocol';

export interface WindowLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** How a publish ended: taken, or refused with an error. */
export type Settled = Omit<Confirmed, 'seq' | 'count'> | ErrorName;

/** What to do with a publish that came in. */
export type Admission =
  | { readonly kind: 'new' }
  /** Seen before and answered: answer the same again. */
  | { readonly kind: 'answered'; readonly outcome: Settled }
  /** Seen before, the answer is still to come. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'window' }
  | { readonly kind: 'sequence' };

const NEW: Admission = { kind: 'new' };
const PENDING: Admission = { kind: 'pending' };
const WINDOW: Admission = { kind: 'window' };
const SEQUENCE: Admission = { kind: 'sequence' };

export class PublishWindow {
  /** The highest number seen. */
  highWater = 0;

  private pendingMessages = 0;
  private pendingBytes = 0;
  private untoldMessages = 0;
  private untoldBytes = 0;
  /** Outcomes of the last numbers, twice the window: what can be re-sent is never older. */
  private readonly outcomes = new Map<number, Settled>();
  private forgotUpTo = 0;
  private readonly pendingBytesOf = new Map<number, number>();

  constructor(private readonly limits: WindowLimits) {}

  /** Publishes whose outcome is still to come. */
  get pending(): number {
    return this.pendingBytesOf.size;
  }

  /** Admits a publish by number; `new` ones must be settled once. */
  admit(seq: number, bytes: number): Admission {
    if (seq <= this.highWater) {
      const outcome = this.outcomes.get(seq);
      if (outcome) return { kind: 'answered', outcome };
      return this.pendingBytesOf.has(seq) ? PENDING : SEQUENCE;
    }
    if (seq !== this.highWater + 1) return SEQUENCE;
    this.highWater = seq;
    if (this.pendingMessages >= this.limits.messages || this.pendingBytes + bytes > this.limits.bytes) {
      this.remember(seq, 'publish-window');
      return WINDOW;
    }
    this.pendingMessages++;
    this.pendingBytes += bytes;
    this.pendingBytesOf.set(seq, bytes);
    return NEW;
  }

  /** A number that was refused before it could be weighed: it counts as seen. */
  refuse(seq: number, error: ErrorName): Admission {
    const admission = this.admit(seq, 0);
    if (admission.kind === 'new') this.settle(seq, error);
    return admission;
  }

  /** The outcome of an admitted publish, once. It stays in the window until it was {@link told}. */
  settle(seq: number, outcome: Settled): void {
    const bytes = this.pendingBytesOf.get(seq);
    if (bytes === undefined) throw new Error(`publish ${seq} settled twice`);
    this.pendingBytesOf.delete(seq);
    this.untoldMessages++;
    this.untoldBytes += bytes;
    this.remember(seq, outcome);
  }

  /** All outcomes so far were written to the client: only now may it count on the room. */
  told(): void {
    this.pendingMessages -= this.untoldMessages;
    this.pendingBytes -= this.untoldBytes;
    this.untoldMessages = 0;
    this.untoldBytes = 0;
  }

  private remember(seq: number, outcome: Settled): void {
    this.outcomes.set(seq, outcome);
    // What is so old is settled: no more than a window is pending.
    while (this.forgotUpTo < seq - 2 * this.limits.messages) this.outcomes.delete(++this.forgotUpTo);
  }
}
