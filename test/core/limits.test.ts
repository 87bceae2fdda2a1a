/** Bounds that must fit one another. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { frameCost } from '../../server/src/core/frame-cost.ts';
import {
  ANONYMOUS_LIMITS,
  BROWSER_LIMITS,
  limitsOfRole,
  NODE_LIMITS,
  SERVER_LIMITS,
} from '../../server/src/core/limits.ts';
import { DRAINED_BELOW_BYTES } from '../../server/src/ports/transport.ts';

describe('limits', () => {
  it('are the tight ones for whoever is not known to deserve more', () => {
    expect(['browser', 'stranger', '__proto__', 'toString'].map(limitsOfRole)).toEqual(
      Array(4).fill(BROWSER_LIMITS),
    );
    // All who show no credentials may share one subject: there may be more of them, and each may do no more.
    const { maxConnectionsPerSubject, maxParkedPerSubject } = ANONYMOUS_LIMITS;
    expect(limitsOfRole('anonymous')).toEqual({
      ...BROWSER_LIMITS,
      maxConnectionsPerSubject,
      maxParkedPerSubject,
    });
    expect(['server', 'dev'].map(limitsOfRole)).toEqual(Array(2).fill(SERVER_LIMITS));
  });

  it.each([BROWSER_LIMITS, SERVER_LIMITS])(
    'let the largest payload through everything on its way',
    (limits) => {
      // Escaped as JSON a byte may take six; base64 a third more: what fits the frame is for the client to see to.
      expect(limits.maxPayloadBytes).toBeLessThan(NODE_LIMITS.maxFrameBytes);
      expect(limits.maxPayloadBytes).toBeLessThanOrEqual(limits.publishWindowBytes);
      expect(limits.maxPayloadBytes).toBeLessThan(limits.defaultQueueBytes);
      expect(limits.maxPayloadBytes).toBeLessThan(limits.maxOutputBytes);
      expect(limits.maxQueueBytes).toBeLessThanOrEqual(limits.maxSessionBytes);
      expect(limits.maxSessionBytes).toBeLessThan(NODE_LIMITS.memoryBudgetBytes);
    },
  );

  it.each([BROWSER_LIMITS, SERVER_LIMITS])('keep credit below the ring', (limits) => {
    expect(limits.defaultPrefetch).toBeLessThan(limits.defaultQueueCapacity);
    expect(limits.maxPrefetch).toBeLessThan(limits.maxQueueCapacity);
    expect(limits.defaultQueueCapacity).toBeLessThanOrEqual(limits.maxQueueCapacity);
    expect(limits.defaultQueueBytes).toBeLessThanOrEqual(limits.maxQueueBytes);
    expect(limits.maxBindings).toBeGreaterThanOrEqual(limits.maxSubscriptions);
  });

  it.each([ANONYMOUS_LIMITS, BROWSER_LIMITS, SERVER_LIMITS])('let a resume through the rate', (limits) => {
    // What was not confirmed is sent again at once, and each subscription may have acks to send.
    expect(limits.maxFramesBurst).toBeGreaterThanOrEqual(limits.publishWindowMessages);
    expect(limits.maxParkedPerSubject).toBeGreaterThanOrEqual(limits.maxConnectionsPerSubject);
    expect(limits.maxConnectionsPerSubject).toBeLessThanOrEqual(NODE_LIMITS.maxConnections);
    expect(limits.maxParkedPerSubject).toBeLessThanOrEqual(NODE_LIMITS.maxParkedSessions);
  });

  it('of a browser let all its subscriptions be busy: each acknowledges ten times a second', () => {
    const { maxSubscriptions, maxFramesPerSec } = BROWSER_LIMITS;
    expect(maxSubscriptions * 10 * frameCost('ack')).toBeLessThanOrEqual(maxFramesPerSec);
  });

  it('of the node fit one another', () => {
    expect(NODE_LIMITS.handshakeTimeoutMs).toBeLessThanOrEqual(NODE_LIMITS.requestTimeoutMs);
    expect(2 * NODE_LIMITS.heartbeatMs).toBeLessThan(NODE_LIMITS.deadMs);
    expect(NODE_LIMITS.deadMs).toBeLessThan(NODE_LIMITS.resumeWindowMs);
    // A socket that is no longer written to must come by the mark at which `drained` is told.
    expect(NODE_LIMITS.maxSocketBufferBytes).toBeGreaterThanOrEqual(DRAINED_BELOW_BYTES);
    for (const { text } of Object.values(ERRORS)) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(123);
  });
});
