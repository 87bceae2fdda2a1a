/**
 * Commands of a session on its own queues, by their number: settling, credit, unsubscribing (PROTOCOL §6, §8, §20).
 */
import type { ClientFrame } from '@ringhub/protocol';
import type { Session } from '../core/session.ts';
import type { SessionQueue } from '../core/session-queue.ts';
import type { Consumers } from './consumers.ts';
import type { Flusher } from './flusher.ts';
import type { Refusal, Subscriptions } from './subscriptions.ts';

type Settling = Extract<ClientFrame, { type: 'ack' | 'reject' | 'nack' }>;
type Crediting = Extract<ClientFrame, { type: 'credit' }>;

export class OwnQueues {
  constructor(
    private readonly flusher: Flusher,
    private readonly subscriptions: Subscriptions,
    private readonly consumers: Consumers,
  ) {}

  settle(session: Session, frame: Settling): Refusal | undefined {
    const { queue: id } = frame;
    const subscription = session.subscriptions.get(id);
    const made = session.consumers.get(id);
    if (!subscription && !made) return unknownQueue(id);
    const tag = subscription ? settleRing(subscription.queue, frame) : this.consumers.settle(made!, frame);
    if (tag !== undefined) return { error: 'unknown-tag', detail: { queue: id, tag } };
    if (subscription) this.flusher.markSubscription(subscription);
    return undefined;
  }

  unsubscribe(session: Session, id: number): Refusal | undefined {
    const subscription = session.subscriptions.get(id);
    const made = session.consumers.get(id);
    if (subscription) this.subscriptions.end(subscription, 'unsubscribed');
    else if (made) this.consumers.cancel(made);
    else return unknownQueue(id);
    return undefined;
  }

  setCredit(session: Session, { queue: id, prefetch }: Crediting): Refusal | undefined {
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
