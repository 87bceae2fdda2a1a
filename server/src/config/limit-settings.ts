/**
 * Sections `limits` and `roles.<name>.limits`: what is left out keeps the built-in bound.
 */
import { z } from 'zod';
import { DRAINED_BELOW_BYTES } from '../ports/transport.ts';

const count = z.int().min(1);

/** What the node may take. */
export const nodeLimits = z.strictObject({
  maxFrameBytes: count.optional(),
  maxFragments: count.optional(),
  maxHeaderBytes: count.min(1_024).optional(),
  maxHeaders: count.min(16).optional(),
  maxConnections: count.optional(),
  maxConnectionsPerAddress: count.optional(),
  maxSocketsPerAddress: count.optional(),
  maxPendingSockets: count.optional(),
  maxRequestsPerSecPerAddress: count.optional(),
  maxRequestsBurstPerAddress: count.optional(),
  maxParkedSessions: count.optional(),
  maxBindings: count.optional(),
  maxExchanges: count.optional(),
  maxExchangeBindings: count.optional(),
  maxNamedQueues: count.optional(),
  queueMemoryBytes: count.optional(),
  memoryBudgetBytes: count.optional(),
  // Below, the socket would never be told to have drained.
  maxSocketBufferBytes: count.min(DRAINED_BELOW_BYTES).optional(),
  handshakeTimeoutMs: count.optional(),
  requestTimeoutMs: count.optional(),
  helloTimeoutMs: count.optional(),
  heartbeatMs: count.optional(),
  deadMs: count.optional(),
  resumeWindowMs: count.optional(),
  maxRedeliveries: count.optional(),
  lastPerKeyEntries: count.optional(),
  lastPerKeyBytes: count.optional(),
});

/** What one session of a role may take. */
export const sessionLimits = z.strictObject({
  maxPayloadBytes: count.optional(),
  maxSubscriptions: count.optional(),
  maxBindings: count.optional(),
  maxQueueCapacity: count.optional(),
  maxQueueBytes: count.optional(),
  defaultQueueCapacity: count.optional(),
  defaultQueueBytes: count.optional(),
  defaultPrefetch: count.optional(),
  maxPrefetch: count.optional(),
  maxSessionBytes: count.optional(),
  publishWindowMessages: count.optional(),
  publishWindowBytes: count.optional(),
  maxOutputBytes: count.optional(),
  maxFramesPerSec: count.optional(),
  maxFramesBurst: count.optional(),
  maxConnectionsPerSubject: count.optional(),
  maxParkedPerSubject: z.int().min(0).optional(),
  maxDeclaredPerSubject: z.int().min(0).optional(),
  maxRequestsPerSec: count.optional(),
  maxRequestsBurst: count.optional(),
});
