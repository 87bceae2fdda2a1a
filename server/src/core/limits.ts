/**
 * Every bound of the hub, in items and bytes, per role (PROTOCOL §15).
 *
 * Anonymous and browser principals get the tight ones; servers and the dev mode generous ones. The node-wide
 * bounds hold for everybody together.
 */

/** What one session may take. */
export interface SessionLimits {
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  readonly maxBindings: number;
  readonly maxQueueCapacity: number;
  readonly maxQueueBytes: number;
  readonly defaultQueueCapacity: number;
  readonly defaultQueueBytes: number;
  readonly defaultPrefetch: number;
  readonly maxPrefetch: number;
  /** Bytes waiting in all rings of a session. */
  readonly maxSessionBytes: number;
  readonly publishWindowMessages: number;
  readonly publishWindowBytes: number;
  /** Answers waiting to be written, deliveries aside. */
  readonly maxOutputBytes: number;
}

/** What the node may take. */
export interface NodeLimits {
  readonly maxFrameBytes: number;
  readonly maxConnections: number;
  readonly maxParkedSessions: number;
  readonly maxBindings: number;
  readonly maxExchanges: number;
  readonly maxNamedQueues: number;
  /** Bytes of messages that all named queues which are not durable hold. */
  readonly queueMemoryBytes: number;
  /** Bindings between exchanges: they outlive the session that made them. */
  readonly maxExchangeBindings: number;
  /** Bytes of payloads held by rings, each counted once. */
  readonly memoryBudgetBytes: number;
  /** A socket with more than this unwritten is not written to. */
  readonly maxSocketBufferBytes: number;
  readonly helloTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly deadMs: number;
  readonly resumeWindowMs: number;
  readonly maxRedeliveries: number;
  /** Of one exchange. */
  readonly lastPerKeyEntries: number;
  /** Of all exchanges together. */
  readonly lastPerKeyBytes: number;
}

const MIB = 1024 * 1024;

export const BROWSER_LIMITS: SessionLimits = {
  maxPayloadBytes: 128 * 1024,
  maxSubscriptions: 100,
  maxBindings: 200,
  maxQueueCapacity: 10_000,
  maxQueueBytes: 8 * MIB,
  defaultQueueCapacity: 1_000,
  defaultQueueBytes: 4 * MIB,
  defaultPrefetch: 256,
  maxPrefetch: 4_096,
  maxSessionBytes: 16 * MIB,
  publishWindowMessages: 256,
  publishWindowBytes: MIB,
  maxOutputBytes: MIB,
};

export const SERVER_LIMITS: SessionLimits = {
  maxPayloadBytes: 192 * 1024,
  maxSubscriptions: 1_000,
  // A resume names all of them in one hello, which has to fit a frame.
  maxBindings: 2_000,
  maxQueueCapacity: 100_000,
  maxQueueBytes: 64 * MIB,
  defaultQueueCapacity: 1_000,
  defaultQueueBytes: 4 * MIB,
  defaultPrefetch: 256,
  maxPrefetch: 32_768,
  maxSessionBytes: 256 * MIB,
  publishWindowMessages: 4_096,
  publishWindowBytes: 16 * MIB,
  maxOutputBytes: 8 * MIB,
};

export const NODE_LIMITS: NodeLimits = {
  maxFrameBytes: 256 * 1024,
  maxConnections: 20_000,
  maxParkedSessions: 20_000,
  maxBindings: 100_000,
  maxExchanges: 1_000,
  maxExchangeBindings: 10_000,
  maxNamedQueues: 10_000,
  queueMemoryBytes: 512 * MIB,
  memoryBudgetBytes: 512 * MIB,
  maxSocketBufferBytes: MIB,
  helloTimeoutMs: 5_000,
  heartbeatMs: 20_000,
  deadMs: 45_000,
  resumeWindowMs: 120_000,
  maxRedeliveries: 5,
  lastPerKeyEntries: 100_000,
  lastPerKeyBytes: 64 * MIB,
};

const BY_ROLE = new Map<string, SessionLimits>([
  ['anonymous', BROWSER_LIMITS],
  ['browser', BROWSER_LIMITS],
  ['server', SERVER_LIMITS],
  ['dev', SERVER_LIMITS],
]);

/** The built-in limits of a role; one that is not built in gets the tight ones. */
export const limitsOfRole = (role: string): SessionLimits => BY_ROLE.get(role) ?? BROWSER_LIMITS;

/** Limits that the operator has set, by role. */
export type RoleLimits = ReadonlyMap<string, Partial<SessionLimits>>;
