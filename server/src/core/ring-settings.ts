/** What a session queue is bound to, and of that what its subscriber is told (PROTOCOL §6). */
import type { Granted } from '@ringhub/protocol';

export interface RingSettings extends Granted {
  readonly conflationHeader?: string | undefined;
  readonly maxRedeliveries: number;
}

/** As it is now: the credit may have been changed. */
export function grantedBy(
  { overflow, capacity, capacityBytes, ack, ttlMs }: RingSettings,
  prefetch: number,
): Granted {
  const granted = { overflow, capacity, capacityBytes, ack, prefetch };
  return ttlMs === undefined ? granted : { ...granted, ttlMs };
}
