/**
 * What fits into the ring of one subscription: messages and bytes of its own, and the bytes that its session may hold in all of its
 * rings. Sent and waiting ones count alike; of the sent ones, holes too.
 */
import type { StoredRecord } from '../ports/engine.ts';
import type { SessionBytes } from './held-messages.ts';
import type { ReadyRing } from './ready-ring.ts';
import type { UnackedWindow } from './unacked-window.ts';

export interface RingBounds {
  readonly capacity: number;
  readonly capacityBytes: number;
}

export class RingRoom {
  constructor(
    private readonly bounds: RingBounds,
    private readonly ready: ReadyRing,
    private readonly unacked: UnackedWindow,
    private readonly session: SessionBytes,
  ) {}

  /** Bytes of messages held, sent or not. */
  get bytes(): number {
    return this.ready.bytes + this.unacked.bytes;
  }

  /** Whether as many more messages, of so many bytes together, have room as things stand. */
  fits(count: number, bytes: number): boolean {
    return (
      this.ready.messages + this.unacked.span + count <= this.bounds.capacity &&
      this.bytes + bytes <= this.bounds.capacityBytes &&
      this.session.held + bytes <= this.session.max
    );
  }

  /** Whether one more has. */
  has(record: StoredRecord): boolean {
    return this.fits(1, record.bytes);
  }

  /** Whether the bytes of one more would fit if everything that waits gave way. */
  wouldFit({ bytes }: StoredRecord): boolean {
    return (
      this.unacked.bytes + bytes <= this.bounds.capacityBytes &&
      this.session.held - this.ready.bytes + bytes <= this.session.max
    );
  }

  /** Whether it would fit into the ring of a session that holds nothing. */
  couldEverFit({ bytes }: StoredRecord): boolean {
    return bytes <= this.bounds.capacityBytes && bytes <= this.session.max;
  }

  /** One message took the place of a smaller one. */
  get isOverBytes(): boolean {
    return this.bytes > this.bounds.capacityBytes || this.session.held > this.session.max;
  }

  /** It is the session's bytes that one more has no room in. */
  isOverSession({ bytes }: StoredRecord): boolean {
    return this.session.held + bytes > this.session.max;
  }

  /** Messages that may come before the ring is full; none where bytes are used up. */
  get slots(): number {
    if (this.bytes >= this.bounds.capacityBytes || this.session.held >= this.session.max) return 0;
    return Math.max(0, this.bounds.capacity - this.unacked.span - this.ready.messages);
  }
}
