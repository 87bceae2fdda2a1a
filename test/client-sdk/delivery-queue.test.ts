/** The bounded buffer of a feed: what is dropped, and which tags something later stands for (memory stays bounded). */
import { expect, it } from 'vitest';
import type { Delivery } from '../../client-sdk/src/delivery.ts';
import { DeliveryQueue } from '../../client-sdk/src/delivery-queue.ts';

const message = (tag: number): Delivery => ({
  item: {
    kind: 'message',
    exchange: 'x',
    key: 'k',
    payload: 'abc',
    contentType: 'text/plain',
    log: 'v',
    offset: tag,
    timeMs: 0,
  },
  note: undefined,
  position: { log: 'v', epoch: 'e', offset: tag },
  tag,
  lastTag: tag,
  life: 1,
  settled: false,
});

it('every tag but the last of a dropped run is covered, so nothing of the others need be remembered', () => {
  const queue = new DeliveryQueue();
  const covered: number[] = [];
  for (let tag = 1; tag <= 1_000; tag++)
    covered.push(...queue.push(message(tag), { capacity: 3, capacityBytes: 1e6 }));
  expect(queue.dropped).toBe(998);
  expect(covered).toEqual(Array.from({ length: 997 }, (_, i) => i + 1));
  const gap = queue.shift()!;
  expect([gap.tag, gap.lastTag, gap.item]).toEqual([
    1,
    998,
    {
      kind: 'gap',
      gap: {
        count: 998,
        reason: 'not-received',
        ranges: [{ log: 'v', epoch: 'e', from: 1, to: 998, count: 998, reason: 'not-received' }],
      },
    },
  ]);
  expect([queue.shift()?.tag, queue.shift()?.tag, queue.shift()]).toEqual([999, 1_000, undefined]);
});

it('is bounded in bytes as well', () => {
  const queue = new DeliveryQueue();
  for (let tag = 1; tag <= 5; tag++) queue.push(message(tag), { capacity: 100, capacityBytes: 7 });
  expect([queue.dropped, queue.shift()?.lastTag, queue.shift()?.tag]).toEqual([3, 3, 4]);
});
