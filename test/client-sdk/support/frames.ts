/** Hub frames, short. */
import type { Granted, Subscribed } from '@ringhub/protocol';

export const granted = (fields: Partial<Granted> = {}): Granted => ({
  overflow: 'drop-oldest',
  capacity: 1000,
  capacityBytes: 4_000_000,
  ack: 'auto',
  prefetch: 256,
  ...fields,
});

export const subscribed = (
  queue: number,
  fields: Partial<Granted> = {},
  cursor: string | null = 'v:e1:0',
): Subscribed => ({
  queue,
  cursor,
  granted: granted(fields),
});

/** A message item at an offset of the volatile log; its JSON data is the offset, too. */
export const item = (
  offset: number,
  key = 'k',
  payload = String(offset),
  contentType = 'application/json',
) => ['prices', key, payload, contentType, 'v', offset, 1_000_000 + offset];

/** Messages with tags from `firstTag` on, at offsets from `firstOffset` on. */
export const deliver = (
  queue: number,
  firstTag: number,
  count: number,
  firstOffset = firstTag,
  notes?: unknown,
) => {
  const items = Array.from({ length: count }, (_, i) => item(firstOffset + i));
  return notes ? ['deliver', queue, firstTag, items, notes] : ['deliver', queue, firstTag, items];
};

export const gapItem = (
  from: number,
  to: number,
  reason = 'overflow',
  count: number | null = to - from + 1,
) => ({
  gap: { count, reason, ranges: [['v', 'e1', from, to, count, reason]] },
});
