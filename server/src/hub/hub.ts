/**
 * The hub: sessions, exchanges, rings and the ledger behind one door (ARCHITECTURE).
 *
 *   gateway ─► Sessions (open, resume, park)   Subscriptions   Publishing ─► engine
 *                                                                    │         │ feed
 *   gateway ◄──── Flusher ◄── rings ◄──────────────────── Feed ◄─────┼─────────┘
 *                    └─────── Consumers ◄── named queues ◄── QueueIntake
 *
 * Single-threaded: each call runs to its end. Everything it says to clients waits for the end of the turn.
 */
import {
  type ClientFrame,
  decodeServerMessage,
  ERRORS,
  type ErrorEntry,
  type ErrorName,
  type ExchangeOptions,
  encodeHistory,
  formatCursor,
  type Hello,
  type HistoryPage,
  type HistoryRequest,
  type QueueEmptied,
  type QueueInfo,
  type QueueMeasures,
  type ServerFrame,
  SUBPROTOCOL_BINARY,
  type SubscribeOptions,
  type Topology,
} from '@ringhub/protocol';
import type { Answer, HubCodec } from '../core/hub-codec.ts';
import type { SessionLimits } from '../core/limits.ts';
import type { Link, Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type {
  Health,
  HubApi,
  HubStats,
  Listener,
  Listening,
  PublishOutcome,
  PublishRequest,
  QueueCommand,
  TopologyChange,
} from '../ports/hub-api.ts';
import { Audit } from './audit.ts';
import { Consumers } from './consumers.ts';
import { HubContext, type HubOptions } from './context.ts';
import { DeadLetters } from './dead-letters.ts';
import { HubEvents } from './events.ts';
import { ExchangeDeletion } from './exchange-deletion.ts';
import { Feed } from './feed.ts';
import { Flusher } from './flusher.ts';
import { History } from './history.ts';
import { LastValueCheckpoints } from './last-value-checkpoints.ts';
import { Listeners } from './listeners.ts';
import { MemoryRelief } from './memory-relief.ts';
import { type Asker, NamedQueues } from './named-queues.ts';
import { OwnQueues } from './own-queues.ts';
import { Publishing } from './publishing.ts';
import { QueueIntake } from './queue-intake.ts';
import { QueueWork } from './queue-work.ts';
import { Recounts } from './recount.ts';
import { restoreDefinitions } from './restore.ts';
import { Revocations } from './revocations.ts';
import { SessionControl } from './session-control.ts';
import { Sessions } from './sessions.ts';
import { measuresOfQueues, sizesOf, statsOf } from './stats.ts';
import { type Refusal, Subscriptions } from './subscriptions.ts';
import { Sweeper } from './sweeper.ts';
import { type TopologyCommand, TopologyCommands } from './topology.ts';

export type { HubOptions } from './context.ts';

/** A frame of an open connection: everything but tokens and the heartbeat, which are the gateway's. */
export type Command = Exclude<ClientFrame, { type: 'hello' | 'auth' | 'ping' | 'pong' }>;

type Result = Extract<ServerFrame, { type: 'ok' }>['result'] & object;

export class Hub implements HubApi {
  readonly control: SessionControl;
  private readonly context: HubContext;
  private readonly flusher: Flusher;
  private readonly subscriptions: Subscriptions;
  private readonly sessions: Sessions;
  private readonly feed: Feed;
  private readonly graph: TopologyCommands;
  private readonly publishing: Publishing;
  private readonly pages: History;
  private readonly listeners: Listeners;
  private readonly queues: NamedQueues;
  private readonly consumers: Consumers;
  private readonly own: OwnQueues;
  private readonly checkpoints: LastValueCheckpoints;
  private readonly sweeper: Sweeper;
  private readonly recounts: Recounts;
  private readonly audit: Audit;

  constructor(options: HubOptions) {
    this.context = new HubContext(options);
    const { context } = this;
    this.flusher = new Flusher(context);
    const events = new HubEvents(context);
    const deletion = new ExchangeDeletion(context, this.flusher, events);
    this.subscriptions = new Subscriptions(context, this.flusher, deletion, events);

    const work = new QueueWork(context, this.flusher);
    const intake = new QueueIntake(context, work);
    const deadLetters = new DeadLetters(context, intake);
    this.queues = new NamedQueues(context, work, deletion);
    this.consumers = new Consumers(context, this.flusher, this.queues, work);
    work.onWork({
      bury: (queue, entry, reason) => deadLetters.bury(queue, entry, reason),
      unused: (queue) => this.queues.remove(queue),
    });
    this.queues.onRemoved((consumers, queue) => this.consumers.queueDeleted(consumers, queue));
    this.flusher.onConsumers(this.consumers);
    this.own = new OwnQueues(this.flusher, this.subscriptions, this.consumers);

    this.graph = new TopologyCommands(context, this.subscriptions, this.queues, deletion);
    this.sessions = new Sessions(
      context,
      this.flusher,
      this.subscriptions,
      this.consumers,
      this.queues,
      this.graph,
      events,
    );
    this.publishing = new Publishing(context, this.flusher, intake);
    this.pages = new History(this.context, this.flusher, this.subscriptions);
    this.listeners = new Listeners(this.context, this.sessions, this.subscriptions, this);
    events.onPublish((exchange, key, payload) => this.publishing.publishOwn(exchange, key, payload));
    this.sweeper = new Sweeper(context, this.sessions, this.queues, this.flusher);
    this.checkpoints = new LastValueCheckpoints(context);
    this.feed = new Feed(
      context,
      this.flusher,
      this.sessions,
      new MemoryRelief(context, this.sessions, this.flusher),
      this.checkpoints,
    );
    this.audit = new Audit(options.onAudit ?? (() => {}));
    const revocations = new Revocations(context.clock, context.definitions);
    this.control = new SessionControl(
      context,
      this.flusher,
      this.sessions,
      this.queues,
      revocations,
      this.audit,
    );
    this.recounts = new Recounts(context);
    restoreDefinitions(context, this.recounts);
    this.checkpoints.restore();
    context.engine.onFailure((why) => {
      context.failure = why;
      context.fault(`nothing durable can be stored any more: ${why}`);
      options.onStoreFailure?.(why);
    });
  }

  /** Declares an exchange of the operator's; a fault is the operator's mistake. */
  declareExchange(name: string, options: ExchangeOptions = { type: 'topic' }): ErrorName | undefined {
    return this.context.exchanges.declare(name, options);
  }

  // ── for the gateway ──

  /** The codec of connections that agreed on a subprotocol. */
  codecOf(subprotocol: string): HubCodec {
    const { binaryCodec, jsonCodec } = this.context;
    return subprotocol === SUBPROTOCOL_BINARY ? binaryCodec : jsonCodec;
  }

  /** What a session of a role may take. */
  limitsOf(role: string): SessionLimits {
    return this.context.limitsOf(role);
  }

  /** Answers a hello with a session on this connection, or says why not. */
  open(principal: Principal, hello: Hello, link: Link): Session | ErrorEntry {
    this.feed.giveOut();
    return this.sessions.open(principal, hello, link);
  }

  /** Answers `auth`, once it is known who shows the newer token, or why it is refused. */
  renew(session: Session, ref: number, shown: Principal | Refusal): void {
    this.feed.giveOut();
    this.answer(session, ref, 'error' in shown ? shown : this.control.renew(session, shown));
  }

  /** The connection is gone; the session, if it is still this connection's, is parked, or ends where nobody could resume it. */
  lost(session: Session, link: Link): void {
    this.feed.giveOut();
    if (session.link !== link) return;
    this.sessions.happened(session, session.isUnheard ? 'unheard-lost' : 'connection-lost');
  }

  /** Writes what waits for a session now: its connection is about to be closed. */
  flush(session: Session): void {
    this.feed.giveOut();
    this.flusher.flushSession(session);
  }

  /** The connection takes data again. */
  drained(session: Session): void {
    this.flusher.markSession(session);
    this.pages.drained(session);
  }

  /** A heartbeat goes out, and with it where each subscription stands. */
  beat(session: Session): void {
    this.feed.giveOut();
    this.write(session, { type: 'ping' });
    for (const { queue } of session.subscriptions.values()) {
      const positions = queue.sentUpTo(this.context.feedOffset);
      if (!positions) continue;
      const cursor = formatCursor(positions);
      this.write(session, { type: 'mark', queue: queue.id, cursor });
    }
  }

  answerPing(session: Session): void {
    this.write(session, { type: 'pong' });
  }

  /**
   * Performs a command of a session.
   *
   * @returns an error that ends the connection, or `undefined`
   */
  handle(session: Session, frame: Command): ErrorName | undefined {
    if (frame.type !== 'publish') this.feed.giveOut();
    switch (frame.type) {
      case 'publish':
        return this.publishing.publish(session, frame);
      case 'ack':
      case 'reject':
      case 'nack': {
        const refusal = this.own.settle(session, frame);
        return refusal && this.error(session, null, refusal);
      }
      case 'subscribe': {
        const result = this.subscriptions.subscribe(session, frame.options);
        if ('error' in result) return this.error(session, frame.ref, result);
        return this.write(session, { type: 'ok', ref: frame.ref, result });
      }
      case 'unsubscribe':
        return this.answer(session, frame.ref, this.own.unsubscribe(session, frame.queue));
      case 'credit':
        return this.answer(session, frame.ref, this.own.setCredit(session, frame));
      case 'declare':
      case 'bind':
      case 'unbind':
      case 'delete':
        this.changeGraph(session, frame);
        return undefined;
      case 'list':
        return this.answer(session, frame.ref, this.graph.list(askerOf(session)));
      case 'declareQueue':
      case 'deleteQueue':
      case 'purge':
      case 'inspect':
        this.command(askerOf(session), frame, this.answerTo(session, frame.ref));
        return undefined;
      case 'consume':
        return this.answer(session, frame.ref, this.consumers.consume(session, frame.options));
      case 'history': {
        const refusal = this.pages.ask(session, frame.ref, frame.options);
        return refusal && this.error(session, frame.ref, refusal);
      }
      case 'stats':
        return session.principal.may('admin', '', '')
          ? this.write(session, { type: 'ok', ref: frame.ref, result: this.stats() })
          : this.error(session, frame.ref, { error: 'forbidden' });
      case 'bye':
        this.flusher.flushSession(session);
        this.sessions.happened(session, 'bye');
        return undefined;
      default:
        return frame satisfies never;
    }
  }

  /** A frame with a wrong field: its command is refused, or told as an error without a ref. */
  handleInvalid(
    session: Session,
    fault: { readonly ref?: number; readonly seq?: number } & Refusal,
  ): ErrorName | undefined {
    if (fault.seq !== undefined) return this.publishing.refuseInvalid(session, fault.seq, fault);
    return this.error(session, fault.ref ?? null, fault);
  }

  /** Tells every client when to come back, each at its own time within the window. */
  announceDrain(windowMs: number): void {
    this.context.draining = true;
    for (const session of this.context.sessions.values()) {
      if (!session.link) continue;
      const reconnectInMs = Math.floor(this.context.ids.random() * windowMs);
      this.write(session, { type: 'drain', reconnectInMs });
    }
    this.flusher.flush();
  }

  /**
   * True once nothing waits for an attached client's ack, or for its confirm: a drain need not wait longer. A session
   * without a connection can neither ack nor be told: what it holds waits for its resume, here or in the next hub.
   */
  get isSettled(): boolean {
    for (const session of this.context.sessions.values()) {
      if (!session.link) continue;
      if (session.link.bufferedBytes > 0 || session.hasPublishesPending) return false;
      for (const { queue } of session.subscriptions.values()) {
        if (queue.window.unsettled > 0 || (queue.ready.length > 0 && queue.prefetch > 0)) return false;
      }
      for (const { consumer } of session.consumers.values()) if (consumer.inflight > 0) return false;
    }
    return true;
  }

  /** Closes every connection with `draining`; their sessions park. */
  closeConnections(): void {
    this.flusher.flush();
    for (const session of this.context.sessions.values()) this.sessions.happened(session, 'drain');
  }

  /** Stops what runs by itself. */
  close(): void {
    this.sweeper.stop();
    this.recounts.stop();
    this.queues.stop();
    this.checkpoints.save();
    this.checkpoints.stop();
  }

  // ── HubApi ──

  publish(principal: Principal, request: PublishRequest, done: (outcome: PublishOutcome) => void): void {
    this.publishing.publishRequest(principal, request, done);
  }

  history(
    principal: Principal,
    request: HistoryRequest,
    done: (answer: HistoryPage | Refusal) => void,
  ): void {
    this.pages.query(principal, request, (page) => {
      if ('error' in page) {
        done(page);
        return;
      }
      const [frame] = decodeServerMessage(encodeHistory(0, page.items, page.cursor, page.more)) ?? [];
      done((frame as unknown as { result: HistoryPage }).result);
    });
  }

  listen(principal: Principal, options: SubscribeOptions, listener: Listener): Listening | Refusal {
    this.feed.giveOut();
    return this.listeners.open(principal, options, listener);
  }

  topology(principal: Principal): Topology {
    return this.graph.list({ principal, session: undefined });
  }

  changeTopology(principal: Principal, change: TopologyChange, done: (refusal?: Refusal) => void): void {
    this.feed.giveOut();
    const asker = { principal, session: undefined };
    this.graph.changeGraph(asker, change, this.audit.of(asker, change, done));
  }

  queueCommand(
    principal: Principal,
    command: QueueCommand,
    done: (answer: QueueInfo | QueueEmptied | Refusal) => void,
  ): void {
    this.feed.giveOut();
    this.command({ principal, session: undefined }, command, done);
  }

  health(): Health {
    const reasons: string[] = [];
    if (this.context.draining) reasons.push('the hub is shutting down');
    if (this.context.failure) reasons.push(`the store has failed: ${this.context.failure}`);
    if (this.sweeper.residual !== 0)
      reasons.push(`the ledger leaves over ${this.sweeper.residual}: this is a bug`);
    return { ready: reasons.length === 0, reasons };
  }

  stats(): HubStats {
    return statsOf(this.context, this.sessions.parkedCount);
  }

  queueMeasures(): QueueMeasures[] {
    return measuresOfQueues(this.context);
  }

  sizes(): Readonly<Record<string, number>> {
    return sizesOf(this.context, this.sessions.subjectCount);
  }

  // ── commands ──

  private changeGraph(session: Session, frame: TopologyCommand): void {
    const answer = this.answerTo(session, frame.ref);
    const asker = askerOf(session);
    // What a queue of the session itself is bound to is its own affair.
    const isOwn = 'to' in frame && typeof frame.to === 'number';
    this.graph.change(session, frame, isOwn ? answer : this.audit.of(asker, frame as TopologyChange, answer));
  }

  private command(
    asker: Asker,
    command: QueueCommand,
    answer: (answer: QueueInfo | QueueEmptied | Refusal) => void,
  ): void {
    const told = this.audit.of<QueueInfo | QueueEmptied | Refusal>(asker, command, (given) => answer(given!));
    this.queues.perform(asker, command, told);
  }

  /** Answers a command whenever its answer is there; over a connection that is gone nobody waits for it. */
  private answerTo(session: Session, ref: number): (answer?: Refusal | Result) => void {
    const { link } = session;
    return (answer) => {
      if (session.link === link) this.answer(session, ref, answer);
    };
  }

  private answer(session: Session, ref: number, answer: Refusal | Result | undefined): ErrorName | undefined {
    if (answer && 'error' in answer) return this.error(session, ref, answer);
    return this.write(session, { type: 'ok', ref, ...(answer ? { result: answer } : {}) });
  }

  private error(session: Session, ref: number | null, { error, detail }: Refusal): ErrorName | undefined {
    const { code, text } = ERRORS[error];
    session.refusals++;
    return this.write(session, { type: 'error', ref, code, text, ...(detail && { detail }) });
  }

  private write(session: Session, frame: Answer): undefined {
    this.flusher.write(session, frame);
  }
}

const askerOf = (session: Session): Asker => ({ principal: session.principal, session });
