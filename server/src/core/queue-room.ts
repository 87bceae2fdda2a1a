/**
 * The bounds of a named queue, and the room kept for messages that are admitted and on their way (to the store).
 */
import type { QueueSettings } from '@ringhub/protocol';

/** Messages and their bytes. */
export interface Amount {
  readonly messages: number;
  readonly bytes: number;
}

export class QueueRoom {
  /** Admitted, and neither pushed nor released. */
  admittedMessages = 0;
  admittedBytes = 0;

  constructor(private readonly bounds: Pick<QueueSettings, 'maxMessages' | 'maxBytes' | 'overflow'>) {}

  /**
   * Keeps room for a message, beside what the queue holds and would not drop for it; false where there is none. What is on
   * its way will be ready, and so gives way as what is ready does.
   */
  admit(bytes: number, held: Amount, ready: Amount): boolean {
    const givesWay = this.bounds.overflow === 'drop-head';
    const messages = held.messages + (givesWay ? -ready.messages : this.admittedMessages);
    const taken = held.bytes + (givesWay ? -ready.bytes : this.admittedBytes);
    if (messages >= this.bounds.maxMessages || taken + bytes > this.bounds.maxBytes) return false;
    this.admittedMessages++;
    this.admittedBytes += bytes;
    return true;
  }

  /** The room kept for one message is free again, or taken by it. */
  release(bytes: number): void {
    this.admittedMessages--;
    this.admittedBytes -= bytes;
  }

  /** Whether what the queue holds is too much. What is only admitted makes nothing give way: it may never come. */
  isExceeded(held: Amount): boolean {
    return held.messages > this.bounds.maxMessages || held.bytes > this.bounds.maxBytes;
  }
}
