/**
 * The hub: sessions, exchanges, rings and the ledger behind one door (DESIGN §3).
 *
 *   gateway ─► Sessions (open, resume, park)   Subscriptions   Publishing ─► engine
 *                                                                              │ feed
 *   gateway ◄──────────── Flusher ◄── rings ◄──────────────────── Feed ◄───────┘
 *
 * Single-threaded: each call runs to its end. Everything it says to clients waits for the end of the turn.
 */
import {
  type ClientFrame,
  decodeServerMessage,
  ERRORS,
  type ErrorDetail,
  type ErrorEntry,
  type ErrorName,
  type ExchangeOptions,
  encodeHistory,
  encodeServerFrame,
  formatCursor,
  type Hello,
  type HistoryPage,
  type HistoryRequest,
  type SubscribeOptions,
  type Topology,
} from '@ringhub/protocol';
import { Ledger } from '../core/ledger.ts';
import type { Link, Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Principal } from '../ports/auth.ts';
import type {
  Health,
  HubApi,
  HubStats,
  Listener,
  Listening,
  PublishOutcome,
  PublishRequest,
  TopologyChange,
} from '../ports/hub-api.ts';
import { HubContext, type HubOptions } from './context.ts';
import { HubEvents } from './events.ts';
import { Feed } from './feed.ts';
import { Flusher } from './flusher.ts';
import { History } from './history.ts';
import { Listeners } from './listeners.ts';
import { MemoryRelief } from './memory-relief.ts';
import { Publishing } from './publishing.ts';
import { Sessions } from './sessions.ts';
import { type Refusal, Subscriptions } from './subscriptions.ts';
import { Sweeper } from './sweeper.ts';
import { TopologyCommands } from './topology.ts';

export type { HubOptions } from './context.ts';

/** A frame of an open connection: everything but the hello and the heartbeat, which are the gateway's. */
export type Command = Exclude<ClientFrame, { type: 'hello' | 'ping' | 'pong' }>;

export class Hub implements HubApi {
  private readonly context: HubContext;
  private readonly flusher: Flusher;
  private readonly subscriptions: Subscriptions;
  private readonly sessions: Sessions;
  private readonly graph: TopologyCommands;
  private readonly publishing: Publishing;
  private readonly pages: History;
  private readonly listeners: Listeners;
  private readonly sweeper: Sweeper;

  constructor(options: HubOptions) {
    this.context = new HubContext(options);
    this.flusher = new Flusher(this.context);
    const events = new HubEvents(this.context);
    this.subscriptions = new Subscriptions(this.context, this.flusher, events);
    this.graph = new TopologyCommands(this.context, this.subscriptions);
    this.sessions = new Sessions(this.context, this.flusher, this.subscriptions, events);
    this.publishing = new Publishing(this.context, this.flusher);
    this.pages = new History(this.context, this.flusher, this.subscriptions);
    this.listeners = new Listeners(this.context, this.sessions, this.subscriptions, this);
    events.onPublish((exchange, key, payload) => this.publishing.publishOwn(exchange, key, payload));
    this.sweeper = new Sweeper(this.context, this.sessions, this.flusher);
    new Feed(
      this.context,
      this.flusher,
      this.sessions,
      new MemoryRelief(this.context, this.sessions, this.flusher),
    );
  }

  /** Declares an exchange of the operator's; a fault is the operator's mistake. */
  declareExchange(name: string, options: ExchangeOptions = { type: 'topic' }): ErrorName | undefined {
    return this.context.exchanges.declare(name, options);
  }

  // ── for the gateway ──

  /** Answers a hello with a session on this connection, or says why not. */
  open(principal: Principal, hello: Hello, link: Link): Session | ErrorEntry {
    return this.sessions.open(principal, hello, link);
  }

  /** The connection is gone; the session, if it is still this connection's, is parked. */
  lost(session: Session, link: Link): void {
    if (session.link === link) this.sessions.happened(session, 'connection-lost');
  }

  /** Writes what waits for a session now: its connection is about to be closed. */
  flush(session: Session): void {
    this.flusher.flushSession(session);
  }

  /** The connection takes data again. */
  drained(session: Session): void {
    this.flusher.markSession(session);
    this.pages.drained(session);
  }

  /** A heartbeat goes out, and with it where each subscription stands. */
  beat(session: Session): void {
    this.write(session, encodeServerFrame({ type: 'ping' }));
    for (const { queue } of session.subscriptions.values()) {
      const offset = queue.sentUpTo(this.context.feedOffset);
      if (offset === undefined) continue;
      const cursor = formatCursor([{ log: queue.reader.log, epoch: queue.reader.epoch, offset }]);
      this.write(session, encodeServerFrame({ type: 'mark', queue: queue.id, cursor }));
    }
  }

  answerPing(session: Session): void {
    this.write(session, encodeServerFrame({ type: 'pong' }));
  }

  /**
   * Performs a command of a session.
   *
   * @returns an error that ends the connection, or `undefined`
   */
  handle(session: Session, frame: Command): ErrorName | undefined {
    switch (frame.type) {
      case 'publish':
        return this.publishing.publish(session, frame);
      case 'ack':
        return this.settle(session, frame.queue, (queue) => queue.ack(frame.upTo, frame.ranges));
      case 'reject':
        return this.settle(session, frame.queue, (queue) => queue.reject(frame.ranges));
      case 'nack':
        return this.settle(session, frame.queue, (queue) => queue.nack(frame.ranges));
      case 'subscribe': {
        const result = this.subscriptions.subscribe(session, frame.options);
        if ('error' in result) return this.error(session, frame.ref, result);
        return this.write(session, encodeServerFrame({ type: 'ok', ref: frame.ref, result }));
      }
      case 'unsubscribe':
        return this.onQueue(session, frame.ref, frame.queue, (subscription) => {
          this.subscriptions.end(subscription, 'unsubscribed');
        });
      case 'credit':
        return this.onQueue(session, frame.ref, frame.queue, (subscription) => {
          const { queue } = subscription;
          queue.prefetch = Math.min(frame.prefetch, session.limits.maxPrefetch, queue.settings.capacity - 1);
          this.flusher.markSubscription(subscription);
        });
      case 'declare':
      case 'bind':
      case 'unbind':
      case 'delete':
        return this.answer(session, frame.ref, this.graph.change(session, frame));
      case 'list':
        return this.answer(session, frame.ref, this.graph.list(session.principal));
      case 'history': {
        const refusal = this.pages.ask(session, frame.ref, frame.options);
        return refusal && this.error(session, frame.ref, refusal);
      }
      case 'stats':
        return session.principal.may('admin', '', '')
          ? this.write(session, encodeServerFrame({ type: 'ok', ref: frame.ref, result: this.stats() }))
          : this.error(session, frame.ref, { error: 'forbidden' });
      case 'declareQueue':
      case 'deleteQueue':
      case 'purge':
      case 'inspect':
      case 'consume':
        return this.error(session, frame.ref, { error: 'unavailable' });
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
      this.write(session, encodeServerFrame({ type: 'drain', reconnectInMs }));
    }
    this.flusher.flush();
  }

  /** True once nothing waits for an attached client's ack: a drain need not wait longer. */
  get isSettled(): boolean {
    for (const session of this.context.sessions.values()) {
      if (!session.link) continue;
      if (session.link.bufferedBytes > 0) return false;
      for (const { queue } of session.subscriptions.values()) {
        if (queue.window.unsettled > 0 || (queue.ready.length > 0 && queue.prefetch > 0)) return false;
      }
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
    return this.listeners.open(principal, options, listener);
  }

  topology(principal: Principal): Topology {
    return this.graph.list(principal);
  }

  changeTopology(principal: Principal, change: TopologyChange): Refusal | undefined {
    return this.graph.changeGraph(principal, change);
  }

  health(): Health {
    const reasons: string[] = [];
    if (this.context.draining) reasons.push('the hub is shutting down');
    if (this.sweeper.residual !== 0)
      reasons.push(`the ledger leaves over ${this.sweeper.residual}: this is a bug`);
    return { ready: reasons.length === 0, reasons };
  }

  stats(): HubStats {
    const { context } = this;
    const ledger = new Ledger();
    ledger.add(context.ended);
    let [ready, inflight, queues, attached] = [0, 0, 0, 0];
    let residual = context.endedResidual;
    for (const session of context.sessions.values()) {
      if (session.link) attached++;
      for (const { queue } of session.subscriptions.values()) {
        queues++;
        ledger.add(queue.ledger);
        ready += queue.ready.messages;
        inflight += queue.window.messages;
        residual += Math.abs(queue.residual);
      }
    }
    const { counters } = context;
    return {
      connections: attached,
      sessions: { attached, parked: this.sessions.parkedCount },
      queues,
      namedQueues: { count: 0, list: [] },
      figures: { responseTimeMs: null, throughputPerSec: 0, lossRate: null, delayMs: null },
      bindings: context.bindings,
      exchanges: context.exchanges.size,
      publishes: {
        taken: counters.taken,
        duplicate: counters.duplicate,
        refused: Object.fromEntries(counters.refused),
      },
      routed: ledger.routed,
      unroutable: counters.unroutable,
      deliveries: counters.deliveries,
      redeliveries: counters.redeliveries,
      gaps: counters.gaps,
      resumes: { resumed: counters.resumed, lost: counters.resumesLost },
      ledger: {
        routed: ledger.routed,
        acked: ledger.acked,
        written: ledger.written,
        rejected: ledger.rejected,
        expired: ledger.expired,
        dropped: Object.fromEntries(ledger.droppedBy ?? []),
        deadLettered: ledger.deadLettered,
        ready,
        inflight,
        residual,
      },
      memory: { heldBytes: context.budget.heldBytes, budgetBytes: context.budget.budgetBytes },
      logs: context.engine.logs.map((log) => ({ log, ...context.engine.bounds(log) })),
    };
  }

  // ── commands ──

  private settle(
    session: Session,
    id: number,
    how: (queue: Subscription['queue']) => number | undefined,
  ): ErrorName | undefined {
    const subscription = session.subscriptions.get(id);
    if (!subscription) return this.error(session, null, { error: 'unknown-queue', detail: { queue: id } });
    const tag = how(subscription.queue);
    if (tag !== undefined) {
      return this.error(session, null, { error: 'unknown-tag', detail: { queue: id, tag } });
    }
    this.flusher.markSubscription(subscription);
    return undefined;
  }

  private onQueue(
    session: Session,
    ref: number,
    id: number,
    what: (subscription: Subscription) => void,
  ): ErrorName | undefined {
    const subscription = session.subscriptions.get(id);
    if (!subscription) return this.error(session, ref, { error: 'unknown-queue', detail: { queue: id } });
    what(subscription);
    return this.write(session, encodeServerFrame({ type: 'ok', ref }));
  }

  private answer(
    session: Session,
    ref: number,
    answer: Refusal | Topology | undefined,
  ): ErrorName | undefined {
    if (answer && 'error' in answer) return this.error(session, ref, answer);
    return this.write(session, encodeServerFrame({ type: 'ok', ref, ...(answer ? { result: answer } : {}) }));
  }

  private error(session: Session, ref: number | null, { error, detail }: Refusal): ErrorName | undefined {
    const frame: { type: 'error'; ref: number | null; code: number; text: string; detail?: ErrorDetail } = {
      type: 'error',
      ref,
      code: ERRORS[error].code,
      text: ERRORS[error].text,
      ...(detail ? { detail } : {}),
    };
    return this.write(session, encodeServerFrame(frame));
  }

  private write(session: Session, frame: string): undefined {
    this.flusher.write(session, frame);
  }
}
