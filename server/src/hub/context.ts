/**
 * What the parts of the hub share: its ports, its registries and its counters. Wired once, by `hub.ts`.
 */

import type { LogId } from '@ringhub/protocol';
import type { DeclaredQueue, QueueConsumer } from '../core/declared-queue.ts';
import { DEFAULT_EXCHANGE, Exchanges } from '../core/exchanges.ts';
import type { HubCodec } from '../core/hub-codec.ts';
import { BinaryHubCodec } from '../core/hub-codec-binary.ts';
import { JsonHubCodec } from '../core/hub-codec-json.ts';
import { Ledger } from '../core/ledger.ts';
import {
  limitsOfRole,
  NODE_LIMITS,
  type NodeLimits,
  type RoleLimits,
  type SessionLimits,
} from '../core/limits.ts';
import { MemoryBudget } from '../core/memory-budget.ts';
import type { Moment } from '../core/queue-entry.ts';
import { QueueFigures } from '../core/queue-figures.ts';
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import { Tally } from '../core/tally.ts';
import type { Principal } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine, StoredRecord } from '../ports/engine.ts';
import type { AuditEntry } from '../ports/hub-api.ts';
import type { Ids } from '../ports/ids.ts';
import { Definitions } from './definitions.ts';

export interface HubOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits?: Partial<NodeLimits>;
  readonly roleLimits?: RoleLimits;
  /** Overrides for every role. */
  readonly sessionLimits?: Partial<SessionLimits>;
  /** Told once, when nothing durable can be stored any more. */
  readonly onStoreFailure?: (why: string) => void;
  /** Told of what administrators did, or were refused. */
  readonly onAudit?: (entry: AuditEntry) => void;
  /** Told when something happened that must not. */
  readonly onFault?: (fault: string, error?: unknown) => void;
}

/** Sums since the start; gauges are read from the registries. */
export class Counters {
  taken = 0;
  duplicate = 0;
  readonly refused = new Map<string, number>();
  unroutable = 0;
  deliveries = 0;
  redeliveries = 0;
  gaps = 0;
  resumed = 0;
  resumesLost = 0;
  deadLetters = 0;
  /** Without an exchange, with too many deaths behind them, or not taken by the engine. */
  deadLettersLost = 0;
  /** Records and entries found damaged on disk. */
  corrupt = 0;
}

export class HubContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: NodeLimits;
  readonly exchanges: Exchanges<Subscription, DeclaredQueue>;
  /** Undefined where nothing can be durable. */
  readonly definitions: Definitions | undefined;
  /** Exchanges and named queues that are there, by the subject that declared them. */
  readonly declared = new Tally();
  readonly namedQueues = new Map<string, DeclaredQueue>();
  readonly consumers = new Map<number, QueueConsumer>();
  readonly budget: MemoryBudget;
  readonly jsonCodec: HubCodec;
  readonly binaryCodec: HubCodec;
  readonly sessions = new Map<string, Session>();
  readonly counters = new Counters();
  /** Ledgers of queues that ended, and what their laws left over. */
  readonly ended = new Ledger();
  endedResidual = 0;
  /** By how many messages the books of durable queues and the store differed at the start. */
  storeResidual = 0;
  /** Ledgers of named queues that ended. */
  readonly endedQueues = new Ledger();
  readonly endedFigures: QueueFigures;
  /** Bytes of messages that named queues hold in memory. */
  queueBytes = 0;
  /** Records the feed has brought, of all logs: tells one from the other. */
  fed = 0;
  draining = false;
  /** Why nothing durable can be stored any more. */
  failure: string | undefined;
  /** Bindings of all sessions. */
  bindings = 0;

  private readonly roleLimits: RoleLimits;
  /** As many as there are roles: no token has one that the configuration does not know. */
  private readonly limitsByRole = new Map<string, SessionLimits>();
  private readonly sessionLimits: Partial<SessionLimits>;
  private readonly onFault: (fault: string, error?: unknown) => void;
  private readonly feedOffsets = new Map<LogId, number>();
  private queueIds = 0;
  private readonly queuesById = new Map<number, DeclaredQueue>();
  private durableQueueIds = 0;
  private volatileQueueIds = 0;

  constructor(options: HubOptions) {
    this.engine = options.engine;
    this.clock = options.clock;
    this.ids = options.ids;
    this.limits = { ...NODE_LIMITS, ...options.limits };
    this.roleLimits = options.roleLimits ?? new Map();
    this.sessionLimits = options.sessionLimits ?? {};
    this.onFault = options.onFault ?? (() => {});
    this.exchanges = new Exchanges(this.limits);
    this.definitions = this.engine.meta && new Definitions(this.engine.meta);
    this.endedFigures = new QueueFigures(this.clock.nowMs());
    this.budget = new MemoryBudget(this.limits.memoryBudgetBytes);
    this.jsonCodec = new JsonHubCodec(this.budget);
    this.binaryCodec = new BinaryHubCodec(this.budget);
    for (const log of this.engine.logs) this.feedOffsets.set(log, this.engine.bounds(log).last);
  }

  limitsOf(role: string): SessionLimits {
    let limits = this.limitsByRole.get(role);
    if (!limits) {
      limits = { ...limitsOfRole(role), ...this.roleLimits.get(role), ...this.sessionLimits };
      this.limitsByRole.set(role, limits);
    }
    return limits;
  }

  /** Whether somebody has declared all the exchanges and named queues that the role may. */
  hasDeclaredAll({ subject, role }: Principal): boolean {
    return this.declared.of(subject) >= this.limitsOf(role).maxDeclaredPerSubject;
  }

  /** Offset of the last record of a log that the feed has brought. */
  readonly feedOffset = (log: LogId): number => this.feedOffsets.get(log) ?? 0;

  /** The feed has brought a record. */
  feedReached({ log, offset }: StoredRecord): void {
    this.fed++;
    this.feedOffsets.set(log, offset);
  }

  epochOf(log: LogId): string {
    return this.engine.bounds(log).epoch;
  }

  /** Queue ids are never used twice in a process, so an old ack can never settle a new tag. */
  nextQueueId(): number {
    return ++this.queueIds;
  }

  /** The two clocks and chance, for calls of named queues. */
  moment(): Moment {
    return { nowMs: this.clock.nowMs(), wallMs: this.clock.wallMs(), random: this.ids.random() };
  }

  // ── named queues ──

  /** Ids of durable queues are positive, and never used again, also by a later process; others are negative. */
  nextNamedQueueId(isDurable: boolean): number {
    if (!isDurable) return --this.volatileQueueIds;
    this.durableQueueIds++;
    this.saveNumbers();
    return this.durableQueueIds;
  }

  /** Numbers that must not be used again, as far as they were given. */
  saveNumbers(): void {
    const incarnation = this.exchanges.durableIncarnations;
    this.definitions?.saveNumbers({ incarnation, queue: this.durableQueueIds });
  }

  /** Goes on with the numbers of an earlier process. */
  restoreNumbers({ incarnation, queue }: { readonly incarnation: number; readonly queue: number }): void {
    this.exchanges.durableIncarnations = incarnation;
    this.durableQueueIds = queue;
  }

  /** A queue is there: by its name, by its id, and bound to the default exchange. */
  rememberQueue(queue: DeclaredQueue): void {
    this.namedQueues.set(queue.name, queue);
    this.queuesById.set(queue.id, queue);
    if (queue.declaredBy !== undefined) this.declared.add(queue.declaredBy);
    queue.bind({ exchange: this.exchanges.get(DEFAULT_EXCHANGE)!, spec: { key: queue.name } });
  }

  forgetQueue(queue: DeclaredQueue): void {
    this.namedQueues.delete(queue.name);
    this.queuesById.delete(queue.id);
    if (queue.declaredBy !== undefined) this.declared.remove(queue.declaredBy);
    this.endedQueues.add(queue.state.ledger);
    this.endedFigures.add(queue.state.account.figures.toSums());
    this.endedResidual += Math.abs(queue.state.residual);
  }

  queueOfId(id: number): DeclaredQueue | undefined {
    return this.queuesById.get(id);
  }

  /** Whether one more message may be held in memory for a queue that holds all of its there. */
  hasQueueMemoryFor(queue: DeclaredQueue, bytes: number): boolean {
    return queue.isDurable || this.queueBytes + bytes <= this.limits.queueMemoryBytes;
  }

  fault(text: string, error?: unknown): void {
    this.onFault(text, error);
  }
}
