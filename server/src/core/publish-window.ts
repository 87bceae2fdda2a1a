/**
 * Numbered publishes of one session: each number once, and no more unconfirmed than the window allows
 * (PROTOCOL §11).
 *
 * A client re-sends at most a window of publishes after a resume. Their outcomes are remembered, so a re-sent
 * number is answered as the first one was, and never published again.
 */

import type { Confirmed, ErrorName } from '@ringhub/protocol';
import { LazyMap } from './lazy-map.ts';

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

/** Places of the ring at first; it grows as far as the window needs. */
const INITIAL_PLACES = 16;

export class PublishWindow {
  /** The highest number seen. */
  highWater = 0;
  /** Publishes whose outcome is still to come. */
  pending = 0;

  private windowMessages = 0;
  private windowBytes = 0;
  private untoldMessages = 0;
  private untoldBytes = 0;
  /**
   * Of the last numbers, twice the window, as what can be re-sent is never older: what a pending one weighs, or how it
   * ended. By number modulo the ring's length, a power of two.
   */
  private ring: (number | Settled | undefined)[] = [];
  private forgotUpTo = 0;
  /** Bytes of pending ones that left the ring: others were answered meanwhile, or refused. */
  private readonly overtaken = new LazyMap<number, number>();
  /**
   * Outcomes of those that were settled when more than a window had come after them, as those that wait for a disk are. A
   * client that has not heard of one sends less than a window more: kept for as many, and so never more than two windows.
   */
  private readonly late = new LazyMap<number, { readonly outcome: Settled; readonly until: number }>();

  constructor(private readonly limits: WindowLimits) {}

  /** Admits a publish by number; `new` ones must be settled once. */
  admit(seq: number, bytes: number): Admission {
    if (seq <= this.highWater) {
      const isInRing = seq > this.forgotUpTo;
      const found = isInRing
        ? this.ring[this.placeOf(seq)]
        : (this.overtaken.get(seq) ?? this.late.get(seq)?.outcome);
      if (found === undefined) return SEQUENCE;
      return typeof found === 'number' ? PENDING : { kind: 'answered', outcome: found };
    }
    if (seq !== this.highWater + 1) return SEQUENCE;
    this.highWater = seq;
    if (this.windowMessages >= this.limits.messages || this.windowBytes + bytes > this.limits.bytes) {
      this.put(seq, 'publish-window');
      return WINDOW;
    }
    this.windowMessages++;
    this.windowBytes += bytes;
    this.pending++;
    this.put(seq, bytes);
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
    const isInRing = seq > this.forgotUpTo;
    const bytes = isInRing ? this.ring[this.placeOf(seq)] : this.overtaken.get(seq);
    if (typeof bytes !== 'number') throw new Error(`publish ${seq} settled twice`);
    if (isInRing) this.ring[this.placeOf(seq)] = outcome;
    else this.overtaken.delete(seq);
    const { messages } = this.limits;
    if (this.highWater - seq > messages) this.late.set(seq, { outcome, until: this.highWater + messages });
    this.pending--;
    this.untoldMessages++;
    this.untoldBytes += bytes;
  }

  /** All outcomes so far were written to the client: only now may it count on the room. */
  told(): void {
    this.windowMessages -= this.untoldMessages;
    this.windowBytes -= this.untoldBytes;
    this.untoldMessages = 0;
    this.untoldBytes = 0;
  }

  private put(seq: number, state: number | Settled): void {
    for (const [number, { until }] of this.late) {
      if (until >= seq) break;
      this.late.delete(number);
    }
    for (const upTo = seq - 2 * this.limits.messages; this.forgotUpTo < upTo; ) {
      const place = this.placeOf(++this.forgotUpTo);
      const old = this.ring[place];
      if (typeof old === 'number') this.overtaken.set(this.forgotUpTo, old);
      this.ring[place] = undefined;
    }
    if (seq - this.forgotUpTo > this.ring.length) this.grow();
    this.ring[this.placeOf(seq)] = state;
  }

  private grow(): void {
    const before = this.ring;
    this.ring = new Array(Math.max(INITIAL_PLACES, before.length * 2)).fill(undefined);
    for (let seq = this.forgotUpTo + 1; seq < this.highWater; seq++) {
      this.ring[this.placeOf(seq)] = before[seq & (before.length - 1)];
    }
  }

  private placeOf(seq: number): number {
    // Numbers of more than 32 bits have the right low bits, too.
    return seq & (this.ring.length - 1);
  }
}
