/**
 * What a client says of what it receives: ack, reject, nack, credit, and that it wants no more (PROTOCOL §6, §8). A session queue and a
 * consumer of a named queue are told alike: their numbers are from one row.
 */
import type { ClientFrame } from '@ringhub/protocol';
import type { Session } from '../core/session.ts';
import type { SessionQueue } from '../core/session-queue.ts';
import type { Consumers } from './consumers.ts';
import type { Flusher } from './flusher.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

type Settling = Extract<ClientFrame, { type: 'ack' | 'reject' | 'nack' }>;
type Credit = Extract<ClientFrame, { type: 'credit' }>;
type Receipt = Settling | Credit | Extract<ClientFrame, { type: 'unsubscribe' }>;

/** Settling is answered only where it is refused, without a ref. */
interface Answered {
  readonly ref: number | null;
  readonly refusal?: Refusal | undefined;
}

export class Receiving {
  constructor(
    private readonly flusher: Flusher,
    private readonly subscriptions: Subscriptions,
    private readonly consumers: Consumers,
  ) {}

  perform(session: Session, frame: Receipt): Answered {
    switch (frame.type) {
      case 'ack':
      case 'reject':
      case 'nack':
        return { ref: null, refusal: this.settle(session, frame) };
      case 'credit':
        return { ref: frame.ref, refusal: this.setCredit(session, frame) };
      case 'unsubscribe':
        return { ref: frame.ref, refusal: this.end(session, frame.queue) };
      default:
        return frame satisfies never;
    }
  }

  private settle(session: Session, frame: Settling): Refusal | undefined {
    const { queue: id } = frame;
    const subscription = session.subscriptions.get(id);
    const made = session.consumers.get(id);
    if (!subscription && !made) return unknownQueue(id);
    const tag = subscription ? settleRing(subscription.queue, frame) : this.consumers.settle(made!, frame);
    if (tag !== undefined) return { error: 'unknown-tag', detail: { queue: id, tag } };
    if (subscription) this.flusher.markSubscription(subscription);
    return undefined;
  }

  private setCredit(session: Session, { queue: id, prefetch }: Credit): Refusal | undefined {
    const subscription = session.subscriptions.get(id);
    const made = session.consumers.get(id);
    const granted = Math.min(prefetch, session.limits.maxPrefetch);
    if (subscription) {
      const { queue } = subscription;
      queue.prefetch = Math.min(granted, queue.settings.capacity - 1);
      this.flusher.markSubscription(subscription);
    } else if (made) this.consumers.setPrefetch(made, granted);
    else return unknownQueue(id);
    return undefined;
  }

  private end(session: Session, id: number): Refusal | undefined {
    const subscription = session.subscriptions.get(id);
    const made = session.consumers.get(id);
    if (subscription) this.subscriptions.end(subscription, 'unsubscribed');
    else if (made) this.consumers.cancel(made);
    else return unknownQueue(id);
    return undefined;
  }
}

const unknownQueue = (queue: number): Refusal => ({ error: 'unknown-queue', detail: { queue } });

function settleRing(queue: SessionQueue, frame: Settling): number | undefined {
  switch (frame.type) {
    case 'ack':
      return queue.ack(frame.upTo, frame.ranges);
    case 'reject':
      return queue.reject(frame.ranges);
    case 'nack':
      return queue.nack(frame.ranges);
    default:
      return frame satisfies never;
  }
}
