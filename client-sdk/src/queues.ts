/**
 * Named queues: shared by competing consumers, durable or not (PROTOCOL §20). Apart from the client, so that pages
 * without them need not load it. What is declared, bound and consumed here survives reconnects, and is declared and
 * consumed anew where the hub came back without it.
 */
import {
  type BindingArguments,
  type BindingSpec,
  type ConsumeOptions,
  type Consuming,
  type Death,
  ERROR_CODES,
  MAX_RESUME_NAMED_QUEUES,
  type PassiveDeclare,
  type QueueEmptied,
  type QueueInfo,
  type QueueOptions,
  type ResumeNamedQueue,
} from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import type { CommandOptions } from './commands.ts';
import type { Delivery } from './delivery.ts';
import { RinghubError } from './errors.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { eventOf, type GapEvent, type Message } from './message.ts';
import { QueueFeed } from './queue-feed.ts';
import type { Session } from './session.ts';
import { type Handler, Subscription } from './subscription.ts';

export type {
  Death,
  OnLost,
  QueueFigures,
  QueueInfo,
  QueueOptions,
  QueueOverflow,
  QueueRetry,
  QueueSettings,
} from '@ringhub/protocol';

/**
 * Makes a named queue, or finds it as it is; declared again where the hub came back without it. With `passive: true` it
 * only asks whether the queue is there (`queue-not-found`). Resolves with the queue and its options as granted. Rejects
 * with `queue-mismatch`, `queue-exclusive`, `bad-name`, `reserved-name`, `too-many-queues` (of the hub, or more than 256 of this
 * client), `forbidden`, `store-failed`, or
 * `bad-argument`: also where a hub that keeps no data is asked for a durable queue (PROTOCOL §20).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { bindQueue, declareQueue } from '@ringhub/client/queues';
 * const hub = await connect(url, { token });
 * const retry = { delayMs: 500, maxDelayMs: 60_000 };
 * await declareQueue(hub, 'jobs', { durable: true, deliveryLimit: 5, deadLetterExchange: 'amq.topic', retry });
 * await bindQueue(hub, 'jobs', 'amq.topic', 'jobs.#');
 * const receipt = await hub.publish('amq.topic', 'jobs.mail', { to: 'ada' });
 * console.log(receipt.queues?.took);
 * await hub.close();
 * ```
 */
export function declareQueue<Messages extends object>(
  hub: Hub<Messages>,
  name: string,
  { signal, ...options }: CommandOptions & (QueueOptions | PassiveDeclare) = {},
): Promise<QueueInfo> {
  const { session } = hub;
  const known = session.declared.namedQueues ?? [];
  const pending = declaring.get(session) ?? 0;
  const isPassive = 'passive' in options;
  const added = isPassive || known.some(([queue]) => queue === name) ? 0 : 1;
  if (added && known.length + pending >= MAX_RESUME_NAMED_QUEUES) return Promise.reject(tooManyQueues());
  const count = (more: number): unknown => declaring.set(session, (declaring.get(session) ?? 0) + more);
  count(added);
  const done = session.commands.run({
    line: () => ['declareQueue', name, options],
    accept: (result) => {
      if (!isPassive) declared(session, name, (before) => [name, options, before?.[2] ?? []]);
      return result as QueueInfo;
    },
    signal,
  });
  return done.finally(() => count(-added));
}

/** How many queues are being declared, and may be more for a resume to name. */
const declaring = new WeakMap<Session, number>();

const tooManyQueues = (): RinghubError =>
  new RinghubError(
    ERROR_CODES['too-many-queues'],
    `too-many-queues: a client declares ${MAX_RESUME_NAMED_QUEUES} at most, as a resume has room for no more`,
  );

/**
 * Takes a named queue away, with its messages and bindings; resolves with how many messages went. With `ifUnused` only
 * where nobody consumes (`queue-in-use`), with `ifEmpty` only where it holds nothing (`queue-not-empty`). Rejects with
 * `queue-not-found`, `queue-exclusive` or `forbidden`, too (PROTOCOL §20).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { declareQueue, deleteQueue } from '@ringhub/client/queues';
 * const hub = await connect(url, { token });
 * await declareQueue(hub, 'passing');
 * console.log(await deleteQueue(hub, 'passing', { ifUnused: true }));
 * await hub.close();
 * ```
 */
export function deleteQueue<Messages extends object>(
  hub: Hub<Messages>,
  name: string,
  { signal, ...options }: CommandOptions & { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
): Promise<number> {
  return hub.session.commands.run({
    line: () => ['deleteQueue', name, options],
    takesAway: true,
    accept: (result) => {
      declared(hub.session, name, () => undefined);
      return emptied(result);
    },
    signal,
  });
}

/**
 * Takes away what is ready or delayed in a named queue; resolves with how many messages went. Rejects with
 * `queue-not-found`, `queue-exclusive` or `forbidden` (PROTOCOL §20).
 */
export function purgeQueue<Messages extends object>(
  hub: Hub<Messages>,
  name: string,
  { signal }: CommandOptions = {},
): Promise<number> {
  return hub.session.commands.run({ line: () => ['purge', name], accept: emptied, signal });
}

/**
 * What a named queue holds, who consumes it, its figures and its ledger. Rejects with `queue-not-found`,
 * `queue-exclusive` or `forbidden` (PROTOCOL §20).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { declareQueue, inspectQueue } from '@ringhub/client/queues';
 * const hub = await connect(url, { token });
 * await declareQueue(hub, 'jobs.seen');
 * const { messages, figures } = await inspectQueue(hub, 'jobs.seen');
 * console.log(messages.ready, messages.inflight, figures.responseTimeMs);
 * await hub.close();
 * ```
 */
export function inspectQueue<Messages extends object>(
  hub: Hub<Messages>,
  name: string,
  { signal }: CommandOptions = {},
): Promise<QueueInfo> {
  return hub.session.commands.run({
    line: () => ['inspect', name],
    accept: (result) => result as QueueInfo,
    signal,
  });
}

/**
 * Binds a named queue: it gets what `exchange` routes by `key`, too. Bound again where the queue is declared again.
 * Rejects with `queue-not-found`, `queue-exclusive`, `unknown-exchange`, `default-exchange`, `bad-pattern`,
 * `too-many-hashes`, `too-many-bindings` or `forbidden` (PROTOCOL §5).
 */
export function bindQueue<Messages extends object>(
  hub: Hub<Messages>,
  queue: string,
  exchange: string,
  key: string,
  args?: BindingArguments,
  { signal }: CommandOptions = {},
): Promise<void> {
  return changeBinding(hub.session, 'bind', queue, bindingOf(exchange, key, args), signal);
}

/** Takes a binding of a named queue back; what it brought stays there. Rejects with `unknown-binding`, too. */
export function unbindQueue<Messages extends object>(
  hub: Hub<Messages>,
  queue: string,
  exchange: string,
  key: string,
  args?: BindingArguments,
  { signal }: CommandOptions = {},
): Promise<void> {
  return changeBinding(hub.session, 'unbind', queue, bindingOf(exchange, key, args), signal);
}

function changeBinding(
  session: Session,
  type: 'bind' | 'unbind',
  queue: string,
  binding: BindingSpec,
  signal: AbortSignal | undefined,
): Promise<void> {
  return session.commands.run({
    line: () => [type, { queue }, ...binding],
    takesAway: type === 'unbind',
    accept: () =>
      declared(session, queue, (before) => {
        if (!before) return before;
        const [name, options, bindings] = before;
        const others = bindings.filter((other) => keyOf(other) !== keyOf(binding));
        return [name, options, type === 'bind' ? [...others, binding] : others];
      }),
    signal,
  });
}

const bindingOf = (exchange: string, key: string, args: BindingArguments | undefined): BindingSpec =>
  args ? [exchange, key, args] : [exchange, key];

const keyOf = ([exchange, key, args = {}]: BindingSpec): string =>
  JSON.stringify([exchange, key, Object.entries(args).sort()]);

const emptied = (result: unknown): number => (result as QueueEmptied | undefined)?.messages ?? 0;

/** Changes what a resume declares of one queue; in the order in which queues were declared first. */
function declared(
  session: Session,
  name: string,
  change: (before: ResumeNamedQueue | undefined) => ResumeNamedQueue | undefined,
): void {
  const queues = new Map(session.declared.namedQueues?.map((queue) => [queue[0], queue]));
  const after = change(queues.get(name));
  if (after) queues.set(name, after);
  else queues.delete(name);
  session.declared.namedQueues = [...queues.values()];
}

/** A message of a named queue. */
export interface QueueMessage<T = unknown> extends Omit<Message<T>, 'replaced' | 'redelivered' | 'nack'> {
  /** 1 for the first; one more for each attempt that failed: nacked, or its consumer was lost. */
  readonly attempt: number;
  /** There was an attempt before. */
  readonly redelivered: boolean;
  /** Of a dead letter: how it died, the latest first. */
  readonly xDeath: readonly Death[];
  /**
   * It could not be processed now: it goes back to its place in the queue, for any consumer, at once or after `delayMs`
   * (2^32 − 1 at most, and no longer than thirty days); without, the queue's `retry` says when. Beyond the
   * `deliveryLimit` it becomes a dead letter.
   */
  nack(options?: { readonly delayMs?: number | undefined }): void;
}

export type ConsumerOptions = CommandOptions & {
  /**
   * `auto` (default): a message is acknowledged once the handler has resolved, or the next one is asked for; `manual`: by its
   * `ack`, `nack` or `reject`; `none`: once it is sent, so it is lost with a connection.
   */
  readonly ack?: ConsumeOptions['ack'] | undefined;
  /** Messages sent and not settled, at most; 256 by default. */
  readonly prefetch?: number | undefined;
  /**
   * Where the connection is lost: `keep` (default) what is in hand until the session ends, or `requeue` it at once, for
   * others.
   */
  readonly onLost?: ConsumeOptions['onLost'] | undefined;
  /** Nobody else may consume meanwhile (`queue-in-use`). */
  readonly exclusive?: boolean | undefined;
};

/** One consumer of a named queue: iterate over it, or give a handler. */
export interface QueueConsumer<Event = QueueMessage>
  extends AsyncIterableIterator<Event, undefined>,
    Pick<
      Subscription,
      | 'closed'
      | 'dropped'
      | 'pause'
      | 'resume'
      | 'setPrefetch'
      | 'unsubscribe'
      | 'addEventListener'
      | 'removeEventListener'
    > {
  readonly granted: Consuming['granted'];
  return(): Promise<IteratorResult<Event, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A hub, whatever it says of its exchanges' data: a queue's messages have a type of their own. */
// biome-ignore lint/suspicious/noExplicitAny: no other argument takes every hub, and none of it is used.
type AnyHub = Hub<any>;

/**
 * Consumes a named queue, in competition with whoever else does. Iterate over the result, or give a handler; a handler
 * that throws nacks its message. Survives reconnects; ends where the queue is deleted (`queue-not-found`). At least once,
 * in the order of the queue until a message is delivered again. Rejects with `queue-not-found`, `queue-in-use`,
 * `queue-exclusive`, `too-many-subscriptions` or `forbidden` (PROTOCOL §20).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { consume, declareQueue } from '@ringhub/client/queues';
 * const hub = await connect(url, { token });
 * await declareQueue(hub, 'mails', { durable: true });
 * await hub.publish('', 'mails', { to: 'ada' });
 * for await (const mail of await consume<{ to: string }>(hub, 'mails', { ack: 'manual', prefetch: 10 })) {
 *   console.log(mail.data.to, mail.attempt);
 *   if (mail.attempt > 3) mail.reject();
 *   else if (mail.data.to === 'ada') mail.ack();
 *   else mail.nack({ delayMs: 1_000 });
 *   break;
 * }
 * await hub.close();
 * ```
 */
export function consume<T = unknown>(
  hub: AnyHub,
  queue: string,
  options: ConsumerOptions & { readonly ack: 'none' },
  handler?: Handler<QueueMessage<T> | GapEvent>,
): Promise<QueueConsumer<QueueMessage<T> | GapEvent>>;
export function consume<T = unknown>(
  hub: AnyHub,
  queue: string,
  options?: ConsumerOptions,
  handler?: Handler<QueueMessage<T>>,
): Promise<QueueConsumer<QueueMessage<T>>>;
export function consume(
  hub: AnyHub,
  queue: string,
  { signal, ...rest }: ConsumerOptions = {},
  handler?: Handler<never>,
): Promise<QueueConsumer<never>> {
  const options = { consume: queue, ...rest } as ConsumeOptions;
  const make = (consuming: Consuming): Subscription => {
    const feed = new QueueFeed(options, consuming);
    const consumer = new Subscription(hub.session, feed as unknown as Feed, handler, messageOf(feed));
    void consumer.closed.then(onAbort(signal, () => void consumer.unsubscribe()));
    return consumer;
  };
  const consumer: Promise<unknown> = hub.session.subscribe(['consume', options], make, signal);
  return consumer as Promise<QueueConsumer<never>>;
}

/** As of a subscription, with what only named queues have. With ack `none` there may be gaps. */
const messageOf =
  (feed: QueueFeed): typeof eventOf =>
  (delivery: Delivery, settle) => {
    const event = eventOf(delivery, settle);
    const { item, note } = delivery;
    if (event.kind !== 'message' || item.kind !== 'message') return event;
    const failed = note?.redelivered ?? 0;
    const { replaced: _, ...rest } = Object.getOwnPropertyDescriptors(event);
    const more = {
      attempt: failed + 1,
      redelivered: failed > 0,
      xDeath: item.xDeath ?? [],
      nack: ({ delayMs }: { readonly delayMs?: number } = {}) => {
        if (delayMs !== undefined) feed.delay(delivery, delayMs);
        settle('nack');
      },
    };
    // Its data stays unread until it is asked for.
    return Object.assign(Object.defineProperties({}, rest), more) as unknown as typeof event;
  };
