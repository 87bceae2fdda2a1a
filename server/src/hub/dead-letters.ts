/**
 * Publishes dead letters: the message leaves its queue and enters what its dead-letter exchange leads to, in one step
 * where both are stored (PROTOCOL §20).
 *
 * An exchange that is not there, or leads nowhere, takes the message all the same: into its log, if there is one. A
 * queue that the message has been through by itself is left out, so that it does not go in circles.
 */

import { type DeathReason, deadLetterOf, isDeathCycle } from '../core/dead-letter.ts';
import type { DeclaredQueue } from '../core/declared-queue.ts';
import type { QueueEntry } from '../core/queue-entry.ts';
import type { HubContext } from './context.ts';
import type { QueueIntake } from './queue-intake.ts';

export class DeadLetters {
  constructor(
    private readonly hub: HubContext,
    private readonly intake: QueueIntake,
  ) {}

  bury(queue: DeclaredQueue, entry: QueueEntry, reason: DeathReason): void {
    const settles = queue.isDurable ? [[queue.id, entry.seq] as const] : undefined;
    const { deadLetterExchange = '', deadLetterKey } = queue.state.settings;
    const exchange = this.hub.exchanges.get(deadLetterExchange);
    const letter = deadLetterOf(entry.record, {
      queue: queue.name,
      reason,
      wallMs: this.hub.clock.wallMs(),
      deadLetterExchange,
      deadLetterKey,
    });
    if (!exchange || !letter) {
      this.hub.counters.deadLettersLost++;
      if (settles) this.hub.engine.queues?.settle(queue.id, entry.seq);
      return;
    }
    const { reached, queues } = this.hub.exchanges.resolve(exchange, letter.key, letter.headers);
    const wanted = queues.filter(({ name }) => !isDeathCycle(letter.xDeath, name));
    const taking = this.intake.admit(wanted, letter);
    this.hub.engine.publish(
      { ...letter, log: exchange.log, reached },
      (result) => {
        this.intake.taken(taking, result);
        if (result.kind === 'taken') this.hub.counters.deadLetters++;
        else this.hub.counters.deadLettersLost++;
      },
      this.intake.extrasOf(taking, { isOwn: true, ...(settles && { settles }) }),
    );
  }
}
