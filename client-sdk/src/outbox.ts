/**
 * Publishes on their way to the hub: numbered when first sent, kept until confirmed or refused (PROTOCOL §11).
 *
 *   push ─► [ queued ] ─ take, within the hub's window ─► [ sent ] ─ confirm, refuse ─► settled
 *               ▲                                            │
 *               └──── resume: again, with their numbers ─────┘
 *
 * Bounded in messages and bytes, sent ones included: a full outbox refuses, it never drops. A number once
 * used stays in the sequence, also when nobody waits for its outcome any more. Pure, and blind to what is in a publish.
 */

/** One publish, encoded when it was made: later changes of its data do not count. */
export interface Outgoing {
  readonly frameBytes: number;
  readonly payloadBytes: number;
  /** Recognised by the hub across sessions. */
  readonly hasId: boolean;
  /** Says from now on under what session and number it was sent first. */
  readonly resend: (first: First) => void;
  // The outbox writes what follows.
  /** Its number in this session; 0 until it is sent. */
  seq: number;
  /** Sent at least once, maybe in an earlier session. */
  wasSent?: boolean;
  /** Known once its session was lost. */
  first?: First;
  /** Nobody waits for the outcome. */
  abandoned?: boolean;
}

/** Session and number of a publish when it was sent first. */
export type First = readonly [session: string, seq: number];

export interface OutboxBounds {
  readonly messages: number;
  readonly bytes: number;
}

export class Outbox<P extends Outgoing> {
  /** In order; those to be sent again, with their numbers, come first. */
  #queued: P[] = [];
  readonly #sent = new Map<number, P>();
  #lastSeq = 0;
  #bytes = 0;
  #inFlightBytes = 0;
  readonly #bounds: OutboxBounds;

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#queued.length + this.#sent.size;
  }

  /** False where the outbox is full. */
  push(publish: P): boolean {
    if (this.length >= this.#bounds.messages || this.#bytes + publish.frameBytes > this.#bounds.bytes)
      return false;
    this.#queued.push(publish);
    this.#bytes += publish.frameBytes;
    return true;
  }

  /** The next publish to send, under its number, or `undefined` while the window is full or nothing waits. */
  take(window: OutboxBounds): P | undefined {
    const next = this.#queued[0];
    if (!next) return undefined;
    const { payloadBytes } = next;
    const { size } = this.#sent;
    // One that is larger than the whole window is sent alone, for the hub to refuse.
    if (size && (size >= window.messages || this.#inFlightBytes + payloadBytes > window.bytes))
      return undefined;
    this.#queued.shift();
    next.seq ||= ++this.#lastSeq;
    next.wasSent = true;
    this.#sent.set(next.seq, next);
    this.#inFlightBytes += payloadBytes;
    return next;
  }

  /** Settles a number; gives its publish, `undefined` where it is unknown. */
  settle(seq: number): P | undefined {
    const publish = this.#sent.get(seq);
    if (publish) {
      this.#sent.delete(seq);
      this.#inFlightBytes -= publish.payloadBytes;
      this.#bytes -= publish.frameBytes;
    }
    return publish;
  }

  /** Nobody waits for this publish any more. True where it was never sent, and never will be. */
  abandon(publish: P): boolean {
    publish.abandoned = true;
    if (!publish.seq) this.#takeOut((other) => other === publish);
    return !publish.wasSent;
  }

  /** The session goes on: what was sent is sent again, with its numbers. */
  resume(): void {
    this.#queued = [...this.#sent.values(), ...this.#queued];
    this.#sent.clear();
    this.#inFlightBytes = 0;
  }

  /**
   * A new session: numbers start anew. What was sent goes out again: its id lets the hub recognise it, or the session
   * and the number it had.
   *
   * @param recognised whether the logs still know the ids of what was sent
   */
  restart(publishSeq: number, recognised: boolean, session: string): void {
    this.resume();
    this.#takeOut(({ wasSent, abandoned }) => wasSent && abandoned);
    for (const publish of this.#queued) {
      if (publish.wasSent) {
        publish.first ??= [session, publish.seq];
        if (!recognised || !publish.hasId) publish.resend(publish.first);
      }
      publish.seq = 0;
    }
    this.#lastSeq = publishSeq;
  }

  /** Empties the outbox: what was never sent, and what was sent and not confirmed. */
  close(): { unsent: P[]; sent: P[] } {
    this.resume();
    return { unsent: this.#takeOut(({ wasSent }) => !wasSent), sent: this.#queued };
  }

  /** Removes waiting publishes, and gives them. */
  #takeOut(which: (publish: P) => boolean | undefined): P[] {
    const out = this.#queued.filter(which);
    this.#queued = this.#queued.filter((publish) => !out.includes(publish));
    for (const { frameBytes } of out) this.#bytes -= frameBytes;
    return out;
  }
}
