/**
 * Whose turn it is: the consumers of a queue that may have credit, in turn. Who has none when a message comes to its turn leaves, and
 * stands at the end again once it offers credit; who is closed leaves at once, as in an idle queue no turn comes. So a
 * turn costs O(1), amortised, whatever the number of consumers.
 */
import type { Consumer } from './consumer.ts';

/** A consumer's place, between two others or at an end. */
export interface Place {
  readonly consumer: Consumer;
  before: Place | undefined;
  behind: Place | undefined;
}

export class ConsumerRotation {
  private first: Place | undefined;
  private last: Place | undefined;

  /** A consumer may have credit now. */
  join(consumer: Consumer): void {
    if (consumer.place || !consumer.hasCredit) return;
    consumer.place = { consumer, before: undefined, behind: undefined };
    this.append(consumer.place);
  }

  /** A consumer has no turn any more, if it had one. */
  leave(consumer: Consumer): void {
    if (!consumer.place) return;
    this.takeOut(consumer.place);
    consumer.place = undefined;
  }

  /** Whether anybody has credit; takes those in front who have none out. To be asked only where there is a message to give. */
  get hasCredit(): boolean {
    while (this.first && !this.first.consumer.hasCredit) this.leave(this.first.consumer);
    return this.first !== undefined;
  }

  /** Whether anybody has a turn, with credit or not: takes it from nobody. */
  get hasTurns(): boolean {
    return this.first !== undefined;
  }

  /** The consumer whose turn it is; only while one {@link hasCredit}. Its next turn comes after all others'. */
  turn(): Consumer {
    const place = this.first!;
    this.takeOut(place);
    this.append(place);
    return place.consumer;
  }

  clear(): void {
    this.first = this.last = undefined;
  }

  private append(place: Place): void {
    place.before = this.last;
    if (this.last) this.last.behind = place;
    else this.first = place;
    this.last = place;
  }

  private takeOut(place: Place): void {
    const { before, behind } = place;
    if (before) before.behind = behind;
    else this.first = behind;
    if (behind) behind.before = before;
    else this.last = before;
    place.before = place.behind = undefined;
  }
}
