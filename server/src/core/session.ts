/**
 * One session: what outlives its connections (PROTOCOL §3).
 *
 * Holds the queues, the numbers of its publishes, and what is to be written at the next flush: answers,
 * confirms and which queues have something to send. Pure: the hub owns the connection and the clock.
 */

import type { Confirmed, ErrorEntry, ErrorName } from '@ringhub/protocol';
import type { Principal } from '../ports/auth.ts';
import type { Message } from '../ports/transport.ts';
import { ConfirmRuns } from './confirm-runs.ts';
import type { QueueConsumer } from './declared-queue.ts';
import { DirtySubscriptions } from './dirty-subscriptions.ts';
import type { SessionBytes } from './held-messages.ts';
import type { HubCodec } from './hub-codec.ts';
import { LazyMap, LazySet } from './lazy-map.ts';
import type { SessionLimits } from './limits.ts';
import { PublishWindow } from './publish-window.ts';
import type { ResumeTokens } from './resume-token.ts';
import type { SessionState } from './session-state.ts';
import type { Subscription } from './subscription.ts';

/** The connection a session has, as the hub uses it. */
export interface Link {
  readonly codec: HubCodec;
  /** Sent and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /** It is there for one queue, and of no use without it. */
  readonly isOfOneQueue?: true;
  send(message: Message): void;
  /** Closes the connection; `bye` is a good end. */
  end(why: ErrorEntry | 'bye'): void;
}

/** About what a run of confirms takes. */
const CONFIRM_BYTES = 64;

export class Session {
  state: SessionState = 'attached';
  /** Only the hub sets and uses it. */
  link: Link | undefined;
  /** What the client calls itself. */
  client = '';
  readonly subscriptions = new Map<number, Subscription>();
  /** Consumers of named queues, in the same space of ids. */
  readonly consumers = new LazyMap<number, QueueConsumer>();
  readonly confirms = new ConfirmRuns();
  readonly bytes: SessionBytes;
  /** Bindings over all queues. */
  bindings = 0;
  /** Monotonic time at which the resume window ends, while parked. */
  parkedUntilMs = Number.POSITIVE_INFINITY;

  /** Frames to be written before the deliveries of the next flush, as the link's codec has them. */
  readonly output: Message[] = [];
  outputBytes = 0;
  /** Commands that were refused so far. */
  refusals = 0;
  /** Waits for the next flush. */
  isDirty = false;
  /** The last record of the feed counted as reaching this session. */
  reachedBy = 0;
  /** Subscriptions that may have something to send. */
  readonly dirty = new DirtySubscriptions();
  readonly dirtyConsumers = new LazySet<QueueConsumer>();
  /** Most sessions never publish. */
  private published: PublishWindow | undefined;

  constructor(
    readonly id: string,
    /** As of the last hello: what a token permits may change. */
    public principal: Principal,
    readonly limits: SessionLimits,
    readonly tokens: ResumeTokens,
  ) {
    this.bytes = { held: 0, max: limits.maxSessionBytes };
  }

  /** The numbers of its publishes. */
  get publishes(): PublishWindow {
    this.published ??= new PublishWindow({
      messages: this.limits.publishWindowMessages,
      bytes: this.limits.publishWindowBytes,
    });
    return this.published;
  }

  /** The highest number of a publish so far; 0 before the first. */
  get publishSeq(): number {
    return this.published?.highWater ?? 0;
  }

  /** Whether an outcome of a publish is still to come. */
  get hasPublishesPending(): boolean {
    return this.published !== undefined && this.published.pending > 0;
  }

  /** All outcomes of publishes so far were written to the client. */
  publishesTold(): void {
    this.published?.told();
  }

  /**
   * Whether it has queues, made for a resume, and its client never heard of it: that one will ask anew by the session it knows, and what
   * this one had in hand would wait for nobody until the resume window is over.
   */
  get isUnheard(): boolean {
    return !this.tokens.isHeard && this.subscriptions.size + this.consumers.size > 0;
  }

  /** Queues a frame for the next flush; false once more waits unread than the limit allows. */
  write(frame: Message): boolean {
    this.output.push(frame);
    this.outputBytes += frame.length;
    return this.outputBytes <= this.limits.maxOutputBytes;
  }

  /** Queues a confirm for the next flush; false as for {@link write}. */
  confirm(seq: number, outcome: Omit<Confirmed, 'seq' | 'count'>): boolean {
    if (this.confirms.add(seq, outcome)) this.outputBytes += CONFIRM_BYTES;
    return this.outputBytes <= this.limits.maxOutputBytes;
  }

  /** What was to be written belongs to a connection that is gone; a resume asks again. */
  forgetOutput(): void {
    this.output.length = 0;
    this.outputBytes = 0;
    this.confirms.drain();
    this.publishesTold();
    this.dirty.clear();
    this.dirtyConsumers.clear();
  }

  /** Why one more subscription is refused, or `undefined`. */
  subscriptionFault(bindings: number): ErrorName | undefined {
    if (this.subscriptions.size + this.consumers.size >= this.limits.maxSubscriptions)
      return 'too-many-subscriptions';
    return this.bindings + bindings > this.limits.maxBindings ? 'too-many-bindings' : undefined;
  }
}
