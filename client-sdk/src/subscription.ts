/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A subscription, as applications see it: an iterator or a handler over what the hub delivers, in order.
 *
 * An item counts as processed when the iterator asks for the next one, or the handler has resolved; never on
 * receipt. Leaving a loop (`break`, an exception) leaves its item unprocessed: iterating again begins with it.
 */
import {
  type BindingArguments,
  type BindingSpec,
  type Bound,
  CLIENT_ERROR_CODES,
  type Granted,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { CommandOptions } from './commands.ts';
import type { Delivery, Outcome } from './delivery.ts';
import { Emitter, reportUnhandled } from './emitter.ts';
import type { Feed } from './feed.ts';
import { eventOf, type GapEvent, type SubscriptionEvent } from './message.ts';
import type { Session } from './session.ts';

/** How to subscribe (PROTOCOL §6); what is left out, the hub decides. */
export type SubscriptionOptions = {
  readonly [K in Exclude<keyof SubscribeOptions, 'bindings'>]?: SubscribeOptions[K] | undefined;
} & {
  /** Ends the waiting for the subscription, and later the subscription. */
  readonly signal?: AbortSignal | undefined;
};

/** Called with one event at a time; the next one waits until it has resolved. */
export type Handler<Event> = (event: Event) => unknown;

export interface SubscriptionEvents {
  /** The handler failed, or the subscription ended for good. */
  readonly error: { readonly error: unknown };
  /** A gap is being handed out; also an item of the iterator. */
  readonly gap: GapEvent;
}

/** The same for the same binding, whatever the order of its arguments. */
const idOf = ([exchange, key, args = {}]: BindingSpec): string =>
  JSON.stringify([exchange, key, Object.entries(args).sort()]);

const DONE = { done: true, value: undefined } as const;

/**
 * Messages of one or more bindings, in order, with what was lost told in place. Survives reconnects.
 *
 * Ack `auto` is at-least-once: an item is acknowledged when the iterator asks for the next one or the handler has
 * resolved. A handler that fails raises `error`, and the message is sent again, 5 times at most, then a gap
 * `redelivery-limit` stands in its place; one that is not the JSON it says is rejected instead.
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * const hub = await connect(url, { token });
 * const subscription = await hub.subscribe('amq.topic', 'eu.*.spot');
 * await hub.publish('amq.topic', 'eu.de.spot', { price: 41.5 });
 * for await (const event of subscription) {
 *   if (event.kind === 'message') console.log(event.routingKey, event.data);
 *   if (event.kind === 'gap') console.log('missed', event.count);
 *   break;
 * }
 * await hub.close();
 * ```
 */
export class Subscription<Event extends SubscriptionEvent = SubscriptionEvent>
  extends Emitter<SubscriptionEvents>
  implements AsyncIterableIterator<Event, undefined>
{
  /** @internal */
  declare readonly feed: Feed;
  /** Resolves when nothing comes any more, with the error that ended it or `undefined`. */
  declare readonly closed: Promise<unknown>;

  readonly #session: Session;
  readonly #handler: Handler<never> | undefined;
  readonly #toEvent: typeof eventOf;
  #resolveClosed!: (error: unknown) => void;
  /** What the application has in hand. */
  #current: { delivery: Delivery; event: Event } | undefined;
  /** The loop was left: the item in hand comes first in the next one. */
  #isLeft = false;
  /** Wakes the reader that waits for something to come. */
  #wake: (() => void) | undefined;
  #isRunning = false;
  #isPaused = false;
  #end: { error: unknown } | undefined;

  /** @internal */
  constructor(session: Session, feed: Feed, handler?: Handler<never>, toEvent = eventOf) {
    super();
    this.#toEvent = toEvent;
    this.#session = session;
    this.feed = feed;
    this.#handler = handler;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    // Not before whoever subscribed has got the subscription.
    if (!handler) return;
    this.#isRunning = true;
    session.env.setTimer(() => {
      this.#isRunning = false;
      this.received();
    }, 0);
  }

  /** What the hub granted, which may be less than was asked for. */
  get granted(): Granted {
    return this.feed.granted;
  }

  /**
   * Up to where everything was processed, to be stored and given back as `since: { cursor }`; `null` until the
   * snapshot of `last-per-key` has ended, and again where a lost session has another one begin (PROTOCOL §10).
   */
  get cursor(): string | null {
    return this.feed.cursor;
  }

  /** Messages dropped because this application was too slow for ack `none`; each is told in a gap, too. */
  get dropped(): number {
    return this.feed.dropped;
  }

  /** The next event. Asking for it says that the one before is processed. */
  async next(): Promise<IteratorResult<Event, undefined>> {
    if (this.#handler || this.#wake) throw new TypeError('one reader');
    if (!this.#isLeft || this.#current?.delivery.settled) this.#finish();
    this.#isLeft = false;
    for (;;) {
      if (this.#end?.error) throw this.#end.error;
      if (this.#end || this.#isLeft) return DONE;
      const event = this.#current?.event ?? this.#take();
      if (event) return { done: false, value: event };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** Leaves the loop, not the subscription: the item in hand is not processed, and comes first in the next loop. */
  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#isLeft = true;
    this.#wake?.();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Nothing is handed out until {@link resume}; the hub sends nothing more, its ring holds what comes. */
  pause(options?: CommandOptions): Promise<void> {
    this.#isPaused = true;
    return this.#credit(0, options);
  }

  resume(options?: CommandOptions): Promise<void> {
    this.#isPaused = false;
    this.received();
    return this.#credit(this.granted.prefetch, options);
  }

  /** Changes how many items may be sent and not settled; 1 or more. */
  async setPrefetch(prefetch: number, options?: CommandOptions): Promise<void> {
    if (!this.#isPaused) await this.#credit(prefetch, options);
    this.feed.options = { ...this.feed.options, prefetch };
    this.feed.prefetch = prefetch;
  }

  #credit(prefetch: number, options?: CommandOptions): Promise<void> {
    return this.#session.commands.run({ line: () => ['credit', this.feed.queue, prefetch], ...options });
  }

  /**
   * Adds a binding: messages published from now on that match it come, too; one that matches several comes once.
   * Survives reconnects. Rejects with `unknown-exchange`, `bad-pattern`, `too-many-hashes`, `too-many-bindings`
   * or `forbidden` (PROTOCOL §6).
   *
   * ```ts
   * import { connect } from '@ringhub/client';
   * const hub = await connect(url, { token });
   * const subscription = await hub.subscribe('amq.topic', 'room1.#');
   * await subscription.bind('amq.topic', 'room2.#');
   * await subscription.bind('amq.headers', '', { 'x-match': 'all', room: 3 });
   * await subscription.unbind('amq.topic', 'room1.#');
   * await hub.close();
   * ```
   */
  bind(exchange: string, key: string, args?: BindingArguments, options?: CommandOptions): Promise<void> {
    return this.#bind('bind', [exchange, key, args] as BindingSpec, options);
  }

  /**
   * Takes a binding back; what it brought so far still comes. Rejects with `unknown-binding`. The last one stays:
   * to be rid of it, unsubscribe.
   */
  unbind(exchange: string, key: string, args?: BindingArguments, options?: CommandOptions): Promise<void> {
    return this.#bind('unbind', [exchange, key, args] as BindingSpec, options);
  }

  /** A resume asks for the bindings as they are once the hub has answered. */
  async #bind(type: 'bind' | 'unbind', binding: BindingSpec, options: CommandOptions = {}): Promise<void> {
    const { feed } = this;
    const takesAway = type === 'unbind';
    const others = () => feed.options.bindings.filter((other) => idOf(other) !== idOf(binding));
    if (takesAway && !others().length) throw new TypeError('last binding');
    await this.#session.commands.run({
      line: () => [type, feed.queue, ...binding],
      takesAway,
      accept: (result) => {
        feed.bound((result as Bound | undefined)?.cursor);
        const bindings = others();
        if (!takesAway) bindings.push(binding);
        if (bindings.length > 0) feed.options = { ...feed.options, bindings };
      },
      ...options,
    });
  }

  /** Ends the subscription: nothing is handed out any more, the iterator is done. */
  unsubscribe(): Promise<void> {
    return this.#session.unsubscribe(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  // ── what the session tells ──

  /** @internal */
  received(): void {
    if (this.#handler) void this.#run();
    this.#wake?.();
  }

  /** @internal */
  welcomed(): void {
    if (this.#isPaused) this.#credit(0).catch(() => {});
  }

  /** @internal */
  ended(error?: unknown): void {
    this.#end = { error };
    // Numbers of a later session may be the same: what is still under way must not reach another queue.
    this.feed.queue = 0;
    this.#resolveClosed(error);
    this.#wake?.();
    if (error) this.#tell(error);
  }

  // ── handing out ──

  #take(): Event | undefined {
    if (this.#isPaused || this.#end) return undefined;
    const delivery = this.feed.next();
    if (!delivery) return undefined;
    const event = this.#toEvent(delivery, (outcome) => this.#settle(delivery, outcome)) as Event;
    this.#current = { delivery, event };
    if (event.kind === 'gap') this.emit('gap', event);
    return event;
  }

  /** What was in hand is processed; with ack `manual` the application says so for messages itself. */
  #finish(): void {
    const delivery = this.#current?.delivery;
    this.#current = undefined;
    if (delivery && (this.granted.ack !== 'manual' || delivery.item.kind !== 'message')) {
      this.#settle(delivery, 'ack');
    }
  }

  #settle(delivery: Delivery, outcome: Outcome): void {
    if (delivery.settled || this.#end) return;
    this.#session.settled(this.feed.settle(delivery, outcome));
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let event = this.#take(); event; event = this.#take()) {
      const { delivery } = this.#current!;
      try {
        const result = this.#handler!(event as never);
        if (result) await result;
        this.#finish();
      } catch (error) {
        this.#current = undefined;
        this.#handlerFailed(error, delivery);
      }
    }
    this.#isRunning = false;
  }

  #handlerFailed(error: unknown, delivery: Delivery): void {
    if (!this.#tell(error)) reportUnhandled(error);
    const isBad = (error as { code?: unknown } | undefined)?.code === CLIENT_ERROR_CODES['bad-payload'];
    this.#settle(delivery, delivery.item.kind !== 'message' ? 'ack' : isBad ? 'reject' : 'nack');
  }

  /** Tells an error to whoever listens, here or at the hub. */
  #tell(error: unknown): boolean {
    return this.emit('error', { error }) || this.#session.failed(error, this);
  }
}
