/**
 * What the parts of the hub share: its ports, its registries and its counters. Wired once, by `hub.ts`.
 */
import { Exchanges } from '../core/exchanges.ts';
import type { HubCodec } from '../core/hub-codec.ts';
import { BinaryHubCodec } from '../core/hub-codec-binary.ts';
import { JsonHubCodec } from '../core/hub-codec-json.ts';
import { Ledger } from '../core/ledger.ts';
import { limitsOfRole, NODE_LIMITS, type NodeLimits, type SessionLimits } from '../core/limits.ts';
import { MemoryBudget } from '../core/memory-budget.ts';
import type { Session } from '../core/session.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Ids } from '../ports/ids.ts';

export interface HubOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits?: Partial<NodeLimits>;
  /** Overrides for every role, for tests and operators. */
  readonly sessionLimits?: Partial<SessionLimits>;
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
}

export class HubContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: NodeLimits;
  readonly exchanges: Exchanges<Subscription>;
  readonly budget: MemoryBudget;
  readonly jsonCodec: HubCodec;
  readonly binaryCodec: HubCodec;
  readonly sessions = new Map<string, Session>();
  readonly counters = new Counters();
  /** Ledgers of queues that ended, and what their laws left over. */
  readonly ended = new Ledger();
  endedResidual = 0;
  /** Records the feed has brought, of all logs: tells one from the other. */
  fed = 0;
  draining = false;
  /** Bindings of all sessions. */
  bindings = 0;

  private readonly sessionLimits: Partial<SessionLimits>;
  private readonly onFault: (fault: string, error?: unknown) => void;
  private readonly feedOffsets = new Map<LogId, number>();
  private queueIds = 0;

  constructor(options: HubOptions) {
    this.engine = options.engine;
    this.clock = options.clock;
    this.ids = options.ids;
    this.limits = { ...NODE_LIMITS, ...options.limits };
    this.sessionLimits = options.sessionLimits ?? {};
    this.onFault = options.onFault ?? (() => {});
    this.exchanges = new Exchanges(this.limits);
    this.budget = new MemoryBudget(this.limits.memoryBudgetBytes);
    this.jsonCodec = new JsonHubCodec(this.budget);
    this.binaryCodec = new BinaryHubCodec(this.budget);
    for (const log of this.engine.logs) this.feedOffsets.set(log, this.engine.bounds(log).last);
  }

  limitsOf(role: string): SessionLimits {
    return { ...limitsOfRole(role), ...this.sessionLimits };
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

  fault(text: string, error?: unknown): void {
    this.onFault(text, error);
  }
}
