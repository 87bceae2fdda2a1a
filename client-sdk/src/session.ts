/**
 * The client's half of a session: what survives a connection, and how a new one takes it up (PROTOCOL §12).
 *
 * Holds the identity and the resume token (in memory only: a duplicated tab is a session of its own), the
 * declared exchanges and the subscriptions by queue. At a welcome, in this order: subscriptions learn their
 * queues, unanswered commands go out again, then what was settled meanwhile, then publishes.
 */
import {
  type Consuming,
  type Deliver,
  type ExchangeOptions,
  type Hello,
  PROTOCOL_VERSION,
  type Renewed,
  type ResumeNamedQueue,
  type ServerFrame,
  type Subscribed,
  type Welcome,
} from '@ringhub/protocol';
import { Commands } from './commands.ts';
import type { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { errorNamed, RinghubError } from './errors.ts';
import type { Feed } from './feed.ts';
import type { ClientLine, CommandLine } from './line.ts';
import { Link, type LinkOptions, type LinkOwner } from './link.ts';
import type { LinkKind } from './link-state.ts';
import type { OutboxBounds } from './outbox.ts';
import { Publisher } from './publisher.ts';
import type { Subscription } from './subscription.ts';
import { refreshInMs } from './token-refresh.ts';

/** What a session needs of the wire side of a subscription or consumer. */
export interface SessionFeed extends Pick<Feed, 'queue' | 'receive' | 'mark' | 'flush' | 'hello' | 'resume'> {
  /** Each gets what the hub answers its kind of command. */
  restart(subscribed: Subscribed | Consuming): void;
}

/** A subscription, as the session sees it. */
export interface Consumer {
  readonly feed: SessionFeed;
  /** Something to hand out may have come. */
  received(): void;
  /** There is a new connection, and maybe a new queue for it. */
  welcomed(): void;
  /** It is over; with the error that ended it. */
  ended(error?: unknown): void;
}

/** `draining`: still working, but the hub is shutting down and this client will reconnect soon. */
export type HubState = 'connecting' | 'online' | 'draining' | 'waiting' | 'closed';

export interface HubEvents {
  /** `resumed`: with `online`, whether the session went on; `error`: with `waiting` and `closed`, why. */
  readonly state: { readonly state: HubState; readonly resumed?: boolean; readonly error?: unknown };
  /** Something went wrong that no promise tells; with the subscription where it is one's. */
  readonly error: { readonly error: unknown; readonly subscription?: Subscription | undefined };
}

export interface SessionSettings extends LinkOptions {
  readonly outbox: OutboxBounds;
  readonly client: string;
  readonly ackDelayMs: number;
}

export class Session implements LinkOwner {
  declare readonly env: Environment;
  declare readonly publisher: Publisher;
  state: HubState = 'connecting';
  readonly #events: Emitter<HubEvents>;
  readonly #settings: SessionSettings;
  readonly #link: Link;
  declare readonly commands: Commands;
  /** Declared here, and so again where a new session needs them. */
  readonly exchanges = new Map<string, ExchangeOptions>();
  /** More for a resume to declare, from modules that are loaded apart. */
  readonly declared: { namedQueues?: readonly ResumeNamedQueue[] } = {};
  readonly #consumers = new Map<number, Consumer>();
  /** Queues that the last hello named. */
  #named: number[] = [];
  #welcome: Welcome | undefined;
  #ackTimer: unknown;
  #tokenTimer: unknown;

  constructor(env: Environment, settings: SessionSettings, events: Emitter<HubEvents>) {
    this.env = env;
    this.#events = events;
    this.#settings = settings;
    this.#link = new Link(env, settings, this);
    this.commands = new Commands((line) => this.#link.say(line));
    this.publisher = new Publisher(settings.outbox, this.#link);
  }

  start(): void {
    this.#link.start();
  }

  /** Ends the session; what is pending is rejected with the error. */
  close(error: unknown): Promise<void> {
    this.#flush();
    return this.#link.stop(error);
  }

  // ── what the application wants ──

  /** @param line the command that the hub answers with a queue */
  subscribe<C extends Consumer, S extends Subscribed | Consuming>(
    line: CommandLine,
    make: (subscribed: S) => C,
    signal?: AbortSignal,
  ): Promise<C> {
    return this.commands.run({
      line: () => line,
      // At once: deliveries may follow in the same message.
      accept: (result) => {
        const consumer = make(result as S);
        this.#consumers.set((result as S).queue, consumer);
        return consumer;
      },
      signal,
      undo: (result) => result && this.#endQueue((result as Subscribed).queue),
    });
  }

  /** Resolves when the hub has ended the queue, or will do so because no resume names it any more. */
  async unsubscribe(consumer: Consumer): Promise<void> {
    const { queue } = consumer.feed;
    if (this.#consumers.get(queue) !== consumer) return;
    this.#consumers.delete(queue);
    this.#flushFeed(consumer.feed);
    consumer.ended();
    if (this.#link.isOpen) await this.#endQueue(queue);
  }

  /** Something was settled: tells the hub soon, or now. */
  settled(isDue: boolean): void {
    // At the end of the turn, so that a burst is told at once.
    if (isDue) void Promise.resolve().then(() => this.#flush());
    this.#ackTimer ??= this.env.setTimer(() => this.#flush(), this.#settings.ackDelayMs);
  }

  /** Tells an error to whoever listens; false where nobody does. */
  failed(error: unknown, subscription?: Subscription): boolean {
    return this.#events.emit('error', { error, subscription });
  }

  #endQueue(queue: number): Promise<void> {
    // A queue that is gone already is what was wanted.
    return this.commands.run<void>({ line: () => ['unsubscribe', queue], transient: true }).catch(() => {});
  }

  // ── acks ──

  #flush(): void {
    this.env.clearTimer(this.#ackTimer);
    this.#ackTimer = undefined;
    for (const { feed } of this.#consumers.values()) this.#flushFeed(feed);
  }

  #flushFeed(feed: SessionFeed): void {
    // Offline there is nobody to tell: the resume will.
    if (!this.#link.isOpen) return;
    for (const line of feed.flush()) this.#link.say(line);
  }

  // ── what the link tells ──

  hello(token: string | undefined): ClientLine {
    this.#named = [...this.#consumers.keys()];
    const resume = this.#welcome && {
      session: this.#welcome.session,
      token: this.#welcome.resumeToken,
      queues: [...this.#consumers.values()].map(({ feed }) => feed.hello()),
      exchanges: [...this.exchanges],
      ...this.declared,
    };
    const { client } = this.#settings;
    return ['hello', { version: PROTOCOL_VERSION, client, token, resume } as unknown as Hello];
  }

  welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#keepToken(welcome.tokenExpiresInMs);
    const ownerless = this.#takeUp(welcome);
    this.commands.welcomed();
    for (const queue of ownerless) void this.#endQueue(queue);
    for (const consumer of this.#consumers.values()) consumer.welcomed();
    this.#flush();
    this.publisher.welcomed(welcome);
    this.#tell({ state: 'online', resumed: welcome.resumed });
  }

  /** Has the token renewed in time; where that fails, again, for as long as it is good. */
  #keepToken(lifeMs = 0): void {
    const { env } = this;
    env.clearTimer(this.#tokenTimer);
    if (lifeMs <= 0 || !this.#settings.canRefresh) return;
    const waitMs = refreshInMs(lifeMs, env.random());
    this.#tokenTimer = env.setTimer(async () => {
      try {
        const token = await this.#link.askToken('refresh');
        await this.commands.run({
          line: () => ['auth', { token }],
          transient: true,
          accept: (renewed) => this.#keepToken((renewed as Renewed | undefined)?.tokenExpiresInMs),
        });
      } catch (error) {
        // The next connection brings a token of its own.
        if (!this.#link.isOpen) return;
        this.failed(error);
        this.#keepToken(lifeMs - waitMs);
      }
    }, waitMs);
  }

  /** Gives each subscription the queue that the welcome has for it, or ends it; returns queues left over. */
  #takeUp({ resumed, queues }: Welcome): number[] {
    const results = new Map(queues.map((result) => [result.was, result]));
    const before = new Map(this.#consumers);
    const ownerless: number[] = [];
    this.#consumers.clear();
    for (const was of this.#named) {
      const consumer = before.get(was);
      const result = results.get(was);
      if (result && 'code' in result) consumer?.ended(new RinghubError(result.code, result.text));
      // Unsubscribed while the hello that named it was under way.
      else if (!consumer) ownerless.push(result?.queue ?? was);
      else if (resumed && (result?.queue ?? was) === was) {
        this.#consumers.set(was, consumer);
        consumer.feed.resume();
      } else if (result) {
        this.#consumers.set(result.queue, consumer);
        consumer.feed.restart(result);
      } else consumer.ended(errorNamed('unknown-queue'));
    }
    return ownerless;
  }

  received(frame: ServerFrame): void {
    switch (frame.type) {
      case 'deliver':
        this.#deliver(frame);
        break;
      case 'mark':
        this.#consumers.get(frame.queue)?.feed.mark(frame.cursor);
        break;
      case 'confirm':
        this.publisher.confirmed(frame);
        break;
      case 'refused':
        this.publisher.refused(frame);
        break;
      case 'ok':
      case 'error':
        if (!this.commands.received(frame) && 'code' in frame && frame.ref === null)
          this.#told(new RinghubError(frame.code, frame.text, frame.detail));
        break;
      default:
    }
  }

  /** An error that answers nothing: with a name in it, what a consumer or subscription is of is gone, or forbidden. */
  #told(error: RinghubError): void {
    const queue = error.detail.queue as number;
    const consumer = this.#consumers.get(queue);
    if (error.detail.name && this.#consumers.delete(queue)) consumer?.ended(error);
    // What was said of a queue before its end was heard of, nobody minds.
    else if (!queue || consumer) this.failed(error);
  }

  #deliver(frame: Deliver): void {
    const consumer = this.#consumers.get(frame.queue);
    if (!consumer) return;
    consumer.feed.receive(frame, this.#welcome!.epochs);
    // What an earlier session had delivered is acknowledged at once.
    this.settled(false);
    consumer.received();
  }

  changed(kind: LinkKind, error: unknown): void {
    if (!this.#link.isOpen) {
      this.commands.lost();
      this.#keepToken();
    }
    if (kind === 'closed') this.#end(error);
    // `online` is told with the welcome, once everything is taken up.
    if (kind !== 'online' && kind !== 'greeting') this.#tell({ state: kind as HubState, error });
  }

  #tell(event: HubEvents['state']): void {
    this.state = event.state;
    this.#events.emit('state', event);
  }

  #end(error: unknown): void {
    this.env.clearTimer(this.#ackTimer);
    this.commands.close(error);
    this.publisher.close(error);
    const wanted = (error as RinghubError | undefined)?.name === 'closed';
    for (const consumer of this.#consumers.values()) consumer.ended(wanted ? undefined : error);
    this.#consumers.clear();
  }
}
