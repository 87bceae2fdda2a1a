/**
 * With ack `none` nothing is sent again: after a resume the tags jump, and what did not arrive is told first thing, to
 * the message.
 */
import type { GapRange } from '@ringhub/client';
import type { Item } from '@ringhub/protocol';
import type { QueueAccount } from './queue-account.ts';

/** What is wrong with a jump of tags that begins with this item, or `undefined`. */
export function jumpFault(account: QueueAccount, lastTag: number, firstTag: number, first: Item) {
  const missed = account.messagesBetween(lastTag, firstTag);
  const ranges = first.kind === 'gap' ? first.gap.ranges : [];
  const sum = (some: readonly GapRange[]) => some.reduce((total, { count }) => total + (count ?? 0), 0);
  const told = sum(ranges.filter(({ reason }) => reason === 'not-received'));
  // Joined with other losses, a range counts those, too.
  const isJoined = ranges.some(({ reason }) => reason === 'several');
  const isTold = isJoined ? told <= missed && sum(ranges) >= missed : told === missed;
  return isTold ? undefined : `${missed} missed, ${told} told`;
}
