/**
 * The subscriptions of one session that may have something to send, in the order in which they were marked: a list through
 * the subscriptions themselves, as it is filled and emptied with each delivery. Hot path.
 */
import type { Subscription } from './subscription.ts';

export class DirtySubscriptions {
  private first: Subscription | undefined;
  private last: Subscription | undefined;

  get isEmpty(): boolean {
    return this.first === undefined;
  }

  /** What is marked after it is behind it. */
  get newest(): Subscription | undefined {
    return this.last;
  }

  /** Marked twice is marked once. */
  add(subscription: Subscription): void {
    if (subscription.isDirty) return;
    subscription.isDirty = true;
    if (this.last) this.last.nextDirty = subscription;
    else this.first = subscription;
    this.last = subscription;
  }

  shift(): Subscription | undefined {
    const { first } = this;
    if (!first) return undefined;
    this.first = first.nextDirty;
    if (!this.first) this.last = undefined;
    first.nextDirty = undefined;
    first.isDirty = false;
    return first;
  }

  clear(): void {
    while (this.shift()) {}
  }
}
