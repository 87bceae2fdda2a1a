/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The connected hub, as applications see it: subscribe, publish, declare, and the state of the connection.
 */
import {
  type BindingArguments,
  type ExchangeOptions,
  MAX_RESUME_EXCHANGES,
  type PassiveDeclare,
  type Subscribed,
  type SubscribeOptions,
} from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import type { CommandOptions } from './commands.ts';
import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { errorNamed } from './errors.ts';
import { Feed } from './feed.ts';
import type { GapEvent, Message, SnapshotEnd } from './message.ts';
import type { PublishOptions, Receipt } from './publisher.ts';
import { type HubEvents, type HubState, Session, type SessionSettings } from './session.ts';
import { type Handler, Subscription, type SubscriptionOptions } from './subscription.ts';

/** The events of a subscription to some exchanges: `exchange` tells the data's type. */
export type EventOf<Messages, Exchange extends keyof Messages & string> =
  | { [X in Exchange]: Message<Messages[X], X> }[Exchange]
  | GapEvent
  | SnapshotEnd;

/** Attributes of an exchange (PROTOCOL §5); type `topic` where none is given. */
export type DeclareOptions = CommandOptions & (Partial<ExchangeOptions> | PassiveDeclare);

/**
 * A hub this client stays connected to. Made by `connect`; `Messages` maps exchanges to the data they carry.
 */
export class Hub<Messages extends object = Record<string, unknown>> extends Emitter<HubEvents> {
  /** @internal */
  declare readonly session: Session;

  /** @internal */
  constructor(env: Environment, settings: SessionSettings) {
    super();
    this.session = new Session(env, settings, this);
  }

  get state(): HubState {
    return this.session.state;
  }

  /**
   * Subscribes to a pattern on an exchange, or to several bindings at once. Iterate over the result, or give a
   * handler. Rejects with `unknown-exchange`, `bad-pattern`, `too-many-hashes`, `bad-cursor`, `forbidden`,
   * `too-many-subscriptions` or `too-many-bindings` (PROTOCOL §6).
   *
   * ```ts
   * import { connect } from '@ringhub/client';
   * type Messages = { 'amq.topic': { text: string } };
   * const hub = await connect<Messages>(url, { token });
   * await hub.subscribe('amq.topic', 'room1.#', { overflow: 'drop-oldest', prefetch: 64 }, async (event) => {
   *   if (event.kind === 'message') console.log(event.data.text);
   * });
   * const both = await hub.subscribe({
   *   bindings: [['amq.topic', 'room1.#'], ['amq.topic', 'room2.#']],
   *   since: 'last-per-key',
   * });
   * await hub.publish('amq.topic', 'room1.lobby', { text: 'hello' });
   * await both.unsubscribe();
   * await hub.close();
   * ```
   */
  subscribe<Exchange extends keyof Messages & string>(
    exchange: Exchange,
    pattern: string,
    options?: SubscriptionOptions,
    handler?: Handler<EventOf<Messages, Exchange>>,
  ): Promise<Subscription<EventOf<Messages, Exchange>>>;
  subscribe<
    const Bindings extends readonly (readonly [
      exchange: keyof Messages & string,
      key: string,
      args?: BindingArguments,
    ])[],
  >(
    options: SubscriptionOptions & { readonly bindings: Bindings },
    handler?: Handler<EventOf<Messages, Bindings[number][0]>>,
  ): Promise<Subscription<EventOf<Messages, Bindings[number][0]>>>;
  subscribe(
    first: string | (SubscriptionOptions & Pick<SubscribeOptions, 'bindings'>),
    second?: string | Handler<never>,
    third: SubscriptionOptions = {},
    fourth?: Handler<never>,
  ): Promise<Subscription> {
    return typeof first === 'string'
      ? this.#subscribe({ ...third, bindings: [[first, second as string]] }, fourth)
      : this.#subscribe(first, second as Handler<never>);
  }

  #subscribe(
    { signal, ...options }: SubscriptionOptions & Pick<SubscribeOptions, 'bindings'>,
    handler?: Handler<never>,
  ): Promise<Subscription> {
    const make = (subscribed: Subscribed) => {
      const subscription = new Subscription(
        this.session,
        new Feed(options as SubscribeOptions, subscribed),
        handler,
      );
      void subscription.closed.then(onAbort(signal, () => void subscription.unsubscribe()));
      return subscription;
    };
    return this.session.subscribe(['subscribe', options as SubscribeOptions], make, signal);
  }

  /**
   * Publishes a message; resolves when the hub has taken it: where it has to be durable, when it is on disk. Strings
   * travel as text, `Uint8Array` and `ArrayBuffer` as bytes, everything else as JSON. Effectively once into the log, also
   * across a reconnect; rejects with `outcome-unknown` where a session was lost and the hub cannot tell what became of it.
   * Other errors: `outbox-full`, `unroutable`, `unknown-exchange`, `internal-exchange`, `bad-key`, `bad-headers`,
   * `payload-too-large`, `forbidden`, `closed`, `queue-full` where none of the named
   * queues it reaches has room, `unavailable` and `store-failed` (PROTOCOL §11).
   *
   * ```ts
   * import { connect } from '@ringhub/client';
   * const hub = await connect(url, { token });
   * const receipt = await hub.publish('amq.topic', 'eu.de.spot', { price: 41.5 }, { id: 'tick-1', ttlMs: 60_000 });
   * console.log(receipt.position.offset, receipt.sessions, receipt.duplicate);
   * await hub.close();
   * ```
   */
  publish<Exchange extends keyof Messages & string>(
    exchange: Exchange,
    routingKey: string,
    data: Messages[Exchange],
    options: PublishOptions = {},
  ): Promise<Receipt> {
    return this.session.publisher.publish(exchange, routingKey, data, options);
  }

  /**
   * Makes an exchange, or finds it as it is; declared again where a new session needs it. With `passive: true` it
   * only asks whether the exchange is there (`unknown-exchange`). With `durable: true` it and what is published to it survive
   * the hub; resolves when that is on disk. Rejects with `exchange-mismatch`, `reserved-name`, `bad-name`,
   * `too-many-exchanges` (of the hub, or more than 256 of this client), `forbidden`, `durability-mismatch` with its alternate, `store-failed`, or `bad-argument` where a hub
   * that keeps no data is asked for something durable (PROTOCOL §5).
   *
   * ```ts
   * import { connect } from '@ringhub/client';
   * const hub = await connect(url, { token });
   * await hub.declareExchange('unclaimed', { type: 'fanout' });
   * await hub.declareExchange('refunds', { type: 'direct', alternate: 'unclaimed' });
   * await hub.declareExchange('refunds', { passive: true });
   * await hub.close();
   * ```
   */
  async declareExchange(
    exchange: keyof Messages & string,
    { signal, ...given }: DeclareOptions = {},
  ): Promise<void> {
    const options = { type: 'topic', ...given } as ExchangeOptions & Partial<PassiveDeclare>;
    const { commands, exchanges } = this.session;
    const isNew = !options.passive && !exchanges.has(exchange);
    if (isNew) {
      if (exchanges.size >= MAX_RESUME_EXCHANGES) throw errorNamed('too-many-exchanges');
      // Counted from now on: many at once must not be more than a resume can name.
      exchanges.set(exchange, options);
    }
    try {
      await commands.run({ line: () => ['declare', exchange, options], signal });
    } catch (error) {
      if (isNew) exchanges.delete(exchange);
      throw error;
    }
  }

  /**
   * Ends the session: acks go out, subscriptions end, what is pending rejects with `closed` (publishes already
   * sent: `outcome-unknown`). Resolves when the socket is closed.
   */
  close(): Promise<void> {
    return this.session.close(errorNamed('closed'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
