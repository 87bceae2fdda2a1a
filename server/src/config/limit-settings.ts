/**
 * Sections `limits` and `roles.<name>.limits`: what is left out keeps the built-in bound.
 */
import * as z from 'zod';
import { DRAINED_BELOW_BYTES } from '../ports/transport.ts';

const count = z.int().min(1);
/** `ws` goes on to give what it has read when it is told to stop. */
const MIN_BACKLOG_BYTES = 1024 * 1024;

/** What the node may take. */
export const nodeLimits = z.strictObject({
  maxFrameBytes: count.optional().describe('Bytes of one WebSocket message'),
  maxFragments: count.optional().describe('Pieces of one WebSocket message (ws only)'),
  maxBacklogBytes: count
    .min(MIN_BACKLOG_BYTES)
    .optional()
    .describe(
      'Bytes that one connection sent and that are not handled yet (uWebSockets.js; ws reads no further)',
    ),
  maxHeaderBytes: count.min(1_024).optional().describe("Bytes of the fields of a request's head"),
  maxHeaders: count.min(16).optional().describe("Fields of a request's head"),
  maxConnections: count.optional().describe('WebSockets of the node'),
  maxConnectionsPerAddress: count.optional().describe('WebSockets of one address; IPv6 counts by its /64'),
  maxSocketsPerAddress: count
    .optional()
    .describe('TCP connections of one peer, trusted proxies aside (ws only)'),
  maxPendingSockets: count
    .optional()
    .describe('TCP connections that wait to be taken; the system has a bound of its own (ws only)'),
  maxRequestsPerSecPerAddress: count
    .optional()
    .describe('HTTP requests without valid credentials from one address, for long'),
  maxRequestsBurstPerAddress: count
    .optional()
    .describe('HTTP requests without valid credentials from one address, at once'),
  maxParkedSessions: count
    .optional()
    .describe('Sessions of the node that wait for their client to come back'),
  maxBindings: count.optional().describe('Bindings of the node'),
  maxExchanges: count.optional().describe('Exchanges of the node'),
  maxExchangeBindings: count.optional().describe('Bindings between exchanges'),
  maxNamedQueues: count.optional().describe('Named queues of the node'),
  queueMemoryBytes: count.optional().describe('Bytes of messages in named queues that are not durable'),
  memoryBudgetBytes: count.optional().describe('Bytes of payloads held by all rings, each counted once'),
  // Below, the socket would never be told to have drained.
  maxSocketBufferBytes: count
    .min(DRAINED_BELOW_BYTES)
    .optional()
    .describe('Unwritten bytes above which a socket is not written to'),
  handshakeTimeoutMs: count
    .optional()
    .describe("How long a request's head may take (ws; uWebSockets.js has 10 s, fixed)"),
  requestTimeoutMs: count.optional().describe('How long a request may take with its body'),
  helloTimeoutMs: count.optional().describe('How long from the handshake to a hello with a valid token'),
  heartbeatMs: count.optional().describe('How often a quiet connection is asked whether it is there'),
  deadMs: count.optional().describe('Silence after which a connection is ended'),
  resumeWindowMs: count.optional().describe('How long a session waits for its client to come back'),
  maxRedeliveries: count
    .optional()
    .describe('How often a message of a session queue is delivered again after a nack'),
  lastPerKeyEntries: count.optional().describe('Last values that one exchange keeps'),
  lastPerKeyBytes: count.optional().describe('Bytes of the last values of all exchanges'),
});

/** What one session of a role may take. */
export const sessionLimits = z.strictObject({
  maxPayloadBytes: count.optional().describe('Bytes of one payload'),
  maxSubscriptions: count.optional().describe('Subscriptions and consumers of one session'),
  maxBindings: count.optional().describe('Bindings of one session'),
  maxQueueCapacity: count.optional().describe('Messages that a subscription may ask its ring to hold'),
  maxQueueBytes: count.optional().describe('Bytes that a subscription may ask its ring to hold'),
  defaultQueueCapacity: count
    .optional()
    .describe('Messages that a ring holds where a subscription does not say'),
  defaultQueueBytes: count.optional().describe('Bytes that a ring holds where a subscription does not say'),
  defaultPrefetch: count.optional().describe('Messages under way where a subscription does not say'),
  maxPrefetch: count.optional().describe('Messages under way that a subscription may ask for'),
  maxSessionBytes: count.optional().describe('Bytes waiting in all rings of a session'),
  publishWindowMessages: count.optional().describe('Messages published and not confirmed yet'),
  publishWindowBytes: count.optional().describe('Bytes published and not confirmed yet'),
  maxOutputBytes: count.optional().describe('Bytes of answers that a client has not read yet'),
  maxFramesPerSec: count.optional().describe('Frames of one connection, for long; acks count a sixteenth'),
  maxFramesBurst: count.optional().describe('Frames of one connection at once'),
  maxRefusalsPerSec: count
    .optional()
    .describe('Refused commands of one connection, for long; above, it is read from no faster'),
  maxRefusalsBurst: count.optional().describe('Refused commands of one connection at once'),
  maxConnectionsPerSubject: count.optional().describe('Connections of one subject, event streams included'),
  maxParkedPerSubject: z.int().min(0).optional().describe('Parked sessions of one subject'),
  maxDeclaredPerSubject: z
    .int()
    .min(0)
    .optional()
    .describe('Exchanges and named queues that one subject has declared'),
  maxRequestsPerSec: count
    .optional()
    .describe('HTTP requests of one subject, for long; each message of a publish counts'),
  maxRequestsBurst: count.optional().describe('HTTP requests of one subject at once'),
});
