/**
 * What RabbitMQ itself leaves open, as its queues and channels are processes of their own: a message that is published to a queue, and a
 * dead letter of another queue which that publish caused, may come to the queue in either order; and when a connection ends, its
 * consumers of one queue go in any order, each giving back what it holds. There the comparison of a topology ends.
 */
import type { HubView } from './hub-broker.ts';
import type { Operation } from './topology.ts';

/** Whether it was open by this operation in which order messages come to a queue. */
export const leavesOrderOpen = (operation: Operation, before: HubView, after: HubView): boolean =>
  comeFromSeveral(operation, before, after) ||
  (operation.does === 'disconnect' && severalGiveBack(before, after));

/** Whether more than one consumer of a queue went, which had something in hand. */
const severalGiveBack = (before: HubView, after: HubView): boolean =>
  [...before.queues].some(
    ([name, { consumers, messages }]) =>
      messages.inflight > 0 && consumers - (after.queues.get(name)?.consumers ?? consumers) > 1,
  );

/** Whether messages from more than one process came to one queue. */
function comeFromSeveral(operation: Operation, before: HubView, after: HubView): boolean {
  let sources = operation.does === 'publish' ? 1 : 0;
  let most = 0;
  for (const [name, { ledger }] of after.queues) {
    const earlier = before.queues.get(name)?.ledger;
    if (ledger.deadLettered > (earlier?.deadLettered ?? 0)) sources++;
    most = Math.max(most, ledger.routed - (earlier?.routed ?? 0));
  }
  return sources > 1 && most > 1;
}
