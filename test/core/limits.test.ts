/** Bounds that must fit one another. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { BROWSER_LIMITS, limitsOfRole, NODE_LIMITS, SERVER_LIMITS } from '../../server/src/core/limits.ts';
import { DRAINED_BELOW_BYTES } from '../../server/src/ports/transport.ts';

describe('limits', () => {
  it('are the tight ones for whoever is not known to deserve more', () => {
    expect(['anonymous', 'browser', 'stranger', '__proto__', 'toString'].map(limitsOfRole)).toEqual(
      Array(5).fill(BROWSER_LIMITS),
    );
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

  it('of the node fit one another', () => {
    expect(2 * NODE_LIMITS.heartbeatMs).toBeLessThan(NODE_LIMITS.deadMs);
    expect(NODE_LIMITS.deadMs).toBeLessThan(NODE_LIMITS.resumeWindowMs);
    // A socket that is no longer written to must come by the mark at which `drained` is told.
    expect(NODE_LIMITS.maxSocketBufferBytes).toBeGreaterThanOrEqual(DRAINED_BELOW_BYTES);
    for (const { text } of Object.values(ERRORS)) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(123);
  });
});
