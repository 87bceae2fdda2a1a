/**
 * What RabbitMQ itself leaves open: its queues are processes of their own, so a message that is published to a queue, and a dead letter
 * of another queue which that publish caused, may come to the queue in either order. There the comparison of a topology ends.
 */
import type { HubView } from './hub-broker.ts';
import type { Operation } from './topology.ts';

/** Whether messages from more than one process came to one queue by this operation. */
export function leavesOrderOpen(operation: Operation, before: HubView, after: HubView): boolean {
  let sources = operation.does === 'publish' ? 1 : 0;
  let most = 0;
  for (const [name, { ledger }] of after.queues) {
    const earlier = before.queues.get(name)?.ledger;
    if (ledger.deadLettered > (earlier?.deadLettered ?? 0)) sources++;
    most = Math.max(most, ledger.routed - (earlier?.routed ?? 0));
  }
  return sources > 1 && most > 1;
}
