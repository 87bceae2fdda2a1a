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
  /** Frames of one connection, for long; answers to deliveries count a sixteenth. */
  readonly maxFramesPerSec: number;
  /** Frames of one connection at once. */
  readonly maxFramesBurst: number;
  /** Commands of one connection that are refused, for long; one that goes on is read from no faster than that. */
  readonly maxRefusalsPerSec: number;
  readonly maxRefusalsBurst: number;
  /** Connections of one subject at a time, event streams included. */
  readonly maxConnectionsPerSubject: number;
  /** Of one subject; above, the one that has been parked longest is closed. */
  readonly maxParkedPerSubject: number;
  /** Exchanges and named queues that one subject has declared and that are there. */
  readonly maxDeclaredPerSubject: number;
  /** HTTP requests of one subject, for long; each message of a publish counts as one. */
  readonly maxRequestsPerSec: number;
  readonly maxRequestsBurst: number;
}

/** What the node may take. */
export interface NodeLimits {
  readonly maxFrameBytes: number;
  /** A message in more pieces closes its connection; uWebSockets.js joins them as they come, and counts bytes only. */
  readonly maxFragments: number;
  /** Sent by one connection and not handled yet. `ws` is not read from beyond 64 KiB; uWebSockets.js cannot be stopped. */
  readonly maxBacklogBytes: number;
  /** Of a request's head. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxConnections: number;
  /** An IPv6 address counts as its /64. */
  readonly maxConnectionsPerAddress: number;
  /** TCP connections of one peer, whatever they say, if anything; trusted proxies have no bound. `ws` only. */
  readonly maxSocketsPerAddress: number;
  /** TCP connections that the system may hold until the hub takes them; it has a bound of its own besides. `ws` only. */
  readonly maxPendingSockets: number;
  /** HTTP requests without valid credentials from one address, for long. */
  readonly maxRequestsPerSecPerAddress: number;
  readonly maxRequestsBurstPerAddress: number;
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
  /** How long the head of a request may take, that of a WebSocket's handshake included. */
  readonly handshakeTimeoutMs: number;
  /** How long a request may take with its body. */
  readonly requestTimeoutMs: number;
  /** From the handshake's end to a hello whose token was found valid. */
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
  maxFramesPerSec: 100,
  maxFramesBurst: 500,
  maxRefusalsPerSec: 100,
  maxRefusalsBurst: 500,
  maxConnectionsPerSubject: 20,
  // As many: a user whose network fails keeps all sessions.
  maxParkedPerSubject: 20,
  maxDeclaredPerSubject: 100,
  maxRequestsPerSec: 50,
  maxRequestsBurst: 200,
};

/** Who shows no credentials shares one subject with everybody else who shows none. */
export const ANONYMOUS_LIMITS: SessionLimits = {
  ...BROWSER_LIMITS,
  maxConnectionsPerSubject: 10_000,
  maxParkedPerSubject: 10_000,
};

/** More than a hub can take from one client: none. */
const UNBOUNDED_RATE = 1_000_000;

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
  // A publisher is held to its window, and by that to what the hub can take.
  maxFramesPerSec: UNBOUNDED_RATE,
  maxFramesBurst: UNBOUNDED_RATE,
  maxRefusalsPerSec: 1_000,
  maxRefusalsBurst: 2_000,
  maxConnectionsPerSubject: 10_000,
  maxParkedPerSubject: 10_000,
  maxDeclaredPerSubject: 10_000,
  maxRequestsPerSec: UNBOUNDED_RATE,
  maxRequestsBurst: UNBOUNDED_RATE,
};

export const NODE_LIMITS: NodeLimits = {
  maxFrameBytes: 256 * 1024,
  maxFragments: 64,
  maxBacklogBytes: 8 * MIB,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 64,
  maxConnections: 20_000,
  maxConnectionsPerAddress: 100,
  // A browser opens six besides its WebSocket.
  maxSocketsPerAddress: 256,
  maxPendingSockets: 4_096,
  maxRequestsPerSecPerAddress: 100,
  maxRequestsBurstPerAddress: 500,
  maxParkedSessions: 20_000,
  maxBindings: 100_000,
  maxExchanges: 1_000,
  maxExchangeBindings: 10_000,
  maxNamedQueues: 10_000,
  queueMemoryBytes: 512 * MIB,
  memoryBudgetBytes: 512 * MIB,
  maxSocketBufferBytes: MIB,
  handshakeTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  helloTimeoutMs: 5_000,
  heartbeatMs: 20_000,
  deadMs: 45_000,
  resumeWindowMs: 120_000,
  maxRedeliveries: 5,
  lastPerKeyEntries: 100_000,
  lastPerKeyBytes: 64 * MIB,
};

/** A dev hub serves its own machine only: whoever tries it, or its load tests, come from one address. */
export const DEV_NODE_LIMITS: NodeLimits = {
  ...NODE_LIMITS,
  maxConnectionsPerAddress: NODE_LIMITS.maxConnections,
  maxSocketsPerAddress: 4 * NODE_LIMITS.maxConnections,
  maxRequestsPerSecPerAddress: UNBOUNDED_RATE,
  maxRequestsBurstPerAddress: UNBOUNDED_RATE,
};

const BY_ROLE = new Map<string, SessionLimits>([
  ['anonymous', ANONYMOUS_LIMITS],
  ['browser', BROWSER_LIMITS],
  ['server', SERVER_LIMITS],
  ['dev', SERVER_LIMITS],
]);

/** The built-in limits of a role; one that is not built in gets the tight ones. */
export const limitsOfRole = (role: string): SessionLimits => BY_ROLE.get(role) ?? BROWSER_LIMITS;

/** Limits that the operator has set, by role. */
export type RoleLimits = ReadonlyMap<string, Partial<SessionLimits>>;
