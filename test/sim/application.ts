/**
 * One run of an application: a real SDK client, its publishes and its subscriptions, each with a way of its own to
 * consume them. A crash or a close ends the run; the next one begins from stored cursors.
 */

import type { SubscriptionEvent } from '@ringhub/client';
import {
  BinaryCodec,
  connect,
  type Hub,
  jsonCodec,
  type Message,
  RinghubError,
  type Subscription,
} from '@ringhub/client';
import type { BindingSpec, SubscribeOptions } from '@ringhub/protocol';
import type { Network } from './network.ts';
import type { Publications } from './publications.ts';
import type { Random } from './random.ts';
import { Reader } from './reader.ts';
import { Surroundings } from './surroundings.ts';
import { NoToken, TOKEN_TROUBLE } from './tokens.ts';
import type { Truth } from './truth.ts';
import { DURABLE, PASSING } from './wishes.ts';
import type { World } from './world.ts';

/** Exchanges of the applications, besides `amq.topic`; each client declares them. */
export const OWN_EXCHANGES = ['x.a', 'x.b'] as const;

/** How an application consumes a subscription. */
export interface Manner {
  readonly form: 'handler' | 'iterator';
  readonly slowMs: number;
  /** Of failing handlers, nacks and rejects. */
  readonly badLuck: number;
  /** Of leaving the loop and coming back to it. */
  readonly restless: number;
}

export interface ApplicationSettings {
  readonly outboxMessages: number;
  readonly ackDelayMs: number;
  readonly isDurable: boolean;
  /** Fails where tokens are not to be had. */
  tokenFor(subject: string, reason: string): Promise<string>;
  /** Whether older tokens of a subject are refused. */
  isRevoked(subject: string): boolean;
  onShutOut(application: Application): void;
}

export interface PublishWish {
  readonly exchange: string;
  readonly key: string;
  readonly payload: string;
  readonly id: string | undefined;
  readonly mandatory: boolean;
  readonly ttlMs: number | undefined;
  readonly headers: Record<string, string | number> | undefined;
}

/** What comes of changing exchanges and bindings that others change, too. */
const OVERTAKEN = new Set([
  'unknown-exchange',
  'unknown-binding',
  'exchange-mismatch',
  'exchange-in-use',
  'durability-mismatch',
  'forbidden',
  // Of a page, where an exchange has come to be of the other log.
  'bad-cursor',
]);

/**
 * What a subscription read is there no more. Declared anew, an exchange may be of the other log, of which the cursor says
 * nothing; of those that are always there it has to say something.
 */
const isGone = (error: unknown, { wishes }: Reader): boolean => {
  if (!(error instanceof RinghubError)) return false;
  // Whether it may be forbidden, the hub's answers are checked for.
  if (error.name === 'unknown-exchange' || error.name === 'forbidden') return true;
  return error.name === 'bad-cursor' && wishes.bindings.some(([name]) => PASSING.includes(name as 'y.1'));
};

const isLastBinding = (error: unknown): boolean =>
  error instanceof TypeError && error.message === 'last binding';

const ENDS = new Set(['unknown-exchange', 'bad-cursor', 'forbidden', ...TOKEN_TROUBLE]);

/** Raised by handlers on purpose. */
class BadLuck extends Error {}

export class Application {
  readonly surroundings: Surroundings;
  readonly readers: Reader[] = [];
  /** Readers whose subscribe was called and not seen on the wire. */
  readonly unsent: Reader[] = [];
  readonly byRef = new Map<number, Reader>();
  readonly manners = new Map<Reader, Manner>();
  readonly paused = new Set<Reader>();
  hub: Hub | undefined;
  welcomes = 0;
  isOver = false;
  /** Set at the end: handlers are quick, and nothing goes wrong any more. */
  isCalm = false;
  /** Connected, and not ready yet. */
  #starting: Hub | undefined;
  /** Without an answer yet: never more than the outbox holds. */
  openPublishes = 0;
  readonly #random: Random;

  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    private readonly publications: Publications,
    network: Network,
    readonly subject: string,
    readonly instance: number,
    private readonly settings: ApplicationSettings,
    private readonly onReader: (reader: Reader) => void,
  ) {
    this.surroundings = new Surroundings(this.name, world, network);
    this.#random = world.random.fork(`application ${this.name}`);
  }

  get name(): string {
    return `${this.subject}.${this.instance}`;
  }

  /** Connects and declares; `ready` runs once that is done, and only then anything else happens. */
  async start(ready: () => void): Promise<void> {
    const { ackDelayMs, outboxMessages } = this.settings;
    try {
      const hub = await connect('ws://hub', {
        getToken: ({ reason }) => this.settings.tokenFor(this.subject, reason),
        backoff: { minMs: 50, maxMs: 1_000 },
        outbox: { messages: outboxMessages },
        ackDelayMs,
        codec: this.world.random.fork(`codec of ${this.name}`).next() < 0.5 ? new BinaryCodec() : jsonCodec,
        environment: this.surroundings.environment,
      });
      this.#starting = hub;
      hub.addEventListener('error', ({ error }) => this.#onError(error));
      hub.addEventListener('state', ({ state, error }) => {
        if (state === 'closed' && !this.isOver) this.#stopped(`stopped for good: ${String(error)}`, error);
      });
      for (const exchange of OWN_EXCHANGES) await hub.declareExchange(exchange);
      if (this.settings.isDurable)
        for (const exchange of DURABLE) await hub.declareExchange(exchange, { type: 'topic', durable: true });
      this.hub = hub;
      if (!this.isOver) ready();
    } catch (error) {
      if (!this.isOver) this.#stopped(`did not start: ${String(error)}`, error);
    }
  }

  #isShutOut(error: unknown): boolean {
    const isRefused = error instanceof RinghubError && error.name === 'unauthorized';
    return isRefused && this.settings.isRevoked(this.subject);
  }

  /** Twice in a row its newest token was issued just before its subject was revoked: then the SDK gives up, and rightly. */
  #stopped(text: string, error: unknown): void {
    if (this.#isShutOut(error)) this.settings.onShutOut(this);
    else this.world.fail('client-stopped', `${this.name} ${text}`);
  }

  // ── publishing ──

  publish(number: number, wish: PublishWish): void {
    const { hub } = this;
    if (!hub || this.isOver) return;
    const { exchange, key, payload, ...rest } = wish;
    this.world.note(
      `${this.name} publishes ${payload.split(' ')[0]} to ${exchange} ${key}${wish.id ? ' with id' : ''}`,
    );
    const before = this.openPublishes++;
    const promise = hub.publish(exchange, key, payload, rest);
    const { id, mandatory } = wish;
    const { subject: publisher, instance } = this;
    const publication = { publisher, instance, number, payload, exchange, key, id, mandatory };
    void this.publications.add({ ...publication, outcome: 'pending' }, promise).then(() => {
      this.openPublishes--;
    });
    promise.catch((error: unknown) => {
      const isFull = error instanceof RinghubError && error.name === 'outbox-full';
      if (isFull && before < this.settings.outboxMessages) {
        this.world.fail('outbox', `${this.name} has an outbox full with ${before}`);
      }
    });
  }

  // ── subscribing ──

  async subscribe(options: SubscribeOptions, manner: Manner): Promise<void> {
    const { hub } = this;
    if (!hub || this.isOver) return;
    const reader = new Reader(this.world, this.truth, `${this.name}/${this.readers.length + 1}`, options);
    this.readers.push(reader);
    this.unsent.push(reader);
    this.manners.set(reader, manner);
    const handler =
      manner.form === 'handler'
        ? (event: SubscriptionEvent) => this.#handle(reader, manner, event)
        : undefined;
    try {
      const subscription = (await hub.subscribe(options, handler)) as Subscription;
      reader.subscription = subscription;
      this.onReader(reader);
      subscription.addEventListener('error', ({ error }) => this.#onError(error));
      void subscription.closed.then((error) => {
        // Subscribed anew, it would be bound to an exchange that is gone; the hub's answer is checked there.
        if (isGone(error, reader) || this.#isShutOut(error)) reader.isOver = true;
        if (!reader.isOver && !this.isOver) {
          this.world.fail('subscription-ended', `${reader.name}: ${String(error)}`);
        }
      });
      if (!handler) await this.#iterate(reader, subscription, manner);
    } catch (error) {
      if (isGone(error, reader) || this.#isShutOut(error)) reader.isOver = true;
      if (!this.isOver && !reader.isOver) {
        this.world.fail('subscription-ended', `${reader.name}: ${String(error)}`);
      }
    }
  }

  async #handle(reader: Reader, manner: Manner, event: SubscriptionEvent): Promise<void> {
    reader.take(event);
    const message = event.kind === 'message' ? event : undefined;
    if (message && reader.options.ack === 'manual') {
      void this.#settleLater(reader, manner, message);
      return;
    }
    await this.#work(manner);
    if (message && this.#isUnlucky(manner)) {
      if (this.#random.chance(0.3)) {
        reader.settle(event, 'rejected');
        message.reject();
        return;
      }
      reader.settle(event, reader.options.ack === 'none' ? 'processed' : 'nacked');
      throw new BadLuck('the handler failed');
    }
    reader.settle(event, 'processed');
  }

  async #iterate(reader: Reader, subscription: Subscription, manner: Manner): Promise<void> {
    for (;;) {
      const { done, value: event } = await subscription.next();
      if (done || this.isOver) return;
      reader.take(event);
      if (event.kind === 'message' && reader.options.ack === 'manual') {
        void this.#settleLater(reader, manner, event);
        continue;
      }
      await this.#work(manner);
      if (!this.isCalm && this.#random.chance(manner.restless)) {
        await subscription.return();
        await this.#work(manner);
        continue;
      }
      reader.settle(event, 'processed');
    }
  }

  /** Manual acks come in any order. */
  async #settleLater(reader: Reader, manner: Manner, message: Message): Promise<void> {
    await this.#work(manner);
    await this.#work(manner);
    if (this.#isUnlucky(manner)) {
      const outcome = this.#random.pick(['nack', 'nack', 'reject'] as const);
      const isNack = outcome === 'nack' && reader.options.ack !== 'none';
      reader.settle(message, isNack ? 'nacked' : outcome === 'nack' ? 'processed' : 'rejected');
      message[outcome]();
    } else {
      reader.settle(message, 'processed');
      message.ack();
    }
  }

  async #work({ slowMs }: Manner): Promise<void> {
    const ms = this.isCalm ? 0 : slowMs * this.#random.next() * 2;
    if (ms >= 1) await this.surroundings.sleep(ms);
  }

  #isUnlucky({ badLuck }: Manner): boolean {
    return !this.isCalm && this.#random.chance(badLuck);
  }

  /** Adds a binding to a subscription, or takes one back. */
  rebind(reader: Reader, type: 'bind' | 'unbind', spec: BindingSpec): void {
    const { subscription } = reader;
    if (!subscription) return;
    const ended = reader.wishes.change(type, spec);
    const done = subscription[type](...spec).then(
      () => ended(true),
      (error: unknown) => {
        ended(false);
        throw error;
      },
    );
    // A subscription that is over has nothing to bind to.
    this.administer(done, () => reader.isOver);
  }

  /** Something about the hub itself was asked for; others may have been quicker. */
  administer(done: Promise<unknown>, isPointless: () => boolean = () => false): void {
    done.catch((error: unknown) => {
      const isExpected = error instanceof RinghubError ? OVERTAKEN.has(error.name) : isLastBinding(error);
      // Whoever is shut out hears it of all that was under way.
      if (isExpected || this.isOver || this.#isShutOut(error) || isPointless()) return;
      this.world.fail('client-error', `${this.name}: ${String(error)}`);
    });
  }

  unsubscribe(reader: Reader): void {
    reader.isOver = true;
    reader.subscription?.unsubscribe().catch(() => {});
  }

  setPaused(reader: Reader, isPaused: boolean): void {
    if (isPaused) this.paused.add(reader);
    else this.paused.delete(reader);
    const { subscription } = reader;
    (isPaused ? subscription?.pause() : subscription?.resume())?.catch(() => {});
  }

  // ── ends ──

  async close(): Promise<void> {
    this.#end();
    await (this.hub ?? this.#starting)?.close();
  }

  /** The tab is closed, with everything in it. */
  crash(): void {
    this.#end();
    this.surroundings.die();
    this.publications.abandon(this.subject, this.instance);
  }

  #end(): void {
    this.isOver = true;
    this.publications.lostSessions.add(`${this.subject} ${this.instance}`);
    for (const reader of this.readers) reader.isOver = true;
  }

  /** Handlers fail here on purpose; the hub has no reason to complain. */
  #onError(error: unknown): void {
    if (error instanceof BadLuck || error instanceof NoToken) return;
    // Of a subscription that ends: checked where it does. Of a token: the next connection brings another.
    if (error instanceof RinghubError && ENDS.has(error.name)) return;
    this.world.fail(
      'client-error',
      `${this.name}: ${String(error)} ${JSON.stringify((error as RinghubError).detail)}`,
    );
  }
}
